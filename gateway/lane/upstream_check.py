"""Tells whether the lane can use the connections of the installed aiohttp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession
from yarl import URL

from gateway.lane.connection import LaneConnection, LaneConnector
from gateway.lane.lane import Lane

if TYPE_CHECKING:
    from gateway.lane.answer import LaneAnswer

_URL = URL("http://upstream.invalid/v1")
_BODY = b"{}"
_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nwhole"
_STREAM = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfirs\r\n",
    b"1\r\nt\r\n0\r\n\r\n",
)


async def unfit() -> str | None:
    """
    Return why `Lane` cannot be used; ``None``: it can.

    Two requests over one connection in memory must be sent as they should be, and
    their answers read: pooled in between, pushed and pulled. Never raises, takes
    about a millisecond.
    """
    # Whatever it is that an aiohttp of tomorrow does not know: we can do without.
    try:
        connector = _Connector()
        async with ClientSession(
            connector=connector, headers={"X-Own": "1"}
        ) as session:
            return await _tried(Lane(session, connector, None), connector)
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"


async def _tried(lane: Lane, connector: _Connector) -> str | None:
    answer = await lane.ask("POST", _URL, _BODY, {"x-call": "1"})
    if (answer.status, answer.headers.get("x-a")) != (200, "b"):
        return "aiohttp's connection brings another head"
    if await answer.read() + await answer.read() != b"whole":
        return "aiohttp's connection brings another body"
    if await _pushed(await lane.ask("POST", _URL, _BODY, {"x-call": "2"})) != b"first":
        return "aiohttp's connection brings another stream"
    if len(connector.made) != 1 or connector._acquired:  # noqa: SLF001
        return "aiohttp's connector does not take its connections back"
    sent = connector.made[0].sent.split(b"POST /v1 HTTP/1.1\r\n")
    if len(sent) != 3 or not all(b"x-own: 1\r\n" in one for one in sent[1:]):
        return "aiohttp's session sends other headers"
    return None


async def _pushed(answer: LaneAnswer) -> bytes:
    pieces: list[bytes] = []

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return False

    await answer.deliver(take)
    return b"".join(pieces)


class _Connector(LaneConnector):
    """Makes connections to a server in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[_Wire] = []

    async def _create_connection(self, *_: Any, **__: Any) -> Any:
        connection = LaneConnection(asyncio.get_running_loop())
        wire = _Wire(connection)
        self.made.append(wire)
        connection.connection_made(wire)
        return connection


class _Wire(asyncio.Transport):
    """Answers each request that is written to it: the first whole, the others not."""

    def __init__(self, connection: LaneConnection) -> None:
        super().__init__()
        self.sent = b""
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        answer = _STREAM if self.sent else (_WHOLE,)
        self.sent += data
        for piece in answer:
            self._loop.call_soon(self._connection.data_received, piece)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._connection.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass
