"""A case in words that belong to no protocol."""

from __future__ import annotations

import itertools
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

Ending: TypeAlias = Literal["end", "length", "tools"]
# Of the output, where there is a thought and the protocol counts it.
THOUGHT_TOKENS = 3
_NUMBERS = itertools.count(1)


def _unique() -> str:
    return f"n{next(_NUMBERS):06}"


@frozen
class Call:
    name: str
    arguments: dict[str, Any]
    id: str = "call_abc123xyz"


@frozen
class Said:
    """
    What a model says.

    Attributes:
        thought: said before all else, and sealed by *seal* where there are seals.
        text: in the pieces of its stream.
        input: tokens, those from the cache included.
        output: tokens, those of the thought included.
        name: of this answer, for ids.
    """

    text: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    thought: str = ""
    seal: str = ""
    ending: Ending = "end"
    input: int = 21
    cached: int = 0
    output: int = 8
    name: str = field(factory=_unique)

    @property
    def words(self) -> str:
        return "".join(self.text)


@frozen
class Heard:
    """
    What an upstream was asked.

    Attributes:
        said: role and text of each text, in order.
        images: media type and base64 data.
        calls: name and arguments of the calls in the history.
        results: what the tools answered, each with the name or id of its call.
        linked: each result belongs to a call before it, in the protocol's way.
        seals: of thoughts in the history.
        tools: name to schema, of those on offer.
        schema: of the answer.
    """

    said: list[tuple[str, str]] = field(factory=list)
    images: list[tuple[str, str]] = field(factory=list)
    calls: list[tuple[str, Any]] = field(factory=list)
    results: list[str] = field(factory=list)
    linked: bool = True
    seals: list[str] = field(factory=list)
    tools: dict[str, Any] = field(factory=dict)
    schema: Any = None
    stream: bool = False
