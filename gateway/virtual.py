"""Asks a backend that answers in events, without a dialect of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from gateway import http
from gateway.gap import answer_reply
from gateway.plugin import ResponseEnvelope
from gateway.rendering import Pieces, Rendering
from gateway.translating import for_upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp.web import StreamResponse

    from gateway.building import Backend
    from gateway.exchange import Exchange
    from gateway.fronts.base import Ask
    from gateway.plugin import ProcessedResponse, StreamingResponseEnvelope
    from gateway.routes import Plan
    from gateway.virtual_backend import VirtualBackend

# A backend that hangs in its own cleaning up must not hold ours.
CANCEL_DEADLINE = 5.0


async def answered(
    exchange: Exchange,
    backend: VirtualBackend,
    plan: Plan[Backend],
    ask: Ask,
    body: bytes,
) -> StreamResponse:
    """
    Answer in the client's dialect.

    Raises:
        LLMProxyError: it failed, before or after the answer began.
    """
    if exchange.door.operation != "chat":
        raise exchange.unsupported(backend.name)
    recalled = await exchange.recall(backend.name, body, stores=False, passes=False)
    asked = exchange.front.read_request(recalled.body, ask)
    context = exchange.context(ask, recalled.shown(asked), foreign=True)
    writer = exchange.front.writer(context)
    relay = Rendering(exchange.ledger, Pieces(), writer)
    if ask.stream:
        exchange.begin_stream(relay, ask).keep = recalled.remember
    request = for_upstream(asked, plan.model, ask)
    envelope = await backend.backend.chat_completions(request, [], plan.model)
    headers = http.to_client(envelope.headers)
    if isinstance(envelope, ResponseEnvelope):
        exchange.ledger.heard()
        return await answer_reply(
            exchange, envelope.content, context, headers, recalled.remember
        )
    async with ending(envelope):
        stream = exchange.stream or exchange.begin_stream(relay, ask)
        stream.answered(None, headers)
        return await stream.pump(reading(envelope))


def reading(
    envelope: StreamingResponseEnvelope,
) -> Callable[[], Awaitable[ProcessedResponse | None]]:
    pieces = envelope.content

    async def read() -> ProcessedResponse | None:
        return await anext(pieces, None)

    return read


@asynccontextmanager
async def ending(envelope: StreamingResponseEnvelope) -> AsyncIterator[None]:
    """Cancel the backend's work when the block is left, however that is."""
    try:
        yield
    finally:
        if envelope.cancel_callback is not None:
            async with asyncio.timeout(CANCEL_DEADLINE):
                await envelope.cancel_callback()
