"""
Answers whose bytes we make ourselves and write straight to the client's transport.

Only how an answer is written differs from aiohttp's: connections, requests and what
happens around a handler remain its own.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from functools import cached_property, lru_cache
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, Any

from aiohttp.http import SERVER_SOFTWARE
from aiohttp.web import StreamResponse
from multidict import CIMultiDict

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.web import BaseRequest
    from aiohttp.web_protocol import RequestHandler

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
# Source: RFC 9110, sections 8.6 and 15.
_BODILESS = frozenset({*range(100, 200), 204, 304})
# Source: RFC 9110, section 5.5: of the control characters only a tab may stand there.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# How many sets of names are remembered: an upstream's limits may be called anything.
_SHAPES = 128
# What is longer, in bytes, is not copied to stand in one piece with its framing.
_COPIED = 2**15

# How the body is framed; its length is filled in where it is shown.
_CHUNKED = "Transfer-Encoding: chunked\r\n%.0s"
_LENGTH = "Content-Length: %s\r\n"
_NEITHER = "%.0s"


class FastResponse(StreamResponse):
    """
    An answer to a request on a `gateway.protocol.Connection`.

    A stream's head goes out with its first bytes, or else by itself after the turn of
    the loop in which it was prepared. Neither cookies nor compression are for it.

    Args:
        headers: read when the answer is prepared; none may be about the framing.
        body: of a whole answer; ``None`` makes it a stream.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes | None = None
    ) -> None:
        # aiohttp's own would copy the headers, which mostly nobody asks for.
        self._status = status
        self._reason = _PHRASES.get(status, "")
        self._given = headers
        self._whole = body
        self._head = b""
        self._chunks = False
        self._silent = False

    @cached_property
    def _headers(self) -> CIMultiDict[str]:  # type: ignore[override]
        return CIMultiDict(self._given)

    @cached_property
    def _state(self) -> dict[Any, Any]:  # type: ignore[override]
        return {}

    def enable_compression(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("what is written past aiohttp cannot be compressed by it")

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """
        Make the head, and let it wait for what comes next.

        Raises:
            ValueError: a header would break the head, or speaks of the framing.
        """
        if self._eof_sent:
            return None
        if self._payload_writer is not None:
            return self._payload_writer
        self._connection: RequestHandler = request.protocol
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        await request._prepare_hook(self)  # noqa: SLF001
        self._head = self._make_head(request)
        self._req = request
        writer = self._payload_writer = request.writer
        if self._whole is None:
            # Counted at once: who fails from here on must not write another head.
            writer.output_size += len(self._head)
            self._connection._loop.call_soon(self.flush)  # noqa: SLF001
        return writer

    def send(self, data: bytes) -> None:
        """
        Write a stream's next bytes, as one chunk.

        Raises:
            ConnectionResetError: the client has left.
        """
        writer = self._payload_writer
        if writer is None or self._whole is not None:
            raise RuntimeError("only a stream that is prepared can be written to")
        transport = self._connection.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        if self._silent or not data:
            return
        if self._chunks:
            if len(data) > _COPIED:
                self._send_long(writer, transport, data)
                return
            data = b"%x\r\n%b\r\n" % (len(data), data)
        writer.output_size += len(data)
        if self._head:
            data, self._head = self._head + data, b""
        transport.write(data)

    def _send_long(
        self, writer: AbstractStreamWriter, transport: asyncio.Transport, data: bytes
    ) -> None:
        before, end = b"%x\r\n" % len(data), b"\r\n"
        writer.output_size += len(before) + len(data) + len(end)
        head, self._head = self._head, b""
        transport.write(head + before)
        transport.write(data)
        transport.write(end)

    def flush(self) -> None:
        """Let a stream's head go if it still waits and somebody is there to take it."""
        transport = self._connection.transport
        if self._head and transport is not None and not transport.is_closing():
            transport.write(self._head)
            self._head = b""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """`send`, and wait while the client takes nothing."""
        self.send(bytes(data))
        if self._connection.writing_paused and self._payload_writer is not None:
            await self._payload_writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """
        Write a whole answer, or a stream's last bytes and its end.

        Raises:
            ConnectionResetError: the client has left.
        """
        if self._eof_sent:
            return
        writer = self._payload_writer
        if writer is None:
            raise RuntimeError("prepare() comes first")
        last, counted = self._last(data)
        if last:
            transport = self._connection.transport
            if transport is None or transport.is_closing():
                raise ConnectionResetError("the client has left")
            transport.write(last)
            writer.output_size += len(last) - counted
        self._head = b""
        self._eof_sent = True
        self._body_length = writer.output_size
        self._req = self._payload_writer = None
        if self._connection.writing_paused:
            await writer.drain()

    def _last(self, data: bytes) -> tuple[bytes, int]:
        """Return what is still to be written, and how much of it is counted."""
        head, body = self._head, self._whole
        if body is not None:
            if data:
                raise RuntimeError("a whole answer has its body")
            return (head if self._silent else head + body), 0
        if self._silent:
            data = b""
        elif self._chunks:
            end = b"0\r\n\r\n"
            data = b"%x\r\n%b\r\n%b" % (len(data), data, end) if data else end
        return head + data, len(head)

    def _make_head(self, request: BaseRequest) -> bytes:
        status, version, body = self._status, request.version, self._whole
        bodiless = status in _BODILESS
        self._silent = bodiless or request.method == "HEAD"
        framing, length = _NEITHER, 0
        if body is not None:
            length = len(body)
            # Of an empty body a HEAD cannot tell whether it is one.
            if length or not self._silent:
                framing = _NEITHER if bodiless else _LENGTH
        elif not self._silent:
            if version >= (1, 1):
                framing, self._chunks = _CHUNKED, True
            else:
                self._keep_alive = False  # the connection's end is its end
        # Or else somebody has asked for them, and has changed them maybe.
        given = self.__dict__.get("_headers", self._given)
        values = tuple(given.values())
        typed = not self._silent and (body is None or length > 0)
        keep_alive = bool(self._keep_alive)
        shape = _shape(
            version, status, self._reason, tuple(given), framing, typed, keep_alive
        )
        joined = "".join(values)
        if not joined.isprintable() and _FORBIDDEN.search(joined) is not None:
            raise ValueError("a header's value holds a control character")
        # A lone surrogate is left out, as aiohttp does.
        return (shape % (*values, length, _date(int(time())))).encode("utf-8", "ignore")


@lru_cache(maxsize=2)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


@lru_cache(maxsize=_SHAPES)
def _shape(
    version: tuple[int, int],
    status: int,
    reason: str,
    names: tuple[str, ...],
    framing: str,
    typed: bool,
    keep_alive: bool,
) -> str:
    """
    Return a head to be filled in with the values of *names*, a length and the date.

    Its lines stand in aiohttp's order.

    Raises:
        ValueError: a name would break the head, or is about the framing.
    """
    low = {name.lower() for name in names}
    if "content-length" in low or "transfer-encoding" in low:
        # Two that differ are how requests and answers are smuggled.
        raise ValueError("how the body is framed is not for a header to say")
    if any(_FORBIDDEN.search(name) is not None for name in names):
        raise ValueError("a header's name holds a control character")
    reason = reason.replace("%", "%%")
    lines = [f"HTTP/{version[0]}.{version[1]} {status} {reason}\r\n"]
    lines += [name.replace("%", "%%") + ": %s\r\n" for name in names]
    lines.append(framing)
    if typed and "content-type" not in low:
        lines.append("Content-Type: application/octet-stream\r\n")
    lines.append("%.0s" if "date" in low else "Date: %s\r\n")
    if "server" not in low:
        lines.append(f"Server: {SERVER_SOFTWARE}\r\n")
    if "connection" not in low:
        if version == (1, 0):
            lines.append("Connection: keep-alive\r\n" if keep_alive else "")
        elif not keep_alive:
            lines.append("Connection: close\r\n")
    return "".join((*lines, "\r\n"))
