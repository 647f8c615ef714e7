"""Reading what an upstream says, which may be anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import msgspec

from gateway.domain.errors import APIConnectionError, BackendError, LLMProxyError
from gateway.domain.events import Event, Fault, ReplyEnd
from gateway.wire.repeats import Repeats

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.wire.repeats import Delta, Repeating
    from gateway.wire.sse import Frame

T = TypeVar("T")

# What hand-written readers raise over JSON of another shape.
SHAPE = (
    *(KeyError, TypeError, AttributeError, ValueError, IndexError),
    *(OverflowError, RecursionError),
)
_TRIPS = (*SHAPE, LLMProxyError, msgspec.MsgspecError)
_LAST = (Fault, ReplyEnd)


class Framer(Protocol):
    """Cuts a byte stream into frames, wherever the network cut it."""

    def feed(self, chunk: bytes) -> Iterable[Frame]:
        """
        Return the frames that *chunk* completes.

        Raises:
            BackendError: one exceeds the cap; the stream is lost.
        """

    def eof(self) -> Iterable[Frame]:
        """Return a last frame that lacks its end, if it is one."""


class Reader(Protocol):
    """Turns frames into events; never raises, and says nothing after its end."""

    def feed(self, frame: Frame) -> list[Event]: ...

    def eof(self) -> list[Event]:
        """Return what the end of the stream means: a `Fault` unless it was due."""


class Frames(Protocol):
    """What a protocol's own reader has to bring: it may raise, see `Guarded`."""

    def read(self, frame: Frame) -> Iterable[Event]: ...

    def end(self) -> Iterable[Event]:
        """Yield the `ReplyEnd` if the end of the stream may be one; else nothing."""


class Guarded:
    """
    A `Reader` made of a protocol's own reader, which may be careless.

    The events before a frame that cannot be read still count; in its place stands
    a `Fault`, and nothing follows. A stream that stops early ends in a `Fault`.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._ended = False

    def feed(self, frame: Frame) -> list[Event]:
        events: list[Event] = []
        if self._ended:
            return events
        try:
            found = self._frames.read(frame)
            if type(found) is list:
                events = found
            else:  # what a generator yields before it trips stays in the list
                events.extend(found)
        except _TRIPS as exc:
            events.append(Fault(_error_of(exc, frame.event)))
        if events and type(events[-1]) in _LAST:
            self._ended = True
        return events

    def repeats(self) -> Repeats | None:
        """Return what reads frames that repeat, if the protocol's reader knows how."""
        knows = hasattr(self._frames, "plain") and hasattr(self._frames, "bare")
        return Repeats(self) if knows else None

    def plain(self, frame: Frame) -> Delta | None:
        try:
            return None if self._ended else cast("Repeating", self._frames).plain(frame)
        except _TRIPS:
            return None

    def bare(self, data: bytes) -> bytes:
        return cast("Repeating", self._frames).bare(data)

    def eof(self) -> list[Event]:
        events: list[Event] = []
        if self._ended:
            return events
        self._ended = True
        try:
            events.extend(self._frames.end())
        except _TRIPS as exc:
            events.append(Fault(_error_of(exc, "last")))
        if not events or type(events[-1]) not in _LAST:
            events.append(Fault(truncated()))
        return events


def _error_of(exc: Exception, name: str) -> LLMProxyError:
    return exc if isinstance(exc, LLMProxyError) else malformed(name, exc)


def truncated() -> APIConnectionError:
    return APIConnectionError(
        "the upstream's answer ended before it was complete",
        code="upstream_truncated",
    )


def malformed(name: str, exc: Exception) -> BackendError:
    """Return the error for a frame that could not be read; it shows no content."""
    what = f"{name[:40]} event" if name else "event"
    return BackendError(
        f"the upstream sent a malformed {what} ({type(exc).__name__})",
        code="upstream_malformed",
    )


def whole(read: Callable[[Json], T], json: Json) -> T:
    """
    Return what *read* makes of a whole answer.

    Raises:
        BackendError: it has another shape.
    """
    try:
        return read(json)
    except (*SHAPE, msgspec.MsgspecError) as exc:
        raise BackendError(
            f"the upstream's answer has an unknown shape ({type(exc).__name__})",
            code="upstream_invalid_reply",
        ) from exc


def none() -> Iterator[Event]:
    """Yield nothing: the end of a protocol that has a last word of its own."""
    return iter(())
