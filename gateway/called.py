"""A backend's stream in the hands of another backend that asked for it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError

from gateway.domain.errors import LLMProxyError
from gateway.domain.events import Fault, ReplyEnd, UsageUpdate
from gateway.failures import mapped
from gateway.plugin import ProcessedResponse
from gateway.relay import overdue, truncated
from gateway.stream import LINGER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from gateway.domain.events import Event
    from gateway.rendering import Source
    from gateway.settings import Timeouts

_LAST = (ReplyEnd, Fault)


class Called:
    """
    Gives the pieces of an answer; nothing of the upstream outlives them.

    Args:
        read: gives what *source* is fed with; something empty at the end.
        free: frees the upstream; called at least once, again does no harm.
        clocks: begin to run now.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Any]],
        source: Source,
        free: Callable[[], Awaitable[None]],
        clocks: Timeouts,
    ) -> None:
        self._read = read
        self._source = source
        self._free = free
        self._clocks = clocks
        self._now = asyncio.get_running_loop().time
        self._due = self._now() + clocks.first_event
        self._begun = False
        self._cancelled = False

    async def cancel(self) -> None:
        """Free the upstream and end the pieces, wherever they are."""
        if not self._cancelled:
            self._cancelled = True
            await self._free()

    async def pieces(self) -> AsyncIterator[ProcessedResponse]:
        """
        Yield events as they come; the last is a `ReplyEnd` or a `Fault`.

        After `cancel` there may be none. Never raises over what the upstream does.
        """
        try:
            last: Event | None = None
            while type(last) not in _LAST and not self._cancelled:
                if events := await self._next():
                    last = events[-1]
                    handed = self._now()
                    yield piece_of(events)
                    # While a slow reader has it, the upstream's clock stands.
                    self._due += self._now() - handed
            if type(last) is ReplyEnd and not self._cancelled:
                await self._linger()
        finally:
            await self._free()

    async def _next(self) -> list[Event]:
        before = self._source.count
        try:
            remaining = self._due - self._now()
            async with within(remaining, begun=self._begun):
                piece = await self._raw()
        except LLMProxyError as error:
            return [] if self._cancelled else [Fault(error)]
        if self._cancelled:
            return []
        if not piece:
            return _ended([*self._source.eof(), Fault(truncated())])
        events = _ended(self._source.feed(piece))
        if self._source.count != before:  # comments are no sign of life
            self._begun = True
            self._due = self._now() + self._clocks.idle
        return events

    async def _raw(self) -> Any:
        try:
            return await self._read()
        except (ClientError, OSError) as exc:
            raise mapped(exc) from exc

    async def _linger(self) -> None:
        """Let the upstream end its answer: then the connection can be used again."""
        with suppress(LLMProxyError, TimeoutError):
            async with asyncio.timeout(LINGER):
                while await self._raw():
                    pass


@asynccontextmanager
async def within(seconds: float, *, begun: bool) -> AsyncIterator[asyncio.Timeout]:
    """
    Allow *seconds* for the block.

    Args:
        begun: of the answer, something has come already.

    Raises:
        APITimeoutError: they are over.
    """
    try:
        async with asyncio.timeout(seconds) as deadline:
            yield deadline
    except TimeoutError as exc:
        raise overdue(begun=begun) from exc


def piece_of(events: Iterable[Event]) -> ProcessedResponse:
    content = tuple(events)
    usage = [event.usage for event in content if type(event) is UsageUpdate]
    return ProcessedResponse(content, usage[-1] if usage else None)


def _ended(events: Iterable[Event]) -> list[Event]:
    """Return *events* up to the first that is the last one of an answer."""
    kept = []
    for event in events:
        kept.append(event)
        if type(event) in _LAST:
            break
    return kept
