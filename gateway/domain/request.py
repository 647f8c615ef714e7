"""
What a caller asks of a model.

``None`` always means "the caller did not say", and a provider's default applies.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, frozen

from gateway.domain.parts import Opaque

if TYPE_CHECKING:
    from gateway.domain.parts import Extras, Part
    from gateway.domain.reply import Json


class Role(Enum):
    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@frozen
class Turn:
    """
    One message of the conversation.

    System and developer messages are turns, at the place where they stood. Tool
    results stand in a turn of their own (`Role.TOOL`) or, as some dialects have
    it, among the parts of a user's turn.

    Attributes:
        name: of the participant.
        bare: the content was one string, not a list of parts; ``None``: not
            known. Read and written alike, it gives back the JSON that came.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
    bare: bool | None = None
    extras: Extras = field(factory=dict)


@frozen
class Tool:
    """
    A tool that the caller offers to run.

    Attributes:
        schema: JSON Schema of the arguments; ``None`` if it takes none.
        strict: the model must keep to the schema.
        custom: takes free text instead of JSON arguments.
        format: what the text must look like, for a custom tool.
    """

    name: str
    description: str | None = None
    schema: Json = None
    strict: bool | None = None
    custom: bool = False
    format: Json = None
    extras: Extras = field(factory=dict)


@frozen
class ToolChoice:
    """
    Whether the model must use tools.

    Attributes:
        mode: ``named`` asks for the one tool in *names*.
        names: otherwise the tools that may be used; empty means all.
    """

    mode: Literal["none", "auto", "required", "named"]
    names: tuple[str, ...] = ()
    extras: Extras = field(factory=dict)


@frozen
class Sampling:
    """
    How the next token is drawn, how many, and until when.

    Attributes:
        max_tokens: of the answer, thinking included.
        n: number of choices.
        top_logprobs: likeliest tokens reported per position.
        verbosity: how long an answer should be (``low``, ``medium``, ``high``).
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    verbosity: str | None = None


@frozen
class Reasoning:
    """
    How much to think first, as the caller said it: dialects differ in the unit.

    Attributes:
        effort: a word such as ``low``.
        budget: in tokens.
        enabled: on or off, or ``None``.
        summary: the kind of summary to show (``auto``, ``concise``, ``detailed``).
    """

    effort: str | None = None
    budget: int | None = None
    enabled: bool | None = None
    summary: str | None = None
    extras: Extras = field(factory=dict)


@frozen
class OutputFormat:
    """
    What the answer must look like.

    Attributes:
        kind: any ``json``, or JSON after a ``schema``, or ``text``.
        name: of the schema.
    """

    kind: Literal["text", "json", "schema"]
    schema: Json = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extras: Extras = field(factory=dict)


OfferedTool: TypeAlias = Tool | Opaque


@frozen
class Request:
    """
    A whole request.

    Attributes:
        turns: kept out of ``repr``, which ends up in logs.
        tools: those of the provider's own are `Opaque`.
        parallel_tools: may several tools be called at once?
        include_usage: does the caller want token counts in a stream?
        user: the caller's name for whom it asks.
        metadata: the caller's own labels, ``{name: text}``.
        service_tier: how urgent or cheap, in the dialect's own word.
        extras: ``{dialect: {member: json}}``, all that is not modelled.
    """

    model: str
    turns: tuple[Turn, ...] = field(default=(), repr=False)
    tools: tuple[OfferedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    sampling: Sampling = field(factory=Sampling)
    reasoning: Reasoning = field(factory=Reasoning)
    output_format: OutputFormat | None = None
    stream: bool = False
    include_usage: bool = False
    user: str | None = None
    metadata: Json = field(default=None, repr=False)
    service_tier: str | None = None
    extras: Extras = field(factory=dict)

    # What backends ask for most, by the names that most providers have for it.

    @property
    def messages(self) -> tuple[Turn, ...]:
        return self.turns

    @property
    def temperature(self) -> float | None:
        return self.sampling.temperature

    @property
    def top_p(self) -> float | None:
        return self.sampling.top_p

    @property
    def top_k(self) -> int | None:
        return self.sampling.top_k

    @property
    def max_tokens(self) -> int | None:
        return self.sampling.max_tokens

    @property
    def stop(self) -> tuple[str, ...]:
        return self.sampling.stop

    @property
    def n(self) -> int | None:
        return self.sampling.n

    @property
    def seed(self) -> int | None:
        return self.sampling.seed

    @property
    def presence_penalty(self) -> float | None:
        return self.sampling.presence_penalty

    @property
    def frequency_penalty(self) -> float | None:
        return self.sampling.frequency_penalty

    @property
    def reasoning_effort(self) -> str | None:
        return self.reasoning.effort
