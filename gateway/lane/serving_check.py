"""Tells whether the installed aiohttp still is one that our short ways fit."""

from __future__ import annotations

import asyncio
import logging
from itertools import zip_longest
from typing import TYPE_CHECKING

from aiohttp.web import Response, Server, StreamResponse

from gateway.lane.response import FastResponse
from gateway.lane.serving import ShortWay

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest

    from gateway.lane.serving import Handler

_HEADERS = {"Content-Type": "text/plain", "Server": "sluicegate", "x-request-id": "1"}
_PIECES = (b"0123456789", b"abcdef")
_STREAM, _WHOLE, _OLD = (
    b"POST /%b HTTP/1.%d\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}" % (path, minor)
    for path, minor in ((b"stream", 1), (b"whole", 1), (b"stream", 0))
)
# The last one's answer ends with the connection.
_SCRIPT = (_STREAM, _WHOLE, _STREAM + _WHOLE, _OLD)
_ASKED = 5
# More turns of the loop than an answer needs.
_TURNS = 12

_QUIET = logging.getLogger("gateway.lane.serving_check")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


async def unfit() -> str | None:
    """
    Return why `FastResponse` and `ShortWay` cannot be used; ``None``: they can.

    Requests over a transport in memory are served with them, and what is written must
    be what aiohttp writes by itself. Never raises, takes about a millisecond.
    """
    # Whatever it is that an aiohttp of tomorrow does not know: we can do without.
    try:
        for _ in range(2):  # the clock may strike in between
            ours, theirs = await _served(_ours, _ours), await _served(_theirs, None)
            if ours == theirs and ours.count(b" 200 OK\r\n") == _ASKED:
                return await _deserted()
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"
    lines = zip_longest(ours.split(b"\n"), theirs.split(b"\n"), fillvalue=b"")
    for here, there in lines:
        if here != there:
            return f"aiohttp writes {there!r} where we write {here!r}"
    return "aiohttp does not answer"


async def _ours(request: BaseRequest) -> StreamResponse:
    if request.path == "/whole":
        return FastResponse(200, _HEADERS, b"".join(_PIECES))
    response = FastResponse(200, _HEADERS)
    await response.prepare(request)
    for piece in _PIECES:
        response.send(piece)
    await response.write_eof()
    return response


async def _theirs(request: BaseRequest) -> StreamResponse:
    if request.path == "/whole":
        return Response(headers=_HEADERS, body=b"".join(_PIECES))
    response = StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    for piece in _PIECES:
        await response.write(piece)
    await response.write_eof()
    return response


async def _served(handler: Handler, direct: Handler | None) -> bytes:
    """Return all that is written in answer to the script, by the short way or not."""
    connection, wire = _connected(handler, direct)
    try:
        for data in _SCRIPT:
            await _turns()
            connection.data_received(data)
        await _turns()
    finally:
        connection.connection_lost(None)
        await _turns()
    return wire.written + (b"" if wire.is_closing() else b"(left open)")


async def _deserted() -> str | None:
    """Return an objection unless a handler is cancelled when its client leaves."""
    ended = []

    async def wait(_: BaseRequest) -> StreamResponse:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)
        raise AssertionError

    connection, _ = _connected(wait, wait)
    await _turns()
    connection.data_received(_STREAM)
    await _turns()
    connection.connection_lost(ConnectionResetError())
    await _turns()
    return None if ended else "aiohttp tells no handler that its client has left"


def _connected(handler: Handler, direct: Handler | None) -> tuple[ShortWay, _Wire]:
    loop = asyncio.get_running_loop()
    server = Server(handler, handler_cancellation=True, loop=loop)
    find = None if direct is None else {"/stream": direct, "/whole": direct}.get
    connection = ShortWay(server, find, loop=loop, logger=_QUIET, access_log=None)
    wire = _Wire()
    connection.connection_made(wire)
    return connection, wire


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class _Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass
