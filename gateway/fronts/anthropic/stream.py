"""
A streamed answer, from events to the client's frames.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    Ping,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.loss import dropped
from gateway.domain.reply import Usage, latest
from gateway.fronts.anthropic.blocks import CLOSE, BlockWriter, frame
from gateway.fronts.anthropic.errors import write_error_frame
from gateway.fronts.anthropic.response import write_head, write_stop
from gateway.fronts.losses import Losses
from gateway.wire.anthropic import PROTOCOL, own, write_delta_usage, write_usage
from gateway.wire.blocks import Sequencer
from gateway.wire.json import encode
from gateway.wire.repeats import Run

if TYPE_CHECKING:
    from gateway.domain.events import Delta
    from gateway.domain.loss import Loss
    from gateway.domain.parts import Signature
    from gateway.domain.reply import Json
    from gateway.fronts.base import Context
    from gateway.wire.repeats import Told

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
# More kinds of loss than this nobody reads.
# Members of the event ``message_delta``; all others that end a message stand in
# its ``delta``. Source: BetaRawMessageDeltaEvent of Anthropic's Python SDK.
BESIDE_DELTA = ("context_management", "input_transformations")


class MessageWriter:
    """
    One instance per reply.

    Blocks may not overlap here, and their numbers have no gaps: those of the
    events are counted anew. Two things wait for what follows: the beginning of a
    message, because its token counts stand in it, and its end, because
    ``message_delta`` has both the reason and the counts.
    """

    takes_runs = True

    def __init__(self, context: Context) -> None:
        self._losses = Losses(PROTOCOL)
        self.losses: list[Loss] = self._losses.found
        self.result: Json = None
        self._context = context
        self._sequencer = Sequencer()
        self._blocks = BlockWriter(self._losses.note)
        self._start: ReplyStart | None = None
        self._end: ChoiceEnd | None = None
        self._usage = Usage()
        self._later: Usage | None = None
        self._others: set[int] = set()
        self._ended = False

    def feed(self, events: Iterable[Told]) -> bytes:
        """
        Return the frames of *events*, joined.

        A reply ends with ``message_stop``; a broken one with its error, without.
        """
        coming: list[Any] = events if isinstance(events, list) else list(events)
        blocks, written = self._blocks, []
        for i, event in enumerate(coming):
            # What goes on with the block that is open needs no sequencer.
            slot = blocks.slots.get(type(event))
            if (
                slot is not None
                and event.block == blocks.open
                and not (type(event) is TextDelta and event.logprobs)
            ):
                written.append(slot + encode(event.text) + CLOSE)
            elif type(event) is Run:
                written.append(self._run(event))
            elif type(event) is UsageUpdate and self._start is None:
                self._later = latest(self._later, event.usage)
            elif not self._ended:
                written += self._take(event, coming[i + 1 :])
        return b"".join(written)

    def _run(self, run: Run) -> bytes:
        slot = self._blocks.slots.get(type(run.like))
        if slot is None or run.like.block != self._blocks.open:
            return self.feed(run.events())
        return slot + (CLOSE + slot).join(map(encode, run.texts)) + CLOSE

    def _take(self, event: Event, coming: list[Event]) -> Iterator[bytes]:
        if isinstance(event, Fault):
            self._ended = True
            self._blocks.open = None
            yield write_error_frame(event.error)
        elif not self._is_other(event):
            ready = self._sequencer.feed((event,))
            for i, one in enumerate(ready):
                if self._start is not None and type(one) is not UsageUpdate:
                    yield self._begin()
                yield self._write(one, (*ready[i + 1 :], *coming))

    def _is_other(self, event: Event) -> bool:
        """Tell what belongs to another choice than the first: there is but one."""
        if isinstance(event, BlockStart | ChoiceEnd) and event.choice:
            self._losses.note(
                dropped(f"choices[{event.choice}]", "Anthropic has one choice")
            )
            if isinstance(event, BlockStart):
                self._others.add(event.block)
            return True
        return getattr(event, "block", None) in self._others

    def _write(self, event: Event, coming: Sequence[Event]) -> bytes:
        match event:
            case BlockStart(block=block, part=part):
                self._losses.members(self._blocks.at, part.extras)
                return self._blocks.start(event, _seal_of(block, coming))
            case BlockEnd():
                return self._blocks.end(event)
            case ReplyStart(extras=extras):
                self._start = event
                self._losses.members("", extras)
            case UsageUpdate(usage=usage) if self._start is not None:
                self._usage = usage
                return self._begin()
            case UsageUpdate(usage=usage):
                self._later = latest(self._later, usage)
            case ChoiceEnd(extras=extras):
                self._end = event
                self._losses.members("choices[0]", extras)
            case Foreign():
                return self._foreign(event)
            case Ping():
                return self._blocks.flush() + PING
            case ReplyEnd():
                self._ended = True
                return self._message_delta() + STOP
            case _:
                return self._blocks.delta(cast("Delta", event))
        return b""

    def _begin(self) -> bytes:
        start, self._start = self._start or ReplyStart(), None
        message = {
            **write_head(start.id, start.model, self._context),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
            **own(start.extras),
        }
        return frame("message_start", {"message": message})

    def _message_delta(self) -> bytes:
        end, self._end = self._end, None
        if end is None:
            return b""
        members = own(end.extras)
        delta = {
            "stop_reason": write_stop(end.finish, refused=self._blocks.refused),
            "stop_sequence": end.finish.sequence,
            **{k: v for k, v in members.items() if k not in BESIDE_DELTA},
        }
        beside = {k: v for k, v in members.items() if k in BESIDE_DELTA}
        usage = write_delta_usage(self._usage, self._later)
        return frame("message_delta", {"delta": delta, "usage": usage, **beside})

    def _foreign(self, event: Foreign) -> bytes:
        if event.origin == PROTOCOL:
            before = self._blocks.flush() + self._message_delta()
            return before + frame(event.name, event.json)
        self._losses.event(event)
        return b""


def _seal_of(block: int, coming: Iterable[Event]) -> Signature | None:
    """Return the seal of a block, if it comes in the same piece."""
    for event in coming:
        if isinstance(event, SignatureDelta) and event.block == block:
            return event.signature
        if isinstance(event, BlockEnd) and event.block == block:
            break
    return None
