"""A server in this process whose connections are the gateway's, and raw clients."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from aiohttp.web import Application, TCPSite

from gateway.protocol import Runner

if TYPE_CHECKING:
    from gateway.lane.serving import Handler

PATIENCE = 5.0

_DATE = re.compile(
    rb"(?<=\r\nDate: )[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT"
)


@contextlib.asynccontextmanager
async def serving(
    handler: Handler,
    *,
    fast: bool = True,
    prepared: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> AsyncIterator[Runner]:
    """
    Serve all requests with *handler*.

    Args:
        fast: ``POST`` requests take the short way.
        prepared: a hook that is told of answers to all other requests.
    """
    app = Application()
    app.router.add_route("*", "/{path:.*}", handler)
    if prepared is not None:
        app.on_response_prepare.append(prepared)
    settings: dict[str, Any] = {
        "access_log": None,
        "lingering_time": 0.2,
        "shutdown_timeout": 0.1,
    }
    runner = Runner(
        app,
        head_timeout=PATIENCE,
        direct=lambda _: handler,
        fast=fast,
        handler_cancellation=True,
        **(settings | kwargs),
    )
    await runner.setup()
    await TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def connected(
    runner: Runner, **kwargs: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2], **kwargs)
    try:
        async with asyncio.timeout(PATIENCE):
            yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def said(runner: Runner, *pieces: bytes) -> bytes:
    """Return all that comes in answer to *pieces* until the server closes, undated."""
    async with connected(runner) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        return _DATE.sub(b"today", await reader.read())


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.002)


def ask(
    path: str = "/", *headers: str, body: bytes = b"", method: str = "POST"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: h", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


# After this one the server closes.
LAST = ask("/last", "Connection: close")
