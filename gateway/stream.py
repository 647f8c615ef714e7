"""A streamed answer on its way from a backend to one client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError

from gateway.domain.errors import APIConnectionError, LLMProxyError
from gateway.failures import first_word, mapped
from gateway.ledger import Outcome
from gateway.wire.faults import read_fault

if TYPE_CHECKING:
    from aiohttp.web import StreamResponse

    from gateway.outlet import Outlet
    from gateway.plugin import Headers
    from gateway.relay import Relay
    from gateway.watch import Watch

# After its last word an upstream may take this long to end the connection.
LINGER = 1.0


class Stream:
    """
    Pumps an answer through a relay: one task, no queue.

    Awaiting each write is the back-pressure: a client who reads slowly slows
    the upstream down.
    """

    def __init__(self, relay: Relay, outlet: Outlet, watch: Watch) -> None:
        self.relay = relay
        self.outlet = outlet
        self._watch = watch
        self._headers: Headers = {}

    def answered(self, content_type: str | None, headers: Headers) -> None:
        """Take note of the upstream's head, of which *headers* may pass."""
        self._headers = headers
        self.outlet.upstream_answered(content_type, headers)

    async def pump(self, read: Callable[[], Awaitable[Any]]) -> StreamResponse:
        """
        Pass the answer on, to its end.

        Args:
            read: gives what the relay is fed with; something empty at the end.

        Raises:
            LLMProxyError: the answer failed, before or after it began.
            ConnectionError: the client has left.
        """
        relay, outlet, watch = self.relay, self.outlet, self._watch
        now, progress = asyncio.get_running_loop().time, relay.progress
        while True:
            try:
                piece = await read()
            except (ClientError, TimeoutError, OSError) as exc:
                raise mapped(exc) from exc
            if not piece:
                break
            data = relay.feed(piece)
            if not outlet.begun:
                await self._first_words(data)
            elif data:
                await outlet.write(data)
            if progress != (progress := relay.progress):
                watch.heard = now()
            if relay.ended:
                watch.limit(LINGER)
        await self._check_beginning()
        return await self.end(relay.eof())

    async def end(self, last: bytes) -> StreamResponse:
        """Send the *last* bytes and the end; the ledger must be settled."""
        outlet, ledger = self.outlet, self.relay.ledger
        if not outlet.begun and ledger.outcome is not Outcome.COMPLETED:
            if self.relay.fault is not None:  # an event without its blank line
                await self._refuse_if_possible(
                    self.relay.fault, quote=self.relay.verbatim
                )
            await self._refuse_if_possible(
                APIConnectionError(
                    "the upstream's answer ended before it began",
                    code=ledger.error_code,
                )
            )
        await outlet.begin()
        if last:
            await outlet.write(last)
        ledger.status = 200
        return await outlet.close()

    async def _first_words(self, data: bytes) -> None:
        """Hold *data* until it shows whether the answer begins or fails."""
        relay, outlet = self.relay, self.outlet
        outlet.hold(data)
        if relay.begun:
            relay.ledger.heard()
            if relay.opening is not None:
                await self._refuse_if_possible(relay.opening, quote=relay.verbatim)
            self._watch.begin()
            await outlet.begin()

    async def _check_beginning(self) -> None:
        """Refuse an answer that has ended without any event."""
        if self.relay.begun or self.outlet.begun:
            return
        said = self.outlet.held
        # Some upstreams write bare JSON where an event stream was announced.
        fault = read_fault(said)
        if fault is not None:
            await self._refuse_if_possible(fault, quote=True)
        elif not said.strip():
            await self._refuse_if_possible(
                APIConnectionError(
                    "the upstream's answer is empty", code="upstream_empty"
                )
            )

    async def _refuse_if_possible(
        self, fault: LLMProxyError, *, quote: bool = False
    ) -> None:
        """
        Raise *fault* for an answer with a status, unless the head is out.

        Args:
            quote: the upstream has said it in its own words, which are kept.
        """
        if await self.outlet.is_open():
            return
        if quote:
            raise first_word(fault, self.outlet.held, self._headers)
        raise fault
