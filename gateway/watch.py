"""All clocks of one exchange on a single timer."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.domain.errors import APITimeoutError, LLMProxyError
from gateway.settings import Timeouts

NEVER = float("inf")
# A timer may fire a little before its time, by the clock's resolution.
EARLY = 0.002


class Due(Protocol):
    """
    Something that is to be done at a time which moves.

    ``due()`` gives the loop time, which may lie ahead of what was said before;
    ``act()`` is called when it has come and must move it.
    """

    def due(self) -> float: ...

    def act(self) -> None: ...


class Watch:
    """
    Ends an exchange whose upstream is silent for too long, or that must stop.

    To interrupt is to cancel the exchange's task, as `asyncio.timeout` does;
    `caught` tells our own cancellation from that of a client who left. Hearing
    from the upstream is an assignment, not a new timer.

    Attributes:
        heard: loop time of the last sign of life.
        blocked: it is the client who is slow; the upstream's clock stands.
    """

    def __init__(self, clocks: Timeouts) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._clocks = clocks
        self._begun = False
        self._error: LLMProxyError | None = None
        self._others: list[Due] = []
        self.blocked = False
        self.heard = self._loop.time()
        self._timer = self._loop.call_at(self._due(), self._tick)

    def begin(self) -> None:
        """Count with the idle clock from now on: the answer has begun."""
        self._begun = True
        self.heard = self._loop.time()
        self.rearm()

    def limit(self, seconds: float) -> None:
        """Allow no more than *seconds* of silence from now on."""
        self._clocks = Timeouts(seconds, seconds, seconds)
        self.begin()

    def also(self, other: Due) -> None:
        """Serve *other* with the same timer."""
        self._others.append(other)
        self.rearm()

    def interrupt(self, error: LLMProxyError) -> None:
        """End the exchange with *error*; the first one counts."""
        if self._error is None and self._task is not None and not self._task.done():
            self._error = error
            self._task.cancel()

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
        self._timer.cancel()
        self._others.clear()
        self._task = None

    def _due(self) -> float:
        clocks = self._clocks
        return self.heard + (clocks.idle if self._begun else clocks.first_event)

    def _tick(self) -> None:
        now = self._loop.time() + EARLY
        if self.blocked:
            self.heard = now
        if now >= self._due():
            which = "next" if self._begun else "first"
            self.interrupt(
                APITimeoutError(
                    f"the upstream sent no {which} event in time",
                    code="upstream_idle_timeout" if self._begun else "upstream_timeout",
                )
            )
            return
        for other in self._others:
            if now >= other.due():
                other.act()
        self.rearm()

    def rearm(self) -> None:
        self._timer.cancel()
        due = min([self._due(), *(other.due() for other in self._others)])
        self._timer = self._loop.call_at(due, self._tick)
