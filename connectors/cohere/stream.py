"""
A streamed answer of Cohere's, to events.

Source: https://docs.cohere.com/docs/streaming,
https://docs.cohere.com/docs/tool-use-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.cohere.response import read_block
from gateway.domain.events import (
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    OpaqueDelta,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Part, Text, Thinking, ToolCall, head_of
from gateway.wire.blocks import Tracker
from gateway.wire.cohere import (
    PROTOCOL,
    error_in,
    read_citations,
    read_finish,
    read_logprob,
    read_usage,
)
from gateway.wire.json import loads
from gateway.wire.leaves import name_of, text_of, word_of
from gateway.wire.reading import Guarded, none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gateway.domain.reply import Json
    from gateway.wire.reading import Reader
    from gateway.wire.sse import Frame


def reader() -> Reader:
    return Guarded(_CohereReader())


class _CohereReader:
    """
    One instance per answer.

    The protocol marks where parts of the content and calls begin and end, but not
    where the plan does. ``message-end`` is its last word; a ``[DONE]`` may follow.
    """

    def __init__(self) -> None:
        self._tracker = Tracker()
        self._begun = False
        self._parts: dict[int, Part] = {}
        self._silent: set[int] = set()
        self._readers: dict[str, Callable[[Json], Iterable[Event]]] = {
            "content-delta": self._content,
            "content-start": self._start,
            "content-end": self._end_content,
            "tool-plan-delta": self._plan,
            "tool-call-start": self._start_call,
            "tool-call-delta": self._arguments,
            "tool-call-end": self._end_call,
            "citation-start": self._cite,
            "citation-end": lambda _: (),  # it came whole
            "message-end": self._end,
        }

    def read(self, frame: Frame) -> Iterator[Event]:
        json = loads(frame.data)
        if (fault := error_in(json, frame.event)) is not None:
            yield Fault(fault)
            return
        kind = text_of(json["type"])
        if (kind == "message-start") is self._begun:
            raise ValueError("not the order of this protocol")
        if not self._begun:
            self._begun = True
            yield ReplyStart(name_of(json, "id"))
        elif (read := self._readers.get(kind)) is not None:
            yield from read(json)
        else:
            yield Foreign(PROTOCOL, kind, json)

    def end(self) -> Iterator[Event]:
        return none()

    def _content(self, json: Json) -> Iterator[Event]:
        index = json["index"]
        block = self._block(_content_key(index))
        content = json["delta"]["message"]["content"]
        match self._parts[index]:
            case Text():
                tokens = json.get("logprobs")
                logprobs = (read_logprob(tokens),) if tokens else ()
                yield TextDelta(block, text_of(content["text"]), logprobs)
            case Thinking():
                yield ThinkingDelta(block, text_of(content["thinking"]))
            case _:
                yield OpaqueDelta(block, json)

    def _start(self, json: Json) -> Iterator[Event]:
        index = json["index"]
        part = read_block(json["delta"]["message"]["content"])
        self._parts[index] = part
        key = _content_key(index)
        yield from self._begin(key, part)
        if isinstance(part, Text) and part.text:
            yield TextDelta(self._block(key), part.text)
        elif isinstance(part, Thinking) and part.text:
            yield ThinkingDelta(self._block(key), part.text)

    def _end_content(self, json: Json) -> Iterator[Event]:
        yield self._tracker.end(0, _content_key(json["index"]))

    def _plan(self, json: Json) -> Iterator[Event]:
        if self._tracker.block(0, "plan") is None:
            yield from self._tracker.begin(0, "plan", Thinking())
        text = text_of(json["delta"]["message"]["tool_plan"])
        yield ThinkingDelta(self._block("plan"), text)

    def _start_call(self, json: Json) -> Iterator[Event]:
        index, call = json["index"], json["delta"]["message"]["tool_calls"]
        function = call["function"]
        yield from self._begin(
            index, ToolCall(word_of(call["id"]), word_of(function["name"]))
        )
        self._silent.add(index)
        yield from self._input(index, function.get("arguments") or "")

    def _arguments(self, json: Json) -> Iterator[Event]:
        call = json["delta"]["message"]["tool_calls"]
        yield from self._input(json["index"], call["function"]["arguments"])

    def _input(self, index: int, text: str) -> Iterator[Event]:
        block = self._block(index)
        if text:
            self._silent.discard(index)
            yield ToolInputDelta(block, text_of(text))

    def _end_call(self, json: Json) -> Iterator[Event]:
        index = json["index"]
        if index in self._silent:  # a call without arguments
            self._silent.discard(index)
            yield ToolInputDelta(self._block(index), "{}")
        yield self._tracker.end(0, index)

    def _cite(self, json: Json) -> Iterator[Event]:
        citation = json["delta"]["message"]["citations"]
        index = citation.get("content_index", max(self._parts, default=0))
        block = self._tracker.block(0, _content_key(index))
        if block is None or not isinstance(self._parts[index], Text):
            yield Foreign(PROTOCOL, "citation-start", json)
            return
        for found in read_citations(citation):
            yield CitationDelta(block, found)

    def _end(self, json: Json) -> Iterator[Event]:
        delta = json["delta"]
        finish = read_finish(text_of(delta["finish_reason"]))
        yield from self._tracker.end_all(0)
        if (usage := read_usage(delta.get("usage"))) is not None:
            yield UsageUpdate(usage)
        yield ChoiceEnd(finish)
        yield ReplyEnd()

    def _begin(self, key: int | str, part: Part) -> list[Event]:
        if self._tracker.block(0, key) is not None:
            raise ValueError("begun twice")
        return self._tracker.begin(0, key, head_of(part), alone=False)

    def _block(self, key: int | str) -> int:
        """
        Return the number of an open block.

        Raises:
            KeyError: it never began, or has ended.
        """
        block = self._tracker.block(0, key)
        if block is None:
            raise KeyError(key)
        return block


def _content_key(index: int) -> str:
    return f"content {index}"
