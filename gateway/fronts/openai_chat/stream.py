"""
A streamed reply, from events to the client's ``chat.completion.chunk`` frames.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from gateway.domain.events import (
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    MediaDelta,
    Ping,
    RefusalDelta,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Media, Part, Refusal, Text, Thinking, ToolCall
from gateway.domain.reply import Reply, Usage
from gateway.fronts.openai_chat.errors import write_error_frame
from gateway.fronts.openai_chat.response import (
    own,
    write_citation,
    write_head,
    write_logprobs,
    write_tool_call,
)
from gateway.wire.json import encode
from gateway.wire.openai_chat import DONE, write_finish, write_usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.reply import Json

KEEP_ALIVE = b": keep-alive\n"  # a blank line after it would be an empty event
OPEN = b',"logprobs":null,"finish_reason":null}]'

Slot: TypeAlias = tuple[bytes, bytes]


class ChatWriter:
    """
    One instance per reply.

    Most frames differ from the one before in nothing but a string. A block's
    start therefore prepares its *slot*, the bytes on both sides of that string.

    Args:
        model: the name in chunks, where the upstream gives none.
        created: unix seconds, where the upstream gives none.
        include_usage: the client asked for token counts.
    """

    def __init__(self, model: str, created: int, include_usage: bool) -> None:
        self._model = model
        self._created = created
        self._include_usage = include_usage
        self._usage: Usage | None = None
        self._head = b""
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._begun: set[int] = set()
        self._slots: dict[int, Slot] = {}
        self._choices: dict[int, int] = {}
        self._calls: dict[int, int] = {}

    def feed(self, events: Iterable[Event]) -> bytes:
        """
        Return the frames of *events*, joined.

        A reply ends with ``[DONE]``; a broken one with its error, and without.
        """
        return b"".join([self._write(event) for event in events])

    def _write(self, event: Event) -> bytes:  # noqa: C901 - a flat table
        match event:
            case TextDelta() if event.logprobs:
                return self._text(event)
            case TextDelta() | ThinkingDelta() | ToolInputDelta() | RefusalDelta():
                before, after = self._slots[event.block]
                return before + encode(event.text) + after
            case BlockStart(block=block, part=part, choice=choice):
                return self._begin(choice) + self._open(block, part, choice)
            case CitationDelta(block=block, citation=citation):
                return self._delta(
                    self._choices[block], {"annotations": [write_citation(citation)]}
                )
            case MediaDelta():
                return self._media(event)
            case ReplyStart():
                return self._start(event)
            case ChoiceEnd():
                return self._end(event)
            case UsageUpdate(usage=usage):
                self._usage = self._usage.merged(usage) if self._usage else usage
            case ReplyEnd():
                return self._usage_frame() + DONE
            case Fault(error=error):
                return write_error_frame(error)
            case Ping():
                return KEEP_ALIVE
        return b""

    def _start(self, event: ReplyStart) -> bytes:
        known = Reply(event.id, event.model or self._model, event.created)
        json = write_head("chat.completion.chunk", known, self._created)
        self._head = b"data: " + encode(json | own(event.extras))[:-1] + b',"choices":['
        return self._begin(0)

    def _begin(self, choice: int) -> bytes:
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._delta(choice, {"role": "assistant", "content": ""})

    def _open(self, block: int, part: Part, choice: int) -> bytes:
        self._choices[block] = choice
        match part:
            case Text():
                self._slots[block] = self._slot(choice, b'"content":')
            case Thinking():
                self._slots[block] = self._slot(choice, b'"reasoning_content":')
            case Refusal():
                self._slots[block] = self._slot(choice, b'"refusal":')
            case ToolCall():
                return self._open_call(block, part, choice)
            case Media(kind="audio", file_id=name):
                self._slots[block] = self._slot(choice, b'"audio":')
                if name is not None:
                    return self._delta(choice, {"audio": {"id": name}})
        return b""

    def _open_call(self, block: int, call: ToolCall, choice: int) -> bytes:
        index = self._calls.get(choice, 0)
        self._calls[choice] = index + 1
        kind, text = ("custom", "input") if call.custom else ("function", "arguments")
        self._slots[block] = self._slot(
            choice,
            f'"tool_calls":[{{"index":{index},"{kind}":{{"{text}":'.encode(),
            b"}}]",
        )
        json = {"index": index} | write_tool_call(call)
        return self._delta(choice, {"tool_calls": [json]})

    def _slot(self, choice: int, before: bytes, after: bytes = b"") -> Slot:
        begin = b'%b{"index":%d,"delta":{' % (self._head, choice)
        return begin + before, after + b"}" + OPEN + self._tail

    def _delta(self, choice: int, delta: Json) -> bytes:
        before, after = self._slot(choice, b"")
        return before + encode(delta)[1:-1] + after

    def _text(self, event: TextDelta) -> bytes:
        return self._choice(
            {
                "index": self._choices[event.block],
                "delta": {"content": event.text},
                "logprobs": write_logprobs(event.logprobs),
                "finish_reason": None,
            }
        )

    def _media(self, event: MediaDelta) -> bytes:
        if event.block not in self._slots:
            return b""  # a picture, which this dialect cannot stream
        before, after = self._slots[event.block]
        audio = {"data": event.data, "transcript": event.transcript}
        return before + encode({k: v for k, v in audio.items() if v}) + after

    def _end(self, event: ChoiceEnd) -> bytes:
        return self._begin(event.choice) + self._choice(
            {
                "index": event.choice,
                "delta": {},
                "logprobs": None,
                "finish_reason": write_finish(event.finish),
                **own(event.extras),
            }
        )

    def _choice(self, json: Json) -> bytes:
        return self._head + encode(json) + b"]" + self._tail

    def _usage_frame(self) -> bytes:
        """Return nothing where nobody counted: made-up zeros would be a lie."""
        if not self._include_usage or self._usage is None:
            return b""
        counts = encode(write_usage(self._usage))
        return self._head + b'],"usage":' + counts + b"}\n\n"
