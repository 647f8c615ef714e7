"""A streamed answer on its way from a backend to one client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError

from gateway.domain.errors import APIConnectionError, LLMProxyError
from gateway.failures import JSON, UpstreamAnswerError, mapped
from gateway.ledger import Outcome
from gateway.wire.faults import read_fault

if TYPE_CHECKING:
    from aiohttp.web import StreamResponse

    from gateway.domain.reply import Json
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

    Attributes:
        keep: called with the relay's `Relay.result` once the answer has ended,
            before its end is sent: who asks for it again right then must find it.
    """

    def __init__(self, relay: Relay, outlet: Outlet, watch: Watch) -> None:
        self.keep: Callable[[Json], Awaitable[None]] | None = None
        self.relay = relay
        self.outlet = outlet
        self._watch = watch
        self._headers: Headers = {}

    def answered(self, content_type: str | None, headers: Headers) -> None:
        """Take note of the upstream's head, of which *headers* may pass."""
        self._headers = headers
        self.outlet.upstream_answered(content_type, headers)

    def take_over(self, relay: Relay) -> None:
        """Go on with another *relay*, where nothing has been fed to the first."""
        self.relay = self.outlet.relay = relay

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
            if self.keep is not None and relay.ended:
                await self._keep()
            if not outlet.begun:
                await self._first_words(data)
            elif data:
                await outlet.write(data)
            if progress != (progress := relay.progress):
                watch.heard = now()
            if relay.ended:
                watch.limit(LINGER)
        await self._check_beginning()
        last = relay.eof()
        if self.keep is not None and relay.ended:
            await self._keep()
        return await self.end(last)

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
        if last and not outlet.begun:
            outlet.hold(last)
            last = b""
        await outlet.begin()
        if last:
            await outlet.write(last)
        ledger.status = 200
        return await outlet.close()

    async def _keep(self) -> None:
        keep, self.keep = self.keep, None
        if keep is not None and self.relay.fault is None:
            await keep(self.relay.result)

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
        said = self.outlet.held or self.relay.unread
        # Some upstreams write bare JSON where an event stream was announced.
        fault = read_fault(said)
        if fault is not None:
            await self._refuse_if_possible(fault, quote=self.relay.verbatim)
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
            body = self.relay.first or self.outlet.held.strip()
            raise UpstreamAnswerError(fault, body, JSON, self._headers)
        raise fault
