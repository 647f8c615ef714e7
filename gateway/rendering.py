"""Writes an answer anew, in the dialect of who asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from gateway.domain.errors import BackendError, LLMProxyError
from gateway.domain.events import (
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    Ping,
    ReplyEnd,
    ReplyStart,
    UsageUpdate,
)
from gateway.ledger import Outcome
from gateway.relay import outcome_of, truncated
from gateway.secret import without_known
from gateway.wire.faults import read_fault
from gateway.wire.repeats import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.domain.reply import Json
    from gateway.fronts.base import Writer
    from gateway.ledger import Ledger
    from gateway.plugin import ProcessedResponse
    from gateway.wire.reading import Framer, Reader
    from gateway.wire.repeats import Delta, Repeats
    from gateway.wire.sse import Frame

# What an error may be long; see `gateway.failures`.
MAX_ERROR_BODY = 1024 * 1024
# What has only a name and counts has not begun: after it an error can still have
# a status of its own.
_SILENT = frozenset({ReplyStart, Ping, UsageUpdate, Foreign})
_NOTED = frozenset({ReplyStart, UsageUpdate, ChoiceEnd, Fault, ReplyEnd})


class Source(Protocol):
    """
    Where events come from.

    Attributes:
        count: how many events of the upstream's own have come.
        unread: what has come before the first.
    """

    count: int
    unread: bytes

    def feed(self, piece: Any) -> Sequence[Event]: ...

    def eof(self) -> Sequence[Event]: ...


class Decoded:
    """The events in the bytes of an upstream; never raises."""

    def __init__(self, framer: Framer, reader: Reader) -> None:
        self.count = 0
        self.unread = b""
        self._framer = framer
        self._reader = reader
        self._repeats: Repeats | None = None

    def gather(self) -> None:
        """Give a `Run` where deltas differ in their text alone."""
        make = getattr(self._reader, "repeats", None)  # a plugin's may lack it
        self._repeats = None if make is None else make()

    def feed(self, chunk: bytes) -> list[Event]:
        events: list[Event] = []
        try:
            frames = self._framer.feed(chunk)
            if self._repeats is not None:
                frames = self._rest(frames, self._repeats, events)
            for frame in frames:
                self.count += 1
                events += self._reader.feed(frame)
        except BackendError as error:
            events.append(Fault(error))
        if not self.count and len(self.unread) < MAX_ERROR_BODY:
            self.unread += chunk
        return events

    def _rest(
        self, frames: Iterable[Frame], repeats: Repeats, events: list[Event]
    ) -> Iterable[Frame]:
        """Read *frames*, many of which may repeat; return those that are left."""
        run: list[str] | None = None
        coming = iter(frames)
        for frame in coming:
            self.count += 1
            if text := repeats.text(frame):
                if run is None:
                    run = []
                    # Only who asked for it, by `gather`, gets what is no event.
                    events.append(cast("Event", Run(cast("Delta", repeats.like), run)))
                run.append(text)
                continue
            run = None
            found = self._reader.feed(frame)
            repeats.learn(frame, found)
            events += found
            if not repeats.patient:
                self._repeats = None
                break
        return coming

    def eof(self) -> list[Event]:
        events: list[Event] = []
        try:
            for frame in self._framer.eof():
                self.count += 1
                events += self._reader.feed(frame)
        except BackendError as error:
            return [*events, Fault(error)]
        # Some upstreams write bare JSON where an event stream was announced.
        if not self.count and (fault := read_fault(self.unread)) is not None:
            return [Fault(fault)]
        return events + self._reader.eof()


class Pieces:
    """
    The events of a backend that answers in them.

    Such a backend may be made of a protocol without a last word, as Gemini's is:
    then its own end is that, if every choice that began has ended.
    """

    unread = b""

    def __init__(self) -> None:
        self.count = 0
        self._begun: set[int] = set()
        self._ended: set[int] = set()

    def feed(self, piece: ProcessedResponse) -> tuple[Event, ...]:
        self.count += len(piece.content)
        for event in piece.content:
            if type(event) is BlockStart:
                self._begun.add(event.choice)
            elif type(event) is ChoiceEnd:
                self._ended.add(event.choice)
        return piece.content

    def eof(self) -> list[Event]:
        if self._ended and self._begun <= self._ended:
            return [ReplyEnd()]
        return [Fault(truncated())]


class Rendering:
    """
    A relay that writes events; see `gateway.relay.Relay`.

    Attributes:
        source: may be replaced while nothing has been fed.
    """

    verbatim = False
    first: bytes | None = None

    def __init__(self, ledger: Ledger, source: Source, writer: Writer) -> None:
        self.ledger = ledger
        self.source = source
        self.begun = False
        self.ended = False
        self.fault: LLMProxyError | None = None
        self.opening: LLMProxyError | None = None
        self._writer = writer
        if isinstance(source, Decoded) and getattr(writer, "takes_runs", False):
            source.gather()

    def feed(self, piece: Any) -> bytes:
        if self.ended or self.fault is not None:
            return b""
        return self._take(self.source.feed(piece))

    def _take(self, events: Sequence[Event]) -> bytes:
        for event in events:
            if type(event) in _NOTED:
                self._note(event)
        if not self.begun:
            self._begin(events)
        if self.fault is None:
            return self._writer.feed(events)
        # Some upstreams quote the key when they complain about it.
        return without_known(self._writer.feed(events))

    @property
    def at_boundary(self) -> bool:
        return True

    @property
    def unread(self) -> bytes:
        return self.source.unread

    @property
    def progress(self) -> int:
        return self.source.count

    @property
    def result(self) -> Json:
        return self._writer.result

    def eof(self) -> bytes:
        said = b"" if self._over else self._take(self.source.eof())
        self._settle(self.fault or truncated())
        return said

    def fail(self, error: LLMProxyError) -> bytes:
        over = self._over
        self._settle(self.fault or error)
        return b"" if over else self._writer.feed((Fault(error),))

    @property
    def _over(self) -> bool:
        return self.ended or self.fault is not None

    def _settle(self, error: LLMProxyError) -> None:
        ledger = self.ledger
        ledger.events = self.source.count
        ledger.lost(self._writer.losses)
        ledger.end(
            Outcome.COMPLETED if self.ended else outcome_of(error),
            None if self.ended else error.code,
        )

    def _begin(self, events: Sequence[Event]) -> None:
        first = next((e for e in events if type(e) not in _SILENT), None)
        if first is not None:
            self.begun = True
            self.opening = self.fault if type(first) is Fault else None

    def _note(self, event: Event) -> None:
        ledger = self.ledger
        match event:
            case ReplyStart():
                ledger.upstream_id, ledger.upstream_model = event.id, event.model
            case UsageUpdate(usage=usage):
                ledger.saw_usage(usage)
            case ChoiceEnd(choice=choice, finish=finish):
                ledger.finish[choice] = finish
            case Fault(error=error):
                self.fault = error
            case ReplyEnd():
                self.ended = True
