"""
Connections of a session's own connector, which two readers can take turns at.

The connector makes, pools, secures and limits them. aiohttp's client reads what comes
over them, unless the gateway's own reader has taken one over for a request.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import ClientPayloadError, TCPConnector
from aiohttp.client_proto import ResponseHandler

from gateway.lane.stale import fresh, pool_allowed

if TYPE_CHECKING:
    from aiohttp.connector import Connection


class Reader(Protocol):
    """What gets the bytes of a connection that it has taken over."""

    def data_received(self, data: bytes) -> None: ...

    def connection_lost(self, exc: BaseException | None) -> None: ...


class LaneConnection(ResponseHandler):
    """
    A connection to an upstream.

    Attributes:
        reader: gets what comes, instead of aiohttp.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.reader: Reader | None = None

    def data_received(self, data: bytes) -> None:
        if self.reader is None:
            super().data_received(data)
        else:
            self.reader.data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        reader, self.reader = self.reader, None
        super().connection_lost(exc)
        if reader is not None:
            reader.connection_lost(exc)

    def close(self) -> None:
        """Close at once: what is not sent by now is for nobody."""
        transport = self.transport
        if transport is not None and transport.get_write_buffer_size():
            self.abort()  # to close would wait for who may never read it
        else:
            super().close()

    def hand_over(self, data: bytes) -> None:
        """Let aiohttp read what comes, of which *data* came already."""
        self.reader = None
        super().data_received(data)

    def set_exception(
        self, exc: BaseException, exc_cause: BaseException | None = None
    ) -> None:
        """
        Tell a reader that is waiting for the body when its framing is broken.

        aiohttp 3.14 tells only who waits for a head; the others would wait for ever.
        """
        super().set_exception(exc, exc_cause or exc)
        payload = self._payload
        if payload is not None and not payload.is_eof() and not payload.exception():
            payload.set_exception(ClientPayloadError("malformed body"), exc)


class LaneConnector(TCPConnector):
    """
    Tells new connections from pooled ones, and can do without the pool.

    It pools none over which something came that nobody asked for: that would be
    taken for the next request's answer.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        factory: Any = partial(LaneConnection, loop=asyncio.get_running_loop())
        self._factory = factory

    async def _get(self, *args: Any, **kwargs: Any) -> Connection | None:
        if not pool_allowed.get():
            return None
        while (found := await super()._get(*args, **kwargs)) is not None:
            if found.protocol is not None and not found.protocol.should_close:
                return found
            found.close()
        return None

    def _release(self, key: Any, protocol: Any, **kwargs: Any) -> None:
        super()._release(key, protocol, **kwargs)
        # The parser of the answer before would swallow the beginning of another one
        # that nobody asked for; without it, all that comes tells that something did.
        protocol._parser = None  # noqa: SLF001

    async def _create_connection(self, *args: Any, **kwargs: Any) -> Any:
        fresh.set(True)
        return await super()._create_connection(*args, **kwargs)

    async def pooled(self, key: Any) -> Connection | None:
        """Return an idle connection to where *key* says, if there is one."""
        return await self._get(key, [])
