"""
A streamed message, from the provider's events to ours.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from attrs import define, field
from msgspec import Struct

from gateway.domain.errors import BackendError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    OpaqueDelta,
    Ping,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Opaque, Signature, Text, Thinking, ToolCall, head_of
from gateway.domain.reply import Finish, Stop
from gateway.wire.anthropic import (
    PROTOCOL,
    extras_of,
    optional,
    read_finish,
    read_usage,
    text_of,
    without,
)
from gateway.wire.anthropic.blocks import read_block, whole_of
from gateway.wire.anthropic.citations import read_citation
from gateway.wire.faults import fault_in
from gateway.wire.json import loads
from gateway.wire.reading import Guarded, Reader, none

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.wire.repeats import Delta
    from gateway.wire.sse import Frame

_MESSAGE = ("id", "type", "role", "model", "usage", *("stop_reason", "stop_sequence"))
_DELTA = ("stop_reason", "stop_sequence")


def reader() -> Reader:
    """Return the reader of one stream."""
    return Guarded(_Messages())


class _Delta(Struct, forbid_unknown_fields=True):
    type: str
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _DeltaEvent(Struct, forbid_unknown_fields=True):
    """What nearly every event is; any other is read the slow way."""

    type: str
    index: int
    delta: _Delta


_DELTA_EVENT = msgspec.json.Decoder(_DeltaEvent)


@define
class _Block:
    """A block that has begun."""

    number: int
    kind: type
    json: Json = None
    deltas: list[Json] = field(factory=list)
    said: bool = False


def _quick(block: _Block, delta: _Delta) -> Delta | None:
    match delta.type:
        case "text_delta" if block.kind is Text:
            return TextDelta(block.number, delta.text)
        case "input_json_delta" if block.kind is ToolCall:
            block.said = block.said or delta.partial_json != ""
            return ToolInputDelta(block.number, delta.partial_json)
        case "thinking_delta" if block.kind is Thinking:
            return ThinkingDelta(block.number, delta.thinking)
        case _:
            return None


class _Messages:
    """
    The protocol marks where blocks begin and end, so little is remembered.

    Blocks and events of kinds that we do not know pass as `Opaque` and `Foreign`:
    the provider adds some more often than we release.
    """

    def __init__(self) -> None:
        self._begun = False
        self._finished = False
        self._next = 0
        self._open: dict[int, _Block] = {}

    def end(self) -> Iterator[Event]:
        return none()

    def read(self, frame: Frame) -> Iterator[Event] | list[Event]:
        if frame.event == "content_block_delta":
            try:
                event = _DELTA_EVENT.decode(frame.data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return self._read(frame)
            block = self._open.get(event.index)
            if block is not None and (delta := _quick(block, event.delta)):
                return [delta]
        return self._read(frame)

    def bare(self, data: bytes) -> bytes:
        # The provider hides lengths by blanks before the last brace.
        return data if data[-2:-1] != b" " else data[:-1].rstrip(b" ") + b"}"

    def plain(self, frame: Frame) -> Delta | None:
        if frame.event != "content_block_delta":
            return None
        event = _DELTA_EVENT.decode(frame.data)
        block = self._open.get(event.index)
        if block is None or (block.kind is ToolCall and not block.said):
            return None
        return _quick(block, event.delta)

    def _read(self, frame: Frame) -> Iterator[Event]:
        if frame.data.strip() == b"[DONE]":
            return  # some compatible servers say so after `message_stop`, too
        json = loads(frame.data)
        kind = text_of(json.get("type") or frame.event)
        if kind == "ping":
            yield Ping()
        elif kind == "error" or json.get("error"):
            yield Fault(fault_in(json, "error") or BackendError("an error"))
        elif kind == "message_start":
            yield from self._start(json["message"])
        elif not self._begun:
            raise ValueError
        else:
            yield from self._message(kind, json)

    def _message(self, kind: str, json: dict[str, Json]) -> Iterator[Event]:
        match kind:
            case "content_block_start":
                yield from self._block_start(json)
            case "content_block_delta":
                yield from self._block_delta(json)
            case "content_block_stop":
                yield from self._block_stop(json["index"])
            case "message_delta":
                yield from self._message_delta(json)
            case "message_stop":
                if not self._finished:
                    yield from self._finish(ChoiceEnd(Finish(Stop.OTHER)))
                yield ReplyEnd()
            case _:
                yield Foreign(PROTOCOL, kind, json)

    def _start(self, json: dict[str, Json]) -> Iterator[Event]:
        if self._begun:
            raise ValueError
        self._begun = True
        taken = _MESSAGE if json.get("content") else (*_MESSAGE, "content")
        extras = extras_of(without(json, taken))
        name, model = optional(json.get("id")), optional(json.get("model"))
        yield ReplyStart(name, model, extras=extras)
        if usage := json.get("usage"):
            yield UsageUpdate(read_usage(usage))

    def _block_start(self, json: dict[str, Json]) -> Iterator[Event]:
        if json["index"] in self._open or self._finished:
            raise ValueError
        content = json["content_block"]
        if content.get("type") == "tool_use" and not content.get("input"):
            content = {**content, "input": None}  # the deltas will bring it
        part = read_block(content)
        block = _Block(self._next, type(part), content)
        self._open[json["index"]], self._next = block, self._next + 1
        yield BlockStart(block.number, head_of(part))
        match part:
            case Text(text=text, citations=citations):
                if text:
                    yield TextDelta(block.number, text)
                for citation in citations:
                    yield CitationDelta(block.number, citation)
            case Thinking(text=text, signature=signature):
                if text:
                    yield ThinkingDelta(block.number, text)
                if signature is not None:
                    yield SignatureDelta(block.number, signature)
            case ToolCall(input=text) if text:
                block.said = True
                yield ToolInputDelta(block.number, text)

    def _block_delta(self, json: dict[str, Json]) -> Iterator[Event]:
        block, delta = self._open[json["index"]], json["delta"]
        match delta["type"], block.kind.__name__:
            case _, "Opaque":
                block.deltas.append(delta)
                yield OpaqueDelta(block.number, delta)
            case "text_delta", "Text":
                yield TextDelta(block.number, text_of(delta["text"]))
            case "citations_delta", "Text":
                yield CitationDelta(block.number, read_citation(delta["citation"]))
            case "input_json_delta", "ToolCall":
                block.said = block.said or text_of(delta["partial_json"]) != ""
                yield ToolInputDelta(block.number, text_of(delta["partial_json"]))
            case "thinking_delta", "Thinking":
                yield ThinkingDelta(block.number, text_of(delta["thinking"]))
            case "signature_delta", "Thinking":
                signature = Signature(PROTOCOL, text_of(delta["signature"]))
                yield SignatureDelta(block.number, signature)
            case (("text_delta" | "input_json_delta" | "thinking_delta"), _):
                raise ValueError
            case _:
                yield Foreign(PROTOCOL, "content_block_delta", json)

    def _block_stop(self, index: int) -> Iterator[Event]:
        block = self._open.pop(index)
        if block.kind is ToolCall and not block.said:
            # Others take an input without text for one that is not JSON.
            yield ToolInputDelta(block.number, "{}")
        opaque = block.kind is Opaque
        whole = whole_of(block.json, block.deltas) if opaque else None
        yield BlockEnd(block.number, whole=whole)

    def _message_delta(self, json: dict[str, Json]) -> Iterator[Event]:
        if usage := json.get("usage"):
            yield UsageUpdate(read_usage(usage))
        delta = json.get("delta") or {}
        word = optional(delta.get("stop_reason"))
        if not word or self._finished:
            yield Foreign(PROTOCOL, "message_delta", json)
            return
        outer = without(json, ("type", "usage", "delta"))
        extras = extras_of({**without(delta, _DELTA), **outer})
        finish = read_finish(word, delta.get("stop_sequence"))
        yield from self._finish(ChoiceEnd(finish, extras=extras))

    def _finish(self, end: ChoiceEnd) -> Iterator[Event]:
        """End the blocks that a compatible server left open, but never a call."""
        if any(block.kind is ToolCall for block in self._open.values()):
            raise ValueError
        for index in list(self._open):
            yield from self._block_stop(index)
        self._finished = True
        yield end
