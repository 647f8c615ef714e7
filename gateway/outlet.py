"""The client's side of a stream: opened late, kept alive, ended truthfully."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway import http
from gateway.intake import forget_head
from gateway.protocol import Connection
from gateway.relay import Relay, StalledClientError
from gateway.watch import NEVER

if TYPE_CHECKING:
    from aiohttp.web import Request, StreamResponse

    from gateway.answers import Source
    from gateway.plugin import Headers
    from gateway.settings import Server
    from gateway.watch import Watch
    from gateway.writing import StreamedResponse, Writing

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

    What is sent goes to the network at once. While too much of it waits there, the
    source of the stream is held back.

    Args:
        writing: makes the response.
        headers: all but the usual ones, the content's type among them.
        alive: what may be sent between two events, so that something is.

    Attributes:
        relay: says where a sign of life may stand.
        response: ``None`` until the head is out.
        begun: the answer's first event is out.
        sent: bytes of the body.
    """

    __slots__ = (
        "_alive",
        "_headers",
        "_held",
        "_last",
        "_looked",
        "_loop",
        "_now",
        "_patience",
        "_request",
        "_settings",
        "_side",
        "_source",
        "_watch",
        "_writing",
        "begun",
        "relay",
        "response",
        "sent",
    )

    def __init__(
        self,
        request: Request,
        settings: Server,
        headers: Headers,
        watch: Watch,
        relay: Relay,
        alive: bytes,
        writing: Writing,
    ) -> None:
        self.response: StreamedResponse | None = None
        self.begun = False
        self.sent = 0
        self._headers = _HEADERS | headers
        self._alive = alive
        self._request = request
        self._settings = settings
        self._writing = writing
        self.relay = relay
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._watch = watch
        self._source: Source | None = None
        self._held: list[bytes] = []
        self._last = self._looked = self._now()
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
        self._last = self._now()
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
        if not await self.is_open():
            await self._open()
        elif self._held:
            self._send_held()
        self.begun = True

    def send(self, data: bytes) -> None:
        """
        Send *data* at once; the answer must have begun.

        Raises:
            ConnectionError: the client has left.
        """
        if self.response is None:
            raise RuntimeError("the head is not out")
        self.sent += len(data)
        self._last = self._now()
        self.response.send(data)

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
        connection = self._request.protocol
        if isinstance(connection, Connection) and connection.flow is self:
            connection.flow = None

    def slow(self, source: Source | None) -> None:
        """Hold *source* back while the client is slow, instead of the one before."""
        self._source = source
        if source is not None and self._watch.blocked:
            source.pause()

    # -- called by the connection

    def pause(self) -> None:
        self._watch.blocked = True
        self._last = self._now()
        if self._source is not None:
            self._source.pause()

    def resume(self) -> None:
        self._watch.blocked = False
        self._watch.hear()
        if self._source is not None:
            self._source.resume()

    # -- inside

    async def _open(self) -> None:
        response = self._writing.stream(self._headers)
        if await response.prepare(self._request) is None:
            raise ConnectionResetError("the client has left")
        self.response = response
        forget_head(self._request)
        connection = self._request.protocol
        if isinstance(connection, Connection):
            connection.flow = self
        self.relay.ledger.status = response.status
        if self._held:
            self._send_held()

    def _send_held(self) -> None:
        data = self.held
        self._held.clear()
        self.send(data)

    def due(self) -> float:
        return min(self._ping_due(), self._looked + self._settings.send_timeout)

    def act(self) -> None:
        now = self._looked = self._now()
        if self._watch.blocked:
            if now >= self._last + self._settings.send_timeout:
                self._watch.interrupt(
                    StalledClientError("the client took nothing for too long")
                )
        elif now >= self._ping_due():
            self._last = now
            if self.relay.at_boundary and self._side is None:
                self._ping()

    def _ping_due(self) -> float:
        if self._watch.blocked:
            return NEVER
        if self.response is None:
            return self._last + self._patience
        return self._last + (self._settings.keep_alive or NEVER)

    def _ping(self) -> None:
        if self.response is None:
            self._side = self._loop.create_task(self._open_early())
        else:
            self._send_alive()

    async def _open_early(self) -> None:
        try:
            with suppress(ConnectionError):
                await self._open()
                self._send_alive()
        finally:
            self._side = None

    def _send_alive(self) -> None:
        with suppress(ConnectionError):  # the exchange's own task is told as well
            self.send(self._alive)
