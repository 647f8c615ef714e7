"""The client's side of a stream: opened late, kept alive, ended truthfully."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp.web import StreamResponse

from gateway import http
from gateway.relay import Relay, StalledClientError
from gateway.watch import NEVER

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.web import Request

    from gateway.plugin import Headers
    from gateway.settings import Server
    from gateway.watch import Watch

_HEADERS = {
    "Server": http.SERVER,
    "Cache-Control": "no-cache, no-transform",
    # nginx would otherwise collect a page of events before it sends one.
    "X-Accel-Buffering": "no",
}


class Outlet:
    """
    Writes a stream to one client.

    The head waits until the answer has begun, so that a failure before that has
    a status of its own. Where that takes long, the head goes out early, for the
    sake of the proxies in between, which cut what is silent.

    Args:
        headers: all but the usual ones, the content's type among them.
        alive: what may be sent between two events, so that something is.

    Attributes:
        relay: says where a sign of life may stand.
        response: ``None`` until the head is out.
        begun: the answer's first event is out.
        sent: bytes of the body.
    """

    def __init__(
        self,
        request: Request,
        settings: Server,
        headers: Headers,
        watch: Watch,
        relay: Relay,
        alive: bytes,
    ) -> None:
        self.response: StreamResponse | None = None
        self.begun = False
        self.sent = 0
        self._headers = _HEADERS | headers
        self._alive = alive
        self._request = request
        self._settings = settings
        self.relay = relay
        self._loop = asyncio.get_running_loop()
        self._watch = watch
        self._writer: AbstractStreamWriter | None = None
        self._held: list[bytes] = []
        self._last = self._looked = self._loop.time()
        self._patience = settings.open_after or NEVER
        self._side: asyncio.Task[None] | None = None
        watch.serve(self)

    def upstream_answered(self, content_type: str | None, headers: Headers) -> None:
        """
        Its head says 200; if the first event takes long, ours may go out.

        Args:
            content_type: instead of our own.
            headers: beside our own.
        """
        self._headers |= headers
        if content_type is not None:
            self._headers["Content-Type"] = content_type
        self._patience = self._settings.keep_alive or NEVER
        self._last = self._loop.time()
        self._watch.next = 0.0

    def hold(self, data: bytes) -> None:
        """Keep *data* back until the head goes out."""
        self._held.append(data)

    @property
    def held(self) -> bytes:
        return b"".join(self._held)

    async def is_open(self) -> bool:
        """Return whether the head is out, or on its way."""
        if self._side is not None:
            await self._side
        return self.response is not None

    async def begin(self) -> None:
        """Send the head, if it is not out, and what was held back."""
        self.begun = True
        if not await self.is_open():
            await self._open()
        elif self._held:
            data = self.held
            self._held.clear()
            await self.write(data)

    async def write(self, data: bytes) -> None:
        """
        Send *data*; returns when the client has taken enough of what it got.

        Raises:
            ConnectionError: the client has left.
        """
        if self._side is not None:
            await self._side
        writer = self._writer
        if writer is None:
            writer = await self._open()
        self.sent += len(data)
        self._last = self._looked = self._loop.time()
        self._watch.blocked = True
        await writer.write(data)
        self._watch.blocked = False

    async def close(self) -> StreamResponse:
        """Send the last chunk; the head must be out."""
        if self.response is None:
            raise RuntimeError("the head is not out")
        await self.response.write_eof()
        return self.response

    def abandon(self) -> None:
        """Stop whatever is still going on beside the exchange's own task."""
        if self._side is not None:
            self._side.cancel()

    async def _open(self) -> AbstractStreamWriter:
        response = StreamResponse(headers=self._headers)
        writer = await response.prepare(self._request)
        if writer is None:
            raise ConnectionResetError("the client has left")
        self.response, self._writer = response, writer
        self.relay.ledger.status = response.status
        if self._held:
            data = self.held
            self._held.clear()
            self.sent += len(data)
            await writer.write(data)
        return writer

    def due(self) -> float:
        return min(self._ping_due(), self._looked + self._settings.send_timeout)

    def act(self) -> None:
        now = self._looked = self._loop.time()
        if self._watch.blocked:
            if now >= self._last + self._settings.send_timeout:
                self._watch.interrupt(
                    StalledClientError("the client took nothing for too long")
                )
        elif now >= self._ping_due():
            self._last = now
            if self.relay.at_boundary and self._side is None:
                self._side = self._loop.create_task(self._ping())

    def _ping_due(self) -> float:
        if self._watch.blocked:
            return NEVER
        if self._writer is None:
            return self._last + self._patience
        return self._last + (self._settings.keep_alive or NEVER)

    async def _ping(self) -> None:
        try:
            writer = self._writer or await self._open()
            self.sent += len(self._alive)
            await writer.write(self._alive)
        except ConnectionError:
            pass  # the exchange's own task is told as well
        finally:
            self._side = None
