"""
A streamed reply, from events to the client's chunks.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    Ping,
    RefusalDelta,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    UsageUpdate,
)
from gateway.domain.reply import latest
from gateway.fronts.gemini.blocks import Block, Candidate
from gateway.fronts.gemini.errors import write_error_element, write_error_frame
from gateway.fronts.gemini.response import FEEDBACK, write_head
from gateway.fronts.losses import Losses
from gateway.wire.gemini import PROTOCOL, is_own_usage, own, write_usage
from gateway.wire.json import encode
from gateway.wire.repeats import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.domain.errors import LLMProxyError
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json, Usage
    from gateway.fronts.base import Context
    from gateway.wire.repeats import Told

_TEXTS = frozenset({TextDelta, ThinkingDelta, RefusalDelta})
_PART = b'{"candidates":[{"content":{"parts":[{"text":'

# What stands before and behind a text, and where it is remembered.
Slot: TypeAlias = tuple[bytes, bytes, list[str] | None]


class GeminiWriter:
    """
    One instance per reply.

    Events that come together become one chunk. What is complete goes out: a call
    when its arguments are, and the end of a candidate when tokens were counted
    (Google's clients look for both in one chunk) or the reply is over.

    Most chunks differ from the one before in a string and in counts: a block's
    start prepares its *slot*, the bytes around them.
    """

    takes_runs = True

    def __init__(self, context: Context) -> None:
        ask = context.ask
        self.result: Json = None
        self._losses = Losses(PROTOCOL)
        self.losses: list[Loss] = self._losses.found
        self._array = ask.framing == "array"
        self._end = b"" if self._array else b"\r\n\r\n"
        self._begun = False
        self._head: dict[str, Json] = {}
        self._tail = b"}"
        self._slots: dict[int, Slot] = {}
        self._blocks: dict[int, Block] = {}
        self._candidates: dict[int, Candidate] = {}
        self._members: dict[str, Json] = {}
        self._counts: dict[str, Json] | None = None
        self._usage: Usage | None = None
        self._told: Usage | None = None

    def feed(self, events: Iterable[Told]) -> bytes:
        """
        Return the chunk that *events* amount to, if any.

        An array begins with its first chunk and ends with the reply, or with the
        error that broke it off.
        """
        listed: list[Any] = events if isinstance(events, list) else list(events)
        if len(listed) <= 2:
            listed = [e for event in listed for e in _short(event)]
        if self._begun and 0 < len(listed) <= 2 and (plain := self._plain(listed)):
            return plain
        for event in listed:
            match event:
                case ReplyEnd():
                    return self._flush(ended=True) + self._close()
                case Fault(error=error):
                    return self._flush() + self._broken(error)
                case _:
                    self._take(event)
        return self._flush()

    def _plain(self, events: list[Event]) -> bytes:
        """Return the chunk of one piece of text, by far the commonest; else nothing."""
        first = events[0]
        if type(first) not in _TEXTS or getattr(first, "logprobs", None):
            return b""
        slot = self._slots.get(first.block)  # type: ignore[union-attr]
        text: str = first.text  # type: ignore[union-attr]
        if slot is None or not text:
            return b""
        before, after, texts = slot
        if len(events) == 1:
            counts = b""
        else:
            second = events[1]
            if type(second) is not UsageUpdate or not _is_own(second.usage):
                return b""
            self._told = self._usage = second.usage
            counts = b',"usageMetadata":' + encode(second.usage.raw)
        if texts is not None:
            texts.append(text)
        return b"".join((before, encode(text), after, counts, self._tail))

    def _take(self, event: Told) -> None:
        match event:
            case Run():
                self._blocks[event.like.block].take(event.joined())
            case BlockStart():
                self._start_block(event)
            case BlockEnd(block=block):
                self._blocks.pop(block).end(event)
                self._slots.pop(block, None)
            case UsageUpdate(usage=usage):
                self._count(usage)
            case ChoiceEnd(choice=choice):
                self._candidate(choice).ending = event
                self._losses.members(f"choices[{choice}]", event.extras)
            case ReplyStart():
                self._start(event)
            case Foreign():
                self._foreign(event)
            case Ping() | ReplyEnd() | Fault():
                pass
            case _:
                self._blocks[event.block].take(event)

    def _start(self, event: ReplyStart) -> None:
        self._head = write_head(event.model, event.id, own(event.extras))
        inner = encode(self._head)[1:]
        self._tail = (b"," if self._head else b"") + inner + self._end
        self._losses.members("", event.extras)

    def _start_block(self, event: BlockStart) -> None:
        choice = event.choice
        block = Block(event, self._candidate(choice), self._losses)
        self._blocks[event.block] = block
        if block.plain is not None:
            before = (b",\r\n" if self._array else b"data: ") + _PART
            after = b'%b}],"role":"model"},"index":%d}]' % (block.plain, choice)
            self._slots[event.block] = before, after, block.texts

    def _candidate(self, choice: int) -> Candidate:
        found = self._candidates.get(choice)
        if found is None:
            found = self._candidates[choice] = Candidate(choice)
        return found

    def _count(self, usage: Usage) -> None:
        if _is_own(usage):
            self._counts, self._usage = usage.raw, usage
        else:
            self._usage = latest(self._usage, usage)

    def _foreign(self, event: Foreign) -> None:
        if event.origin != PROTOCOL:
            self._losses.event(event)
        elif event.name == "candidates":
            members = dict(event.json)
            self._candidate(members.pop("index", 0)).members |= members
        else:
            self._members[event.name] = event.json

    def _flush(self, *, ended: bool = False) -> bytes:
        """Return the chunk of what is complete."""
        sure = ended or self._usage is not None
        chunk: dict[str, Json] = {}
        members, self._members = self._members, {}
        candidates = []
        for candidate in self._candidates.values():
            if (feedback := candidate.feedback()) is not None:
                members[FEEDBACK] = feedback
            if (json := candidate.write(sure=sure)) is not None:
                candidates.append(json)
        if candidates:
            chunk["candidates"] = candidates
        late = ended and self._usage is not None and self._usage != self._told
        if not (candidates or members or late):
            return b""
        final = ended or any("finishReason" in json for json in candidates)
        if (counts := self._take_counts(final=final)) is not None:
            chunk["usageMetadata"] = counts
        return self._chunk(chunk | self._head | members)

    def _take_counts(self, *, final: bool) -> Json:
        """Return Google's own counts when they come, others with the end."""
        counts, self._counts = self._counts, None
        if counts is None and final and self._usage is not None:
            counts = write_usage(self._usage)
        if counts is not None:
            self._told = self._usage
        return counts

    def _chunk(self, json: dict[str, Json]) -> bytes:
        begun, self._begun = self._begun, True
        before = b"data: "
        if self._array:
            before = b",\r\n" if begun else b"["
        return before + encode(json) + self._end

    def _close(self) -> bytes:
        if not self._array:
            return b""
        return b"]" if self._begun else b"[]"

    def _broken(self, error: LLMProxyError) -> bytes:
        if self._array:
            return write_error_element(error, begun=self._begun)
        return write_error_frame(error)


def _short(event: Told) -> Sequence[Told]:
    """Return the event of a run of one; more than one are written as one."""
    if isinstance(event, Run) and len(event.texts) == 1:
        return event.events()
    return [event]


def _is_own(usage: Usage) -> bool:
    """Tell whether the counts are in Google's own words; the quick sign comes first."""
    raw = usage.raw
    return type(raw) is dict and ("totalTokenCount" in raw or is_own_usage(usage))
