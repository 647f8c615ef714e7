"""
A streamed answer of Ollama's, line by line, to events.

Source: https://docs.ollama.com/api/streaming, https://docs.ollama.com/api/errors
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.ollama.parts import (
    KNOWN,
    KNOWN_OF_MESSAGE,
    message_of,
    read_calls,
    read_images,
    text_of,
)
from gateway.domain.events import (
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Media, Text, Thinking, ToolCall, head_of
from gateway.wire.blocks import Tracker
from gateway.wire.faults import fault_in
from gateway.wire.json import loads
from gateway.wire.leaves import name_of
from gateway.wire.ollama import (
    METRICS,
    PROTOCOL,
    read_created,
    read_finish,
    read_logprobs,
    read_usage,
)
from gateway.wire.reading import Guarded, none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.reply import Json
    from gateway.wire.reading import Reader
    from gateway.wire.sse import Frame

_USUAL = frozenset({"model", "created_at", "message", "done"})
_WORDS = frozenset({"role", "content", "thinking"})


def reader() -> Reader:
    return Guarded(_OllamaReader())


class _OllamaReader:
    """
    One instance per answer.

    Thoughts, words and calls come as they are made, a call always whole. Only the
    object with ``done`` ends an answer.
    """

    def __init__(self) -> None:
        self._tracker = Tracker()
        self._seed: tuple[object, ...] | None = None
        self._calls = 0
        self._told: set[str] = set()

    def read(self, frame: Frame) -> Iterator[Event]:
        json = loads(frame.data)
        if (fault := fault_in(json)) is not None:
            yield Fault(fault)
            return
        if self._seed is None:
            self._seed = json.get("created_at"), json.get("model")
            yield ReplyStart(model=name_of(json, "model"), created=read_created(json))
        done = json.get("done")
        if not done or "message" in json or "response" in json:
            yield from self._message(message_of(json), json.get("logprobs"))
        if json.keys() - _USUAL:
            yield from self._foreign(json, KNOWN | METRICS)
        if done:
            yield from self._end(json)

    def end(self) -> Iterator[Event]:
        return none()

    def _message(self, message: dict[str, Json], logprobs: Json) -> Iterator[Event]:
        if thinking := text_of(message, "thinking"):
            if self._tracker.block(0, "thinking") is None:
                yield from self._tracker.begin(0, "thinking", Thinking())
            yield ThinkingDelta(self._block("thinking"), thinking)
        if content := text_of(message, "content"):
            if self._tracker.block(0, "text") is None:
                yield from self._tracker.begin(0, "text", Text())
            tokens = read_logprobs(logprobs) if logprobs else ()
            yield TextDelta(self._block("text"), content, tokens)
        if message.keys() - _WORDS:
            for image in read_images(message):
                yield from self._whole(image, image.data)
            for call in read_calls(message, self._calls, self._seed or ()):
                self._calls += 1
                yield from self._whole(call, call.input)
            yield from self._foreign(message, KNOWN_OF_MESSAGE)

    def _block(self, key: str) -> int:
        """Return the number of a block that is open."""
        return cast("int", self._tracker.block(0, key))

    def _whole(self, part: Media | ToolCall, data: str) -> Iterator[Event]:
        """Yield a block that comes in one piece."""
        yield from self._tracker.begin(0, "whole", head_of(part))
        block = self._block("whole")
        image = isinstance(part, Media)
        yield MediaDelta(block, data) if image else ToolInputDelta(block, data)
        yield self._tracker.end(0, "whole")

    def _foreign(self, json: dict[str, Json], known: frozenset[str]) -> Iterator[Event]:
        """Yield what we do not know, once: some of it stands in every line."""
        for name in json.keys() - known - self._told:
            self._told.add(name)
            yield Foreign(PROTOCOL, name, json[name])

    def _end(self, json: dict[str, Json]) -> Iterator[Event]:
        yield from self._tracker.end_all(0)
        if (usage := read_usage(json)) is not None:
            yield UsageUpdate(usage)
        finish = read_finish(text_of(json, "done_reason"), calls=bool(self._calls))
        yield ChoiceEnd(finish)
        yield ReplyEnd()
