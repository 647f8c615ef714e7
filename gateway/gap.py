"""Closes the gap where only one side streams: an answer is put together, or apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.answers import Pulled
from gateway.domain.fold import Fold, unfold
from gateway.failures import JSON
from gateway.plugin import ProcessedResponse
from gateway.rendering import Decoded, Pieces, Rendering

if TYPE_CHECKING:
    from aiohttp.web import StreamResponse

    from gateway.domain.reply import Reply
    from gateway.exchange import Exchange
    from gateway.fronts.base import Context
    from gateway.passing import Keep
    from gateway.plugin import Headers, Translator


def folded(translator: Translator, body: bytes) -> Reply:
    """
    Return the whole answer of an upstream that streams though nobody asked.

    Raises:
        LLMProxyError: it is none, or broken off.
    """
    source = Decoded(translator.framer(), translator.reader())
    folding = Fold()
    for event in (*source.feed(body), *source.eof()):
        folding.feed(event)
    return folding.reply()


async def answer_reply(
    exchange: Exchange, reply: Reply, context: Context, headers: Headers, keep: Keep
) -> StreamResponse:
    """Write a whole answer, and keep it where the client may refer to it."""
    exchange.ledger.saw_reply(reply)
    rendered = exchange.front.write_reply(reply, context)
    if keep is not None:
        await keep(rendered.json)
    exchange.ledger.lost(rendered.losses)
    return await exchange.complete(200, rendered.body, JSON, headers)


async def stream_reply(
    exchange: Exchange, reply: Reply, context: Context, headers: Headers
) -> StreamResponse:
    """Write a whole answer as a stream, into the one that has begun if one has."""
    relay = Rendering(exchange.ledger, Pieces(), exchange.front.writer(context))
    stream = exchange.stream
    if stream is None:
        stream = exchange.begin_stream(relay, context.ask)
    stream.take_over(relay)
    stream.answered(None, headers)
    pieces = [None, ProcessedResponse(tuple(unfold(reply)))]

    async def read() -> ProcessedResponse | None:
        return pieces.pop()

    return await stream.pump(Pulled(read))
