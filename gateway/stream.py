"""A streamed answer on its way from a backend to one client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from gateway.domain.errors import APIConnectionError, LLMProxyError
from gateway.failures import JSON, UpstreamAnswerError
from gateway.ledger import Outcome
from gateway.wire.faults import read_fault

if TYPE_CHECKING:
    from aiohttp.web import StreamResponse

    from gateway.answers import Source
    from gateway.domain.reply import Json
    from gateway.outlet import Outlet
    from gateway.plugin import Headers
    from gateway.relay import Relay
    from gateway.watch import Watch

# After its last word an upstream may take this long to end the connection.
LINGER = 1.0


class Stream:
    """
    Passes an answer through a relay, in the very call in which it comes.

    A client who reads slowly slows the upstream down: while too much of what was
    written to it waits, nothing more is taken.

    Attributes:
        keep: called with the relay's `Relay.result` once the answer has ended,
            before its end is sent: who asks for it again right then must find it.
    """

    __slots__ = (
        "_headers",
        "_progress",
        "_said",
        "_watch",
        "keep",
        "outlet",
        "relay",
    )

    def __init__(self, relay: Relay, outlet: Outlet, watch: Watch) -> None:
        self.keep: Callable[[Json], Awaitable[None]] | None = None
        self.relay = relay
        self.outlet = outlet
        self._watch = watch
        self._headers: Headers = {}
        self._progress = relay.progress
        self._said = b""

    def answered(self, content_type: str | None, headers: Headers) -> None:
        """Take note of the upstream's head, of which *headers* may pass."""
        self._headers = headers
        self.outlet.upstream_answered(content_type, headers)

    def take_over(self, relay: Relay) -> None:
        """Go on with another *relay*, where nothing has been fed to the first."""
        self.relay = self.outlet.relay = relay

    async def pump(self, source: Source) -> StreamResponse:
        """
        Pass the answer on, to its end.

        Raises:
            LLMProxyError: the answer failed, before or after it began.
            ConnectionError: the client has left.
        """
        relay, outlet = self.relay, self.outlet
        outlet.slow(source)
        try:
            while not await source.deliver(self._take):
                await self._say(self._said)
        finally:
            outlet.slow(None)
        await self._check_beginning()
        last = relay.eof()
        if relay.ended:
            await self._keep()
        return await self.end(last)

    def _take(self, piece: Any) -> bool:
        """Pass *piece* on; return whether something must be waited for first."""
        relay, outlet = self.relay, self.outlet
        data = relay.feed(piece)
        if self._progress != (progress := relay.progress):
            self._progress = progress
            self._watch.hear()
        if relay.ended:
            self._watch.limit(LINGER)
        if not outlet.begun or (self.keep is not None and relay.ended):
            self._said = data
            return True
        if data:
            outlet.send(data)
        return False

    async def _say(self, data: bytes) -> None:
        if self.relay.ended:
            await self._keep()
        if not self.outlet.begun:
            await self._first_words(data)
        elif data:
            self.outlet.send(data)

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
            outlet.send(last)
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
        if self.relay.begun or self.outlet.begun or self.relay.progress:
            return  # events came, and their end decides
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
