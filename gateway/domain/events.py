"""
The stream vocabulary: what every reader produces and every writer consumes.

``block`` numbers are unique in a reply. `BlockStart` alone knows choice and part,
so that deltas stay two fields wide. `gateway.domain.grammar` has the legal order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.parts import Citation, Extras, Logprob, Part, Signature
    from gateway.domain.reply import Finish, Json, Usage


@frozen
class ReplyStart:
    """
    The upstream has begun to answer; see `gateway.domain.reply.Reply`.

    Attributes:
        id: the provider's name for the reply.
        model: the model that answers, as the provider calls it.
        created: unix seconds, upstream clock.
    """

    id: str | None = None
    model: str | None = None
    created: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class BlockStart:
    """
    A part begins.

    Attributes:
        part: the part with all that is known at its start, and without what
            deltas add: text, input, data, signature, citations.
        choice: the choice it belongs to, from 0.
    """

    block: int
    part: Part
    choice: int = 0

    @property
    def group(self) -> int | None:
        return self.part.group


@frozen
class TextDelta:
    block: int
    text: str
    logprobs: tuple[Logprob, ...] = ()


@frozen
class ThinkingDelta:
    block: int
    text: str


@frozen
class RefusalDelta:
    block: int
    text: str


@frozen
class ToolInputDelta:
    """A fragment of the model's own text of the input; rarely JSON by itself."""

    block: int
    text: str


@frozen
class SignatureDelta:
    """The seal of a block, whole; a later one replaces it."""

    block: int
    signature: Signature


@frozen
class CitationDelta:
    block: int
    citation: Citation


@frozen
class MediaDelta:
    """
    A fragment of a medium.

    Attributes:
        data: base64 text; each fragment may bring its own padding.
        transcript: the words that go with it.
        media_type: if only the fragments tell.
    """

    block: int
    data: str = field(default="", repr=False)
    transcript: str = ""
    media_type: str | None = None


@frozen
class OpaqueDelta:
    block: int
    json: Json = field(repr=False)


@frozen
class BlockEnd:
    """
    A part is complete.

    Attributes:
        extras: members that came at the end; they join those of the part.
        whole: for an opaque part, the object it came to, where the protocol
            repeats it or its reader put it together.
    """

    block: int
    extras: Extras = field(factory=dict)
    whole: Json = field(default=None, repr=False)


@frozen
class UsageUpdate:
    """Token counts so far; each column that is known replaces the earlier one."""

    usage: Usage


@frozen
class ChoiceEnd:
    finish: Finish
    choice: int = 0
    extras: Extras = field(factory=dict)


@frozen
class Foreign:
    """
    Something that only its own protocol understands, outside all blocks.

    Attributes:
        origin: the protocol.
        name: of the event, or of the member of a chunk.
    """

    origin: str
    name: str
    json: Json = field(default=None, repr=False)


@frozen
class Ping:
    """The upstream lives and has nothing to say."""


@frozen
class ReplyEnd:
    """The upstream said that it is done: never made up, always last."""


@frozen
class Fault:
    """The reply is broken off, and this is why; always last."""

    error: LLMProxyError


Delta: TypeAlias = (
    TextDelta
    | ThinkingDelta
    | RefusalDelta
    | ToolInputDelta
    | SignatureDelta
    | CitationDelta
    | MediaDelta
    | OpaqueDelta
)
Event: TypeAlias = (
    ReplyStart
    | BlockStart
    | Delta
    | BlockEnd
    | UsageUpdate
    | ChoiceEnd
    | Foreign
    | Ping
    | ReplyEnd
    | Fault
)
