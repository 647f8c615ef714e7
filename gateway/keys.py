"""
Several API keys of one account, used in turn.

One that its provider refuses, or that is used up, rests; the others go on. What
rests is a key, never the backend.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from attrs import define, field

from gateway.plugin import Fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.plugin import Outbound
    from gateway.secret import Secret

# A key that is refused may have been locked by mistake, but hardly for a moment:
# how long it rests, doubled each time that it is refused soon after.
REFUSED_REST = 60.0
LONGEST_REFUSED_REST = 3600.0
# One that is used up, where its provider does not say for how long, and the longest
# that is believed: a limit may be lifted before its day is over.
USED_UP_REST = 60.0
LONGEST_USED_UP_REST = 600.0

_log = structlog.get_logger()


@define
class _Rest:
    """How long a key rests: until when, and how long the last refusal made it."""

    until: float = 0.0
    length: float = 0.0


@define(eq=False)
class KeyPool:
    """
    Gives each request the next key that does not rest.

    Where all rest, that one is tried which wakes first: it costs a request that would
    fail anyway, and finds out if the provider has changed its mind.

    Attributes:
        backend: its name, for the log.
    """

    backend: str
    _keys: tuple[Secret | Fixed, ...] = field(repr=False)
    _clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _next: int = field(default=0, init=False)
    _rests: tuple[_Rest, ...] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._rests = tuple(_Rest() for _ in self._keys)

    async def sign(self, request: Outbound) -> None:
        """Put the next key that does not rest into *request*."""
        place = self._awake(request.tried)
        if place is None:
            place = min(range(len(self._keys)), key=lambda n: self._rests[n].until)
        self._next = (place + 1) % len(self._keys)
        request.tried.append(place)
        key = self._keys[place]
        fixed = key if isinstance(key, Fixed) else Fixed.of(request.auth, key.reveal())
        fixed.put(request)

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        """Let the key rest; whether there is another that does not."""
        tried = request.tried
        if status == 401:
            self._refused(tried[-1])
        elif status == 429:
            self._used_up(tried[-1], retry_after)
        else:
            return False  # a matter of the request, or of what the account may do
        return self._awake(tried) is not None

    async def close(self) -> None:
        """Hold nothing."""

    def _awake(self, tried: list[int]) -> int | None:
        now, size = self._clock(), len(self._keys)
        turn = ((self._next + step) % size for step in range(size))
        return next(
            (n for n in turn if n not in tried and self._rests[n].until <= now), None
        )

    def _refused(self, place: int) -> None:
        rest, now = self._rests[place], self._clock()
        if now < rest.until:
            return  # other requests were on their way with it
        soon = now < rest.until + 2 * rest.length
        rest.length = 2 * rest.length if soon and rest.length else REFUSED_REST
        rest.length = min(rest.length, LONGEST_REFUSED_REST)
        self._lay(place, rest.length, "refused")

    def _used_up(self, place: int, retry_after: float | None) -> None:
        known = USED_UP_REST if retry_after is None else retry_after
        self._lay(place, min(known, LONGEST_USED_UP_REST), "used_up")

    def _lay(self, place: int, seconds: float, reason: str) -> None:
        rest, now = self._rests[place], self._clock()
        if now >= rest.until and seconds:
            _log.warning(
                "key.rests",
                backend=self.backend,
                number=place + 1,
                reason=reason,
                seconds=seconds,
                awake=sum(other.until <= now for other in self._rests) - 1,
            )
        rest.until = max(rest.until, now + seconds)
