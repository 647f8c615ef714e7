"""
A caller on a bare socket: it sees every byte, and can leave in every way.

HTTP libraries hide where chunks end, retry, and close politely; these tests
are about exactly that.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen

CHAT = "/v1/chat/completions"
CHUNKED_BODY = {"transfer-encoding": "chunked"}


def chat(case: str = "", *, stream: bool = True, **members: Any) -> dict[str, Any]:
    """Return a chat request; *case* travels in ``user`` to pick a script."""
    messages = [{"role": "user", "content": "hello"}]
    named = {"user": case} if case else {}
    return {
        "model": "up:m1",
        "stream": stream,
        "messages": messages,
        **named,
        **members,
    }


@frozen
class Answer:
    """
    A whole answer.

    Attributes:
        complete: whether its end was told (length reached or last chunk seen).
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    complete: bool

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        return error


class Caller:
    """
    One connection to the gateway.

    Args:
        source: the address to call from; all of 127.0.0.0/8 is ours.
        receive_buffer: of the socket, in bytes.
    """

    def __init__(
        self, port: int, *, source: str = "", receive_buffer: int | None = None
    ) -> None:
        self._port = port
        self._source = source
        self._buffer = receive_buffer

    async def __aenter__(self) -> Self:
        sock = socket.socket()
        if self._buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
        if self._source:
            sock.bind((self._source, 0))
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", self._port))
        limit = self._buffer or 2**20
        self.reader, self.writer = await asyncio.open_connection(sock=sock, limit=limit)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)

    async def send(
        self,
        body: bytes | dict[str, Any] | None = None,
        path: str = CHAT,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send one request; a dict as JSON."""
        raw = body if isinstance(body, bytes) else b""
        if isinstance(body, dict):
            raw = json.dumps(body).encode()
        await self.send_head(
            path,
            method=method,
            headers={
                "content-type": "application/json",
                "content-length": str(len(raw)),
                **(headers or {}),
            },
        )
        self.writer.write(raw)
        await self.writer.drain()

    async def send_head(
        self, path: str = CHAT, *, method: str = "POST", headers: Mapping[str, str]
    ) -> None:
        lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        await self.writer.drain()

    async def head(self, timeout: float = 10.0) -> tuple[int, list[tuple[str, str]]]:
        """Read the status line and the headers."""
        async with asyncio.timeout(timeout):
            line = await self.reader.readline()
            if not line:
                raise ConnectionResetError("closed before an answer")
            status = int(line.split(b" ")[1])
            headers: list[tuple[str, str]] = []
            while (line := await self.reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode("latin-1").partition(":")
                headers.append((name.strip().lower(), value.strip()))
        return status, headers

    async def piece(self, timeout: float = 10.0) -> bytes:
        """Read one chunk of a chunked body, ``b""`` for the last."""
        async with asyncio.timeout(timeout):
            size = int(await self.reader.readline(), 16)
            data = await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        return data

    async def until(self, end: bytes, timeout: float = 10.0) -> bytes:
        """Read chunks until the body so far holds *end*."""
        body = b""
        async with asyncio.timeout(timeout):
            while end not in body:
                body += await self.piece(timeout)
        return body

    async def take(self, size: int, timeout: float = 10.0) -> bytes:
        """Read chunks until there are at least *size* bytes."""
        body = bytearray()
        async with asyncio.timeout(timeout):
            while len(body) < size and (piece := await self.piece(timeout)):
                body += piece
        return bytes(body)

    async def rest(self, timeout: float = 10.0) -> tuple[bytes, bool]:
        """Read what is left of a chunked body, and whether its end was told."""
        async with asyncio.timeout(timeout):
            return await self._body(CHUNKED_BODY)

    async def answer(self, timeout: float = 20.0) -> Answer:
        """Read an answer to its end, proper or not."""
        async with asyncio.timeout(timeout):
            status, headers = await self.head(timeout)
            body, complete = await self._body(dict(headers))
        return Answer(status, headers, body, complete)

    async def _body(self, headers: dict[str, str]) -> tuple[bytes, bool]:
        body = bytearray()
        try:
            if headers.get("transfer-encoding") == "chunked":
                while piece := await self.piece(timeout=20.0):
                    body += piece
                return bytes(body), True
            left = int(headers.get("content-length", 0))
            while left and (piece := await self.reader.read(left)):
                body += piece
                left -= len(piece)
        except (ValueError, ConnectionError, asyncio.IncompleteReadError):
            return bytes(body), False
        return bytes(body), not left

    async def ended(self, timeout: float = 5.0) -> float:
        """Wait for the gateway to close, and return that moment's monotonic time."""
        async with asyncio.timeout(timeout):
            try:
                while await self.reader.read(2**16):
                    pass
            except ConnectionError:
                pass
        return time.monotonic()

    def leave(self) -> float:
        """Close by FIN, and return the moment's monotonic time."""
        self.writer.close()
        return time.monotonic()

    def leave_by_reset(self) -> float:
        sock = self.writer.get_extra_info("socket")
        linger_none = struct.pack("ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        self.writer.transport.abort()
        return time.monotonic()

    def leave_half(self) -> float:
        """End our direction only; the gateway takes that for leaving."""
        self.writer.write_eof()
        return time.monotonic()


async def ask(
    port: int,
    body: bytes | dict[str, Any] | None = None,
    path: str = CHAT,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    source: str = "",
    timeout: float = 20.0,
) -> Answer:
    """Send one request on a connection of its own, and read the answer."""
    async with Caller(port, source=source) as caller:
        await caller.send(body, path, method=method, headers=headers)
        return await caller.answer(timeout)
