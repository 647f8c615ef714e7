"""
A streamed answer of ConverseStream, to events.

Texts and thoughts have no event that begins them; blocks that have one are calls,
results of the provider's own tools, and pictures. ``metadata``, with the counts, is
the last word: a stream that ends before it was cut off.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.bedrock.response import FIELDS, extras_of
from gateway.domain.events import (
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    OpaqueDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.wire.bedrock import (
    PROTOCOL,
    read_citation,
    read_exception,
    read_finish,
    read_redacted,
    read_usage,
    unread,
)
from gateway.wire.blocks import Tracker
from gateway.wire.eventstream import EXCEPTION
from gateway.wire.json import loads
from gateway.wire.leaves import text_of, word_of
from gateway.wire.reading import Guarded, none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gateway.domain.reply import Json
    from gateway.wire.reading import Reader
    from gateway.wire.sse import Frame

# Padding, which hides how long the pieces are, and latency.
_NO_NEWS = frozenset({"p", "metrics", "usage"})
_SERVER_TOOL = "server_tool_use"


def reader() -> Reader:
    """Return the reader of one stream."""
    return Guarded(_Converse())


class _Converse:
    """One instance per answer."""

    def __init__(self) -> None:
        self._tracker = Tracker()
        self._parts: dict[int, Part] = {}
        self._silent: set[int] = set()
        self._begun = False
        self._end: ChoiceEnd | None = None
        self._readers: dict[str, Callable[[Json], Iterable[Event]]] = {
            "contentBlockDelta": self._delta,
            "contentBlockStart": self._start,
            "contentBlockStop": self._stop,
            "messageStop": self._finish,
            "metadata": self._last,
        }

    def read(self, frame: Frame) -> Iterator[Event]:
        kind = frame.event
        if kind.startswith(EXCEPTION):
            name = kind.removeprefix(EXCEPTION)
            yield Fault(read_exception(name, frame.data))
            return
        json = loads(frame.data)
        if (kind == "messageStart") is self._begun:
            raise ValueError("not the order of this protocol")
        if not self._begun:
            self._begun = True
            yield ReplyStart()
        elif (read := self._readers.get(kind)) is not None:
            yield from read(json)
        else:
            yield Foreign(PROTOCOL, kind or "unnamed", json)

    def end(self) -> Iterator[Event]:
        return none()

    def _start(self, json: Json) -> Iterator[Event]:
        index = json["contentBlockIndex"]
        if self._end is not None or self._tracker.block(0, index) is not None:
            raise ValueError("not the order of this protocol")
        yield from self._begin(index, _head(json["start"]))

    def _begin(self, index: int, part: Part) -> list[Event]:
        self._parts[index] = part
        if isinstance(part, ToolCall):
            self._silent.add(index)
        return self._tracker.begin(0, index, part, alone=False)

    def _delta(self, json: Json) -> Iterator[Event]:
        index, delta = json["contentBlockIndex"], json["delta"]
        if self._end is not None:
            raise ValueError("a piece after the end")
        if index not in self._parts:
            yield from self._begin(index, _implied(delta))
        yield from self._piece(index, self._block(index), delta)

    def _piece(self, index: int, block: int, delta: dict[str, Json]) -> Iterator[Event]:
        match self._parts[index], delta:
            case Opaque(), _:
                yield OpaqueDelta(block, delta)
            case Text(), {"text": text}:
                yield TextDelta(block, text_of(text))
            case Text(), {"citation": citation}:
                yield CitationDelta(block, read_citation(citation))
            case ToolCall(), {"toolUse": call}:
                text = text_of(call["input"])
                if text:
                    self._silent.discard(index)
                    yield ToolInputDelta(block, text)
            case Thinking(), {"reasoningContent": thought}:
                yield from _thought(block, thought)
            case Media(), {"image": {"source": {"bytes": data}}}:
                yield MediaDelta(block, text_of(data))
            case _:
                raise ValueError("a piece of another kind of block")

    def _stop(self, json: Json) -> Iterator[Event]:
        index = json["contentBlockIndex"]
        if index not in self._parts:
            # A block without a piece: some models end one that says nothing.
            self._parts[index] = Text()
            return
        block = self._block(index)
        if index in self._silent:  # a call without arguments
            self._silent.discard(index)
            yield ToolInputDelta(block, "{}")
        yield self._tracker.end(0, index)

    def _block(self, index: int) -> int:
        """
        Return the number of an open block.

        Raises:
            KeyError: it has ended.
        """
        block = self._tracker.block(0, index)
        if block is None:
            raise KeyError(index)
        return block

    def _finish(self, json: Json) -> Iterator[Event]:
        """Keep how it ended until the last word: what is cut off here has no end."""
        if self._end is not None:
            raise ValueError("it ends twice")
        for index, part in self._parts.items():
            if isinstance(part, ToolCall) and self._tracker.block(0, index) is not None:
                raise ValueError("it ends inside a call")
        fields = json.get(FIELDS)
        finish = read_finish(word_of(json["stopReason"]), fields)
        rest = unread(fields)
        extras = extras_of({} if rest is None else {FIELDS: rest})
        self._end = ChoiceEnd(finish, extras=extras)
        yield from self._tracker.end_all(0)

    def _last(self, json: Json) -> Iterator[Event]:
        if (usage := read_usage(json.get("usage"))) is not None:
            yield UsageUpdate(usage)
        for name in sorted(json.keys() - _NO_NEWS):
            yield Foreign(PROTOCOL, name, json[name])
        if self._end is None:
            raise ValueError("the counts come before the end")
        yield self._end
        yield ReplyEnd()


def _head(start: dict[str, Json]) -> Part:
    """Return the part that begins, as far as it is known by then."""
    match start:
        case {"toolUse": call} if call.get("type") != _SERVER_TOOL:
            return ToolCall(word_of(call["toolUseId"]), word_of(call["name"]))
        case {"image": image}:
            return Media("image", f"image/{word_of(image['format'])}")
        case dict():
            return Opaque(PROTOCOL, start)
        case _:
            raise TypeError("no block")


def _implied(delta: dict[str, Json]) -> Part:
    """Return the part that a first piece belongs to."""
    match delta:
        case {"text": _} | {"citation": _}:
            return Text()
        case {"reasoningContent": _}:
            return Thinking()
        case {"toolUse": _}:
            raise ValueError("a call without a beginning")
        case dict():
            return Opaque(PROTOCOL, {})
        case _:
            raise TypeError("no piece")


def _thought(block: int, json: dict[str, Json]) -> Iterator[Event]:
    match json:
        case {"text": text}:
            yield ThinkingDelta(block, text_of(text))
        case {"signature": seal}:
            if seal:
                yield SignatureDelta(block, Signature(PROTOCOL, text_of(seal)))
        case {"redactedContent": data}:
            yield SignatureDelta(block, read_redacted(text_of(data)))
        case _:
            raise ValueError("a thought of an unknown kind")
