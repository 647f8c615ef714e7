"""
A scripted upstream: it says exactly the bytes it is told, when it is told.

It speaks through a bare socket, so that it can break HTTP in any way that a
real peer does. A script is a list of steps, or a function from the request to
its steps, and one connection plays one script per request:

    async with Upstream([head(200, sse), chunk(b"data: ..."), End.RST]) as up:
        ...  # up.url, up.requests, up.open
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Self, TypeAlias

from attrs import define, frozen


class End(Enum):
    """How a script leaves the connection; without one it is kept alive."""

    FIN = "close"
    RST = "reset"
    HALF_CLOSE = "end our direction, and wait for the peer to close"
    HANG = "say nothing more, and wait for the peer to close"


@frozen
class Pause:
    seconds: float


Step: TypeAlias = bytes | Pause | asyncio.Event | End
Script: TypeAlias = "Iterable[Step] | Callable[[Request], Iterable[Step]]"

JSON_HEADERS = {"content-type": "application/json"}
SSE_HEADERS = {"content-type": "text/event-stream"}
CHUNKED = {"transfer-encoding": "chunked"}
LAST_CHUNK = b"0\r\n\r\n"

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


def head(status: int = 200, *headers: Mapping[str, str]) -> bytes:
    """Return a status line and all *headers*, up to the blank line."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Whatever')}"]
    lines += [f"{name}: {value}" for some in headers for name, value in some.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def reply(
    body: bytes | dict[str, Any],
    status: int = 200,
    headers: Mapping[str, str] = JSON_HEADERS,
) -> list[Step]:
    """Return a whole answer with its length told."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [head(status, headers, {"content-length": str(len(raw))}) + raw]


def stream(
    pieces: Iterable[bytes], headers: Mapping[str, str] = SSE_HEADERS
) -> list[Step]:
    """Return a whole event stream, a chunk and a write for each piece."""
    return [
        head(200, headers, CHUNKED),
        *(chunk(piece) for piece in pieces),
        LAST_CHUNK,
    ]


def open_stream(*pieces: bytes) -> list[Step]:
    """Return an event stream's beginning; the last chunk is for the caller to add."""
    return [head(200, SSE_HEADERS, CHUNKED), *(chunk(piece) for piece in pieces)]


@define(eq=False)
class Request:
    """One request as it arrived, and what became of its connection."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    link: Link
    sent: int = 0

    def header(self, name: str) -> str | None:
        """Return the last value of a header, by its lower-case *name*."""
        return dict(self.headers).get(name)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def case(self) -> str:
        """The member ``user``, by which a test tells its own requests."""
        try:
            return str(self.json.get("user", ""))
        except (ValueError, AttributeError, RecursionError):
            return ""

    async def gone(self, timeout: float = 5.0) -> float:
        """Wait until the peer closes, and return that moment's monotonic time."""
        async with asyncio.timeout(timeout):
            await self.link.closed.wait()
        return self.link.closed_at


class Link(asyncio.StreamReaderProtocol):
    """One connection; notes at once when the peer ends its direction."""

    def __init__(self, play: Callable[[Link], Any]) -> None:
        loop = asyncio.get_running_loop()
        self.reader = asyncio.StreamReader(limit=2**24, loop=loop)
        super().__init__(self.reader, self._connected, loop=loop)
        self.closed = asyncio.Event()
        self.closed_at = 0.0
        self.lost = False
        self.task: asyncio.Task[None] | None = None
        self._play = play

    def _connected(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.task = asyncio.get_running_loop().create_task(self._play(self))

    def eof_received(self) -> bool:
        self._note_closed()
        super().eof_received()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._note_closed()
        super().connection_lost(exc)

    def _note_closed(self) -> None:
        if not self.closed.is_set():
            self.closed_at = time.monotonic()
            self.closed.set()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        linger_none = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):  # the peer was faster
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        self.writer.transport.abort()


class Upstream:
    """
    A server on a free port of 127.0.0.1.

    Args:
        script: played for a request whose ``user`` names none of *scripts*.
        raw: play the script as soon as a peer connects, and read nothing.

    Attributes:
        scripts: case name to script; a test may add to it at any time.
        requests: as they came, over all connections.
        accepted: connections ever made.
    """

    def __init__(self, script: Script | None = None, *, raw: bool = False) -> None:
        self.scripts: dict[str, Script] = {}
        self.requests: list[Request] = []
        self.accepted = 0
        self.port = 0
        self._script = reply(b"no script", 501) if script is None else script
        self._raw = raw
        self._links: list[Link] = []
        self._came = asyncio.Condition()
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def open(self) -> int:
        """Connections that neither side has ended."""
        return sum(not link.closed.is_set() for link in self._links)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._link, "127.0.0.1", self.port, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = [link.task for link in self._links if link.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in self._links:
            if not link.lost:
                link.writer.transport.abort()
        await asyncio.sleep(0)
        if self._failures:
            raise self._failures[0]

    async def request(self, case: str | None = None, timeout: float = 5.0) -> Request:
        """Wait for the first request, or the first of *case*."""
        async with asyncio.timeout(timeout), self._came:
            found = functools.partial(self._first, case)
            await self._came.wait_for(lambda: found() is not None)
        first = self._first(case)
        assert first is not None
        return first

    def of(self, case: str) -> list[Request]:
        return [request for request in self.requests if request.case == case]

    def _first(self, case: str | None) -> Request | None:
        mine = (r for r in self.requests if case is None or r.case == case)
        return next(mine, None)

    def _link(self) -> Link:
        self.accepted += 1
        link = Link(self._play)
        self._links.append(link)
        return link

    async def _play(self, link: Link) -> None:
        try:
            if self._raw:
                await self._answer(Request("", "", [], b"", link))
                return
            while (request := await _read_request(link)) is not None:
                await self._note(request)
                if not await self._answer(request):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the peer is gone, which is what many tests are about
        except Exception as exc:  # a test's own mistake, shown at exit
            self._failures.append(exc)
            link.writer.transport.abort()
        finally:
            link.writer.close()

    async def _note(self, request: Request) -> None:
        async with self._came:
            self.requests.append(request)
            self._came.notify_all()

    async def _answer(self, request: Request) -> bool:
        """Play the script of *request*; false when the connection is used up."""
        script = self.scripts.get(request.case, self._script)
        for step in script(request) if callable(script) else script:
            if isinstance(step, End):
                await _end(request.link, step)
                return False
            await _take(request, step)
        return True


async def _take(request: Request, step: bytes | Pause | asyncio.Event) -> None:
    match step:
        case Pause(seconds=seconds):
            await asyncio.sleep(seconds)
        case asyncio.Event():
            await step.wait()
        case _:
            request.link.writer.write(step)
            await request.link.writer.drain()
            request.sent += len(step)


async def _end(link: Link, end: End) -> None:
    match end:
        case End.FIN:
            link.writer.close()
        case End.RST:
            # What was written before must leave before the reset does.
            await asyncio.sleep(0.01)
            link.reset()
        case End.HALF_CLOSE:
            link.writer.write_eof()
            await link.closed.wait()
        case End.HANG:
            await link.closed.wait()


async def _read_request(link: Link) -> Request | None:
    """Return the next request, ``None`` when the peer ends between two."""
    line = await link.reader.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: list[tuple[str, str]] = []
    while (line := await link.reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers.append((name.strip().lower(), value.strip()))
    body = await _read_body(link.reader, dict(headers))
    return Request(method, path, headers, body, link)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        pieces: list[bytes] = []
        while size := int(await reader.readline(), 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readline()
        return b"".join(pieces)
    return await reader.readexactly(int(headers.get("content-length", 0)))
