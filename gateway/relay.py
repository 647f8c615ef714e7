"""
What the two ways through the gateway have in common: bytes that pass, and events
that are written anew.

Both are plain machines: `feed` what came, send what it returns, and end with
`eof` or `fail`. They do no I/O, so a task may drive them today and a protocol's
own callback tomorrow. Both fill the same ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    LLMProxyError,
    SessionCancelledError,
)
from gateway.ledger import Ledger, Outcome

if TYPE_CHECKING:
    from gateway.domain.reply import Json


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
        first: the data of the first of them, where that is so.
        unread: what has come and is no event, where nothing of it is passed on.
    """

    verbatim: bool
    first: bytes | None
    ledger: Ledger
    begun: bool
    ended: bool
    fault: LLMProxyError | None
    opening: LLMProxyError | None

    def feed(self, piece: Any) -> bytes:
        """Take what came, and return what is to be sent."""

    @property
    def unread(self) -> bytes: ...

    @property
    def progress(self) -> int:
        """A number that changes when the answer goes on; comments are not that."""

    @property
    def at_boundary(self) -> bool:
        """Whether a comment may stand behind what was returned so far."""

    @property
    def result(self) -> Json:
        """The whole answer once it has ended, where clients may ask for it again."""

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


def overdue(*, begun: bool) -> APITimeoutError:
    """
    Return the error for an upstream that says nothing for too long.

    Args:
        begun: of the answer, something has come already.
    """
    which = "next" if begun else "first"
    return APITimeoutError(
        f"the upstream sent no {which} event in time",
        code="upstream_idle_timeout" if begun else "upstream_timeout",
    )


def truncated() -> APIConnectionError:
    return APIConnectionError(
        "the upstream's answer ended before it was complete",
        code="upstream_truncated",
    )
