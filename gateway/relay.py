"""
Two relays with one interface: bytes that pass, and events that are written.

Both are plain machines: `feed` what came, send what it returns, and end with
`eof` or `fail`. They do no I/O, so a task may drive them today and a protocol's
own callback tomorrow. Both fill the same ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    BackendError,
    LLMProxyError,
    SessionCancelledError,
)
from gateway.domain.events import (
    ChoiceEnd,
    Event,
    Fault,
    Ping,
    ReplyEnd,
    ReplyStart,
    UsageUpdate,
)
from gateway.ledger import Ledger, Outcome
from gateway.secret import without_known
from gateway.wire import jsonsplice, openai_chat
from gateway.wire.faults import read_fault
from gateway.wire.sse import Frame, SseSkimmer, SseSplitter, parse

if TYPE_CHECKING:
    from gateway.fronts.base import Writer
    from gateway.plugin import ProcessedResponse

WriteErrorFrame: TypeAlias = Callable[[LLMProxyError], bytes]


class ShutdownError(LLMProxyError):
    """The gateway itself is going down."""

    default_status = 503
    default_code = "gateway_shutdown"


class StalledClientError(SessionCancelledError):
    default_code = "client_stalled"


def outcome_of(error: LLMProxyError) -> Outcome:
    """Return what an exchange came to that was broken off by *error*."""
    match error:
        case StalledClientError():
            return Outcome.CLIENT_STALLED
        case SessionCancelledError():
            return Outcome.CLIENT_GONE
        case ShutdownError():
            return Outcome.SHUTDOWN
        case APIConnectionError() | APITimeoutError():
            return Outcome.TRUNCATED
        case _:
            return Outcome.UPSTREAM_FAILED


class Relay(Protocol):
    """
    Attributes:
        ledger: filled while the answer passes, settled by `eof` or `fail`.
        begun: the answer's first event has passed.
        ended: the upstream said that the answer is whole; nothing may follow.
        fault: what the upstream itself reported as an error.
        opening: the same, if it reported nothing else before.
        verbatim: the bytes are the upstream's own words.
    """

    verbatim: bool
    ledger: Ledger
    begun: bool
    ended: bool
    fault: LLMProxyError | None
    opening: LLMProxyError | None

    def feed(self, piece: Any) -> bytes:
        """Take what came, and return what is to be sent."""

    @property
    def progress(self) -> int:
        """A number that changes when the answer goes on; comments are not that."""

    @property
    def at_boundary(self) -> bool:
        """Whether a comment may stand behind what was returned so far."""

    def eof(self) -> bytes:
        """Settle the ledger; return what must still be said to the client."""

    def fail(self, error: LLMProxyError) -> bytes:
        """Do the same for an answer that *error* broke off."""


def settled(relay: Relay, error: LLMProxyError, *, whole: bool) -> bool:
    """Settle the ledger; return whether the client needs no word about *error*."""
    ledger = relay.ledger
    if relay.fault is not None:  # the upstream has said it itself
        ledger.end(Outcome.UPSTREAM_FAILED, relay.fault.code)
    elif whole:
        ledger.end(Outcome.COMPLETED)
    else:
        ledger.end(outcome_of(error), error.code)
        return False
    return True


def account(ledger: Ledger, data: bytes, event: str = "") -> BackendError | None:
    """
    Take into *ledger* what *data*, a chunk or a whole reply, says.

    Returns:
        The error that it reports instead, if it does.

    Raises:
        msgspec.DecodeError: it is not JSON.
    """
    seen = openai_chat.sniff(data)
    if seen is None:
        return read_fault(data, event)
    if isinstance(seen.model, str):
        ledger.upstream_model = ledger.upstream_model or seen.model
    if isinstance(seen.id, str):
        ledger.upstream_id = ledger.upstream_id or seen.id
    ledger.finish.update(seen.finishes())
    if (usage := seen.tokens()) is not None:
        ledger.saw_usage(usage)
    if seen.error or event == "error" or seen.object == "error":
        return read_fault(data, event)
    return None


class Passthrough:
    """
    Lets the chunks of an OpenAI-style event stream pass and watches a copy.

    Args:
        choices: how many finish reasons make the answer whole, where the
            upstream does not say ``[DONE]``.
        write_error_frame: the last word to a client whose stream broke.
    """

    verbatim = True

    def __init__(
        self, ledger: Ledger, choices: int, write_error_frame: WriteErrorFrame
    ) -> None:
        self.ledger = ledger
        self.begun = False
        self.ended = False
        self.fault: LLMProxyError | None = None
        self.opening: LLMProxyError | None = None
        self._choices = choices
        self._write_error_frame = write_error_frame
        # With several choices, one event may end one of them and not another.
        alike = (openai_chat.ending, openai_chat.ALARM) if choices == 1 else ()
        self._skimmer = SseSkimmer(openai_chat.spots, *alike)

    def feed(self, chunk: bytes) -> bytes:
        """
        Return the very *chunk*; what it means goes to the ledger.

        Only where an error quotes a key of ours, that is masked.

        Raises:
            BackendError: an event exceeds the cap.
        """
        for frame in self._skimmer.feed(chunk):
            self._read(frame)
            if not self.begun:  # the skimmer always gives the first event
                self.opening = self.fault
                self.begun = True
        # Some upstreams quote the key when they complain about it.
        return chunk if self.fault is None else without_known(chunk)

    @property
    def at_boundary(self) -> bool:
        return self._skimmer.at_boundary

    def eof(self) -> bytes:
        # Some servers forget the last blank line: an event that can be read
        # is whole without.
        rest = [self._read(frame) for frame in self._skimmer.eof()]
        whole = self._skimmer.between_events or (bool(rest) and all(rest))
        return self._end(
            APIConnectionError(
                "the upstream's answer ended before it was complete",
                code="upstream_truncated",
            ),
            whole,
        )

    def fail(self, error: LLMProxyError) -> bytes:
        return self._end(error, self._skimmer.between_events)

    @property
    def progress(self) -> int:
        return self._skimmer.progress

    def _end(self, error: LLMProxyError, whole: bool) -> bytes:
        self.ledger.events = self._skimmer.events
        finished = whole and len(self.ledger.finish) >= self._choices
        if settled(self, error, whole=self.ended or finished):
            return b""
        frame = self._write_error_frame(error)
        # An event that was cut in half is closed first, or else the error would
        # become a part of it.
        return frame if self.at_boundary else b"\n\n" + frame

    def _read(self, frame: Frame) -> bool:
        """Note what matters in *frame*; return whether it could be read."""
        if frame.data.strip() == b"[DONE]":
            self.ended = True
            return True
        try:
            fault = account(self.ledger, frame.data, frame.event)
        except msgspec.DecodeError:
            return False
        self.fault = self.fault or fault
        return True


class UsageStripper(Passthrough):
    """
    A passthrough that takes out token counts which only the gateway asked for.

    Clients break on a chunk with empty ``choices`` that they did not ask for.
    All other bytes stay; whole events are passed on, so this relay holds back
    what follows the last blank line.
    """

    def __init__(
        self, ledger: Ledger, choices: int, write_error_frame: WriteErrorFrame
    ) -> None:
        super().__init__(ledger, choices, write_error_frame)
        self._blocks = SseSplitter()

    def feed(self, chunk: bytes) -> bytes:
        super().feed(chunk)
        said = b"".join(_without_usage(block) for block in self._blocks.feed(chunk))
        return said if self.fault is None else without_known(said)

    @property
    def at_boundary(self) -> bool:
        return True

    def eof(self) -> bytes:
        return super().eof() or _without_usage(self._blocks.rest)


def _without_usage(block: bytes) -> bytes:
    if b'"usage"' not in block or (frame := parse(block)) is None:
        return block
    data = frame.data
    try:
        seen = openai_chat.sniff(data)
    except msgspec.DecodeError:
        return block
    if seen is None or data not in block:
        return block
    if seen.usage and seen.choices == [] and not seen.error:
        return b""
    return block.replace(data, jsonsplice.remove(data, "usage"))


class Rendering:
    """Writes the events of a virtual backend in the client's dialect."""

    verbatim = False

    def __init__(
        self, ledger: Ledger, writer: Writer, write_error_frame: WriteErrorFrame
    ) -> None:
        self.ledger = ledger
        self.begun = False
        self.ended = False
        self.fault: LLMProxyError | None = None
        self.opening: LLMProxyError | None = None
        self._writer = writer
        self._write_error_frame = write_error_frame

    def feed(self, piece: ProcessedResponse) -> bytes:
        events = piece.content
        for event in events:
            self._note(event)
        return self._writer.feed(events)

    @property
    def at_boundary(self) -> bool:
        return True

    @property
    def progress(self) -> int:
        return self.ledger.events

    def eof(self) -> bytes:
        return self.fail(
            APIConnectionError(
                "the backend's answer ended before it was complete",
                code="upstream_truncated",
            )
        )

    def fail(self, error: LLMProxyError) -> bytes:
        if settled(self, error, whole=self.ended):
            return b""
        return self._write_error_frame(error)

    def _note(self, event: Event) -> None:
        ledger = self.ledger
        ledger.events += 1
        match event:
            case ReplyStart():
                ledger.upstream_id, ledger.upstream_model = event.id, event.model
                return  # what has only a name has not begun
            case Ping():
                return
            case UsageUpdate(usage=usage):
                ledger.saw_usage(usage)
            case ChoiceEnd(choice=choice, finish=finish):
                ledger.finish[choice] = finish
            case Fault(error=error):
                self.fault = error
                self.opening = None if self.begun else error
            case ReplyEnd():
                self.ended = True
        self.begun = True
