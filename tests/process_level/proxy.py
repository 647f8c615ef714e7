"""A proxy with a password, and what else carries bytes from here to there."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Self, TypeAlias

PASSWORD = "planted-proxy-password-cccc"
Ends: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def joined(one: Ends, other: Ends) -> None:
    """Carry bytes both ways until either side ends."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    both = [
        asyncio.create_task(carry(one[0], other[1])),
        asyncio.create_task(carry(other[0], one[1])),
    ]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        for _, writer in (one, other):
            writer.transport.abort()


class Proxy:
    """
    A proxy for plain URLs and for CONNECT.

    Attributes:
        heads: what it was asked, a list of lines each.
        status: what it answers instead of doing it.
    """

    def __init__(self, status: int = 0) -> None:
        self.heads: list[list[str]] = []
        self.status = status

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://user:{PASSWORD}@127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.sleep(0.05)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head.split("\r\n"))
            method, target, _ = head.split(" ", 2)
            if self.status:
                writer.write(b"HTTP/1.1 %d No\r\n" % self.status)
                writer.write(b"content-length: 0\r\nconnection: close\r\n\r\n")
                await writer.drain()
                return
            host = target.removeprefix("http://").partition("/")[0]
            name, _, port = host.rpartition(":")
            there = await asyncio.open_connection(name, int(port))
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Established\r\n\r\n")
            else:
                there[1].write(head.replace(f"http://{host}", "", 1).encode("latin-1"))
            await joined((reader, writer), there)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


def basic() -> str:
    return b64encode(f"user:{PASSWORD}".encode()).decode()
