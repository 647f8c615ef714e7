"""
The server's side of a connection, stricter than aiohttp's own in two points.

A client that has sent half of a request's head is not idle and not served: it
gets a time-out of its own. And a client that has closed its side is gone, even
while what was written to it still waits to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp.web import AppRunner, Server
from aiohttp.web_protocol import RequestHandler

if TYPE_CHECKING:
    import asyncio


class Connection(RequestHandler):
    """Leans on ``_waiter``, which is set while no request is being served."""

    __slots__ = ("_head_timeout", "_head_timer")

    def __init__(self, server: Server, head_timeout: float, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._head_timeout = head_timeout
        self._head_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waiting = self._waiter is not None and not self._waiter.done()
        if self._head_timer is not None:
            if not waiting:
                self._head_timer.cancel()
                self._head_timer = None
        elif waiting:
            # Bytes came and no request did: a head has begun.
            self._head_timer = self._loop.call_later(
                self._head_timeout, self.force_close
            )

    def eof_received(self) -> None:
        # A plain close would first wait until the client has read everything.
        if self._request_in_progress and self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().connection_lost(exc)


class _Server(Server):
    head_timeout: float

    @classmethod
    def of(cls, server: Server, head_timeout: float) -> _Server:
        made = cls.__new__(cls)
        made.__dict__.update(server.__dict__)
        made.head_timeout = head_timeout
        return made

    def __call__(self) -> RequestHandler:
        return Connection(self, self.head_timeout, loop=self._loop, **self._kwargs)


class Runner(AppRunner):
    """An ``AppRunner`` whose connections are `Connection`s."""

    __slots__ = ("_head_timeout",)

    def __init__(self, app: Any, *, head_timeout: float, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._head_timeout = head_timeout

    async def _make_server(self) -> Server:
        server = await super()._make_server()
        # Only the factory of connections differs.
        return _Server.of(server, self._head_timeout)
