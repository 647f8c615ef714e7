"""Bodies as clients really send them: late, in pieces, too long, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp.web import Application, Request, Response, TCPSite

from gateway.domain.errors import LLMProxyError
from gateway.intake import read_body
from gateway.protocol import Runner
from gateway.settings import Server

LIMITS = Server(max_body=2048, body_timeout=0.2)
HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


async def handle(request: Request) -> Response:
    try:
        body = await read_body(request, LIMITS)
    except LLMProxyError as error:
        return Response(status=error.status_code, text=f"{error.code}: {error.message}")
    return Response(body=body)


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[
    tuple[asyncio.StreamReader, asyncio.StreamWriter]
]:
    app = Application(client_max_size=2**30)
    app.router.add_post("/", handle)
    runner = Runner(
        app,
        head_timeout=5,
        direct=lambda _: None,
        shutdown_timeout=0.1,
        lingering_time=0.1,
    )
    await runner.setup()
    await TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await runner.cleanup()


async def sent(*pieces: bytes | float) -> tuple[int, bytes]:
    """Return status and body of the answer to *pieces*, with pauses between."""
    async with connected() as (reader, writer):
        for piece in pieces:
            if isinstance(piece, bytes):
                writer.write(piece)
                await writer.drain()
            else:
                await asyncio.sleep(piece)
        async with asyncio.timeout(5):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.partition(b"content-length: ")[2].split()[0])
            return int(head.split()[1]), await reader.readexactly(size)


def length(count: int) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % count


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([length(3) + b"abc"], b"abc"),
        ([length(3), 0.02, b"a", 0.02, b"bc"], b"abc"),
        ([length(0)], b""),
        ([HEAD + b"\r\n"], b""),
        ([CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"], b"abc"),
        ([CHUNKED, 0.02, b"1\r\na\r\n", 0.02, b"2\r\nbc\r\n0\r\n\r\n"], b"abc"),
        ([length(2048) + b"x" * 2048], b"x" * 2048),
    ],
)
async def test_whole_body(pieces: list[bytes | float], body: bytes) -> None:
    assert await sent(*pieces) == (200, body)


@pytest.mark.parametrize(
    "pieces",
    [
        [length(2049)],  # nothing of it need come for us to know
        [CHUNKED + b"801\r\n" + b"x" * 2049 + b"\r\n0\r\n\r\n"],
        [CHUNKED, *[b"400\r\n" + b"x" * 1024 + b"\r\n", 0.02] * 3],
    ],
)
async def test_too_large(pieces: list[bytes | float]) -> None:
    status, body = await sent(*pieces)

    assert status == 413
    assert b"2048 bytes" in body
    assert body.startswith(b"request_too_large")


@pytest.mark.parametrize("pieces", [[length(9) + b"abc"], [CHUNKED + b"3\r\nabc\r\n"]])
async def test_stalled(pieces: list[bytes]) -> None:
    status, body = await sent(*pieces, 0.4)

    assert status == 408
    assert b"after 3 bytes" in body


async def test_trickling() -> None:
    """A slow line is not a stalled one: the clock counts from the last byte."""
    trickle: list[bytes | float] = [0.1, b"x"]

    status, _ = await sent(length(9), *trickle * 9)

    assert status == 200


@pytest.mark.parametrize("rest", [b"zz\r\nabc\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"])
async def test_broken_chunks(rest: bytes) -> None:
    status, _ = await sent(CHUNKED, 0.05, rest)

    assert status == 400
