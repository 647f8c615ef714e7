"""
What turns and replies are made of.

Every part has ``extras``, ``{dialect: {member: json}}``: members that only one
dialect knows, kept where they stood and written back by that dialect alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from gateway.domain.reply import Json

Extras: TypeAlias = "dict[str, Json]"
MediaKind: TypeAlias = Literal["image", "audio", "video", "file"]


@frozen
class Signature:
    """
    A provider's seal: opaque to us, and worthless to any other provider.

    Attributes:
        origin: the protocol that issued it, and the only one to be shown it.
        value: as it came; kept out of ``repr`` because it may hold thoughts.
    """

    origin: str
    value: str = field(repr=False)


@frozen
class Logprob:
    """
    One token with its natural-log probability.

    Attributes:
        bytes: the token's UTF-8, which may be a part of a character.
        top: the likeliest tokens at this position, themselves without ``top``.
    """

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[Logprob, ...] = ()


@frozen
class Citation:
    """
    A source of what the text says.

    Attributes:
        quote: the words of the source.
        start: first character in the text that the source stands behind.
        end: the character after the last one.
        extras: the provider's own object, which its dialect writes back whole.
    """

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class Text:
    """
    Words for the reader.

    Attributes:
        signature: Gemini seals texts and calls too, not only thoughts.
        group: see `ToolCall`.
    """

    text: str = ""
    logprobs: tuple[Logprob, ...] = ()
    citations: tuple[Citation, ...] = ()
    signature: Signature | None = None
    group: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class Thinking:
    """What the model thought aloud; *text* may be empty beside a signature."""

    text: str = ""
    signature: Signature | None = None
    group: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class Refusal:
    """The words with which a model declined."""

    text: str = ""
    group: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class ToolCall:
    """
    The model asks for a tool.

    Attributes:
        input: the model's own text, byte for byte: JSON (or what the model took
            for it) for a function, free text for a custom tool.
        custom: a tool with free text instead of JSON arguments.
        group: parts that one item of the provider's held together share a
            number; ``None`` where the protocol has no such items.
    """

    id: str
    name: str
    input: str = ""
    custom: bool = False
    signature: Signature | None = None
    group: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class ToolResult:
    """
    What a tool answered.

    Attributes:
        name: the tool's, where the dialect repeats it.
        error: the tool failed and *parts* say how.
        bare: the content was one string, not a list; ``None``: not known.
    """

    call_id: str
    parts: tuple[Part, ...] = ()
    name: str | None = None
    error: bool = False
    bare: bool | None = None
    group: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class Media:
    """
    A picture, a sound, a film or a document: as data, by URL or by reference.

    Attributes:
        kind: what the dialect calls it; the media type may be unknown.
        media_type: such as ``image/png``; ``None`` if nobody said.
        data: base64 text, empty where *url* or *file_id* is given.
        file_id: the provider's name for what was stored there.
        name: of the file.
        detail: how closely to look (``low``, ``high``, ``auto``).
        transcript: the words of a sound.
    """

    kind: MediaKind
    media_type: str | None = None
    data: str = field(default="", repr=False)
    url: str | None = field(default=None, repr=False)
    file_id: str | None = None
    name: str | None = None
    detail: str | None = None
    transcript: str = ""
    signature: Signature | None = None
    group: int | None = None
    extras: Extras = field(factory=dict)


@frozen
class Opaque:
    """
    A part that only its own protocol understands, kept in position.

    Attributes:
        origin: the protocol.
        json: the provider's object, as it began in a stream.
        deltas: what a stream added to it, in the provider's own objects.
    """

    origin: str
    json: Json = field(repr=False)
    deltas: tuple[Json, ...] = field(default=(), repr=False)
    group: int | None = None
    extras: Extras = field(factory=dict)


Part: TypeAlias = Text | Thinking | Refusal | ToolCall | ToolResult | Media | Opaque

# What the deltas of a stream bring; a part begins without it.
_BROUGHT: dict[type, dict[str, Any]] = {
    Text: {"text": "", "logprobs": (), "citations": (), "signature": None},
    Thinking: {"text": "", "signature": None},
    Refusal: {"text": ""},
    ToolCall: {"input": "", "signature": None},
    ToolResult: {},  # comes whole, where a provider runs the tools itself
    Media: {"data": "", "transcript": "", "signature": None},
    Opaque: {"deltas": ()},
}


def head_of(part: Part) -> Part:
    """Return *part* as it looks when a stream begins it."""
    return evolve(part, **_BROUGHT[type(part)])
