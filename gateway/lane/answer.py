"""An answer that the gateway reads itself, as its bytes come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.answers import Pulled
from gateway.domain.errors import APIConnectionError, LLMProxyError
from gateway.failures import mapped
from gateway.lane.stale import StaleError
from gateway.wire.http1 import MalformedResponseError, ResponseReader

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from aiohttp import StreamReader
    from aiohttp.connector import Connection

    from gateway.answers import Take
    from gateway.lane.connection import LaneConnection

# What may pile up, and one more read of the network, for a client who reads slowly.
READ_BUFFER = 64 * 1024

_NO_HEADERS: Mapping[str, str] = CIMultiDictProxy(CIMultiDict())


class LaneAnswer:
    """
    Reads one answer from a connection, and gives that back at its end.

    Bytes that come are handed on at once, in the call in which they came, to who has
    asked for that with `deliver`; else they are kept for `read`.

    Attributes:
        other: set where aiohttp must read the answer instead; see `head`.
    """

    __slots__ = (
        "_connection",
        "_early",
        "_error",
        "_held",
        "_loop",
        "_other_body",
        "_paused",
        "_pieces",
        "_protocol",
        "_reader",
        "_size",
        "_stopped",
        "_take",
        "_transport",
        "_waiter",
        "headers",
        "other",
        "status",
    )

    def __init__(self, connection: Connection, protocol: LaneConnection) -> None:
        self.status = 0
        self.headers = _NO_HEADERS
        self.other: Pulled | None = None
        self._loop = protocol._loop  # noqa: SLF001 - spares a look-up
        self._connection: Connection | None = connection
        self._protocol = protocol
        self._transport = protocol.transport
        self._reader = ResponseReader()
        self._early = b""
        self._pieces: list[bytes] = []
        self._size = 0
        self._take: Take | None = None
        self._held = self._paused = False
        self._stopped = False
        self._other_body: StreamReader | None = None
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        protocol.reader = self

    async def head(self) -> None:
        """
        Wait for the answer's status and headers.

        Raises:
            StaleError: the connection was closed before anything came.
            LLMProxyError: it is no answer.
        """
        while self._reader.head is None:
            if self._error is not None:
                raise self._error
            await self._wait()

    async def read(self) -> bytes:
        if self.other is not None:
            return bytes(await self.other.read())
        while not self._pieces:
            if self._is_over():
                return b""
            await self._wait()
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._size = 0
        self._flow()
        return data

    async def deliver(self, take: Take) -> bool:
        if self.other is not None:
            return await self.other.deliver(take)
        self._stopped = False
        while self._pieces:
            if take(await self.read()):
                return False
        self._take = take
        try:
            while not self._stopped:
                if self._is_over():
                    return True
                await self._wait()
        finally:
            self._take = None
        return False

    def pause(self) -> None:
        if self.other is not None:
            self.other.pause()
            return
        self._held = True
        self._flow()

    def resume(self) -> None:
        if self.other is not None:
            self.other.resume()
            return
        self._held = False
        self._flow()

    def close(self) -> None:
        if self._connection is not None:
            self._pieces.clear()
            self._error = APIConnectionError("the connection was closed here")
            self._part()
            self._wake()

    # -- called by the connection

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader.head is None:
            self._begin(data)
            return
        try:
            piece = reader.feed(data)
        except MalformedResponseError as exc:
            self._fail(_broken_off(), exc)
            return
        if piece:
            self._give(piece)
        if reader.wrong is not None:
            self._fail(_broken_off(), reader.wrong)
        elif reader.ended:
            self._complete()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._connection is None:
            return
        reader = self._reader
        if reader.head is None:
            reset = ConnectionResetError()
            if self._early:
                self._fail(mapped(exc if isinstance(exc, OSError) else reset), exc)
            else:
                self._fail(StaleError(mapped(reset)), exc)
            return
        try:
            reader.eof()
        except MalformedResponseError as incomplete:
            self._fail(_broken_off(), exc or incomplete)
            return
        if exc is not None:  # who ends by closing must close in order
            self._fail(_broken_off(), exc)
            return
        self._complete()

    # -- inside

    def _begin(self, data: bytes) -> None:
        """Read what may hold the head, or be a part of it."""
        reader = self._reader
        self._early += data
        try:
            piece = reader.feed(data)
        except MalformedResponseError as exc:
            self._fail(_no_http(), exc)
            return
        head = reader.head
        if head is None:
            return
        self.status, self.headers = head.status, head.headers
        if reader.encoding:
            self._hand_over()
            return
        self._early = b""
        if piece:
            self._give(piece)
        if reader.wrong is not None:
            self._fail(_broken_off(), reader.wrong)
        elif reader.ended:
            self._complete()
        self._wake()

    def _hand_over(self) -> None:
        """Let aiohttp read on, from the beginning: it can decompress."""
        protocol = self._protocol
        protocol.set_response_params(read_until_eof=True, read_bufsize=READ_BUFFER)
        protocol.hand_over(self._early)
        self._early = b""
        self.other = Pulled(self._read_other)
        self._wake()

    async def _read_other(self) -> bytes:
        if self._other_body is None:
            _, self._other_body = await self._protocol.read()
        data = await self._other_body.readany()
        if not data:
            self._part(keep=True)  # aiohttp knows whether it may be used again
        return data

    def _give(self, piece: bytes) -> None:
        take = self._take
        if take is None:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > READ_BUFFER:
                self._flow()
            self._wake()
            return
        try:
            if take(piece):
                self._take = None
                self._stopped = True
                self._wake()
        except Exception as exc:
            self._take = None
            self._fail(exc)

    def _complete(self) -> None:
        """Give the connection back, if it can serve another request."""
        self._part(keep=self._reader.keeps_alive)
        self._wake()

    def _fail(self, error: Exception, cause: BaseException | None = None) -> None:
        if cause is not None:
            error.__cause__ = cause
        if self._error is None:
            self._error = error
        self._part()
        self._wake()

    def _part(self, *, keep: bool = False) -> None:
        """Let go of the connection, which reads as it did before."""
        connection, transport = self._connection, self._transport
        if connection is None:  # who took the last piece has closed it
            return
        self._held, self._size = False, 0
        self._flow()
        self._connection = None
        if self._protocol.reader is self:
            self._protocol.reader = None
        if keep and transport is not None and transport.get_write_buffer_size():
            keep = False  # who answers early may never read what is still to be sent
        if keep:
            connection.release()
        else:
            connection.close()

    def _is_over(self) -> bool:
        """Tell whether no more can come; raise what broke it off, if anything did."""
        if self._connection is None and self._error is not None:
            raise self._error
        return self._connection is None

    def _flow(self) -> None:
        """Let the network wait while there is enough to do."""
        full = self._held or self._size > READ_BUFFER
        transport = self._transport
        if full is self._paused or self._connection is None:
            return  # what was given back is somebody else's
        if transport is None or transport.is_closing():
            return
        self._paused = full
        if full:
            transport.pause_reading()
        else:
            transport.resume_reading()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _no_http() -> LLMProxyError:
    return APIConnectionError(
        "the upstream's answer is not valid HTTP", code="upstream_protocol"
    )


def _broken_off() -> LLMProxyError:
    return APIConnectionError("the upstream broke off in its answer")
