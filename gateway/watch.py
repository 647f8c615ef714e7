"""All clocks of all exchanges on a single timer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from gateway.relay import overdue
from gateway.settings import Timeouts

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError

NEVER = float("inf")
# How often, in seconds, the clocks are looked at. A time-out may come that late.
TICK = 0.05


class Due(Protocol):
    """
    Something that is to be done at a time which moves.

    ``due()`` gives the loop time; ``act()`` is called when it has come and must
    move it.
    """

    def due(self) -> float: ...

    def act(self) -> None: ...


class Ticker:
    """
    Looks at every running exchange, and sleeps while there is none.

    A timer for each would cost a request more than all other book-keeping.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self._watches: set[Watch] = set()
        self._running = False

    def add(self, watch: Watch) -> None:
        self._watches.add(watch)
        if not self._running:
            self._running = True
            self.loop.call_later(TICK, self._tick)

    def discard(self, watch: Watch) -> None:
        self._watches.discard(watch)

    def _tick(self) -> None:
        now = self.loop.time()
        for watch in [w for w in self._watches if w.next <= now]:
            watch.look(now)
        self._running = bool(self._watches)
        if self._running:
            self.loop.call_later(TICK, self._tick)


class Watch:
    """
    Ends an exchange whose upstream is silent for too long, or that must stop.

    To interrupt is to cancel the exchange's task, as `asyncio.timeout` does;
    `caught` tells our own cancellation from that of a client who left.

    Attributes:
        heard: loop time of the last sign of life.
        blocked: it is the client who is slow; the upstream's clock stands.
        next: loop time before which nothing can be due.
    """

    __slots__ = (
        "_begun",
        "_clocks",
        "_error",
        "_other",
        "_task",
        "_ticker",
        "blocked",
        "heard",
        "next",
    )

    def __init__(self, ticker: Ticker, clocks: Timeouts) -> None:
        self._ticker = ticker
        self._task = asyncio.current_task(ticker.loop)
        self._clocks = clocks
        self._begun = False
        self._error: LLMProxyError | None = None
        self._other: Due | None = None
        self.blocked = False
        self.heard = ticker.now()
        self.next = self.heard + clocks.first_event
        ticker.add(self)

    def begin(self) -> None:
        """Count with the idle clock from now on: the answer has begun."""
        self._begun = True
        self.heard = self._ticker.now()
        self.next = 0.0

    def hear(self) -> None:
        """Take note that the answer goes on; it costs next to nothing."""
        self.heard = self._ticker.now()

    def limit(self, seconds: float) -> None:
        """Allow no more than *seconds* of silence since the last sign of life."""
        self._clocks = Timeouts(seconds, seconds, seconds)
        self.next = 0.0

    def serve(self, other: Due) -> None:
        """Look after *other* as well."""
        self._other = other
        self.next = 0.0

    def interrupt(self, error: LLMProxyError) -> None:
        """End the exchange with *error*; the first one counts."""
        if self._error is None and self._task is not None and not self._task.done():
            self._error = error
            self._task.cancel()

    @property
    def interrupted(self) -> bool:
        return self._error is not None

    def caught(self) -> LLMProxyError | None:
        """
        Return the error of our own interruption, to be called in ``except
        CancelledError``; ``None`` if somebody else cancelled.
        """
        error, self._error = self._error, None
        if error is None or self._task is None or self._task.uncancel() > 0:
            return None
        return error

    def stop(self) -> None:
        self._ticker.discard(self)
        self._other = self._task = None

    def look(self, now: float) -> None:
        """Do what is due, and find out when to look again."""
        if self.blocked:
            self.heard = now
        if now >= self._due():
            self.interrupt(overdue(begun=self._begun))
        other = self._other
        if other is not None and now >= other.due():
            other.act()
        self.next = min(self._due(), NEVER if other is None else other.due())

    def _due(self) -> float:
        clocks = self._clocks
        return self.heard + (clocks.idle if self._begun else clocks.first_event)
