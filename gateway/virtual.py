"""Asks a backend that answers in events, without a dialect of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway import http, losses
from gateway.answers import Pulled
from gateway.detached import Detachable
from gateway.domain.errors import TranslationError
from gateway.gap import answer_reply, stream_reply
from gateway.identity import CallerIdentity
from gateway.plugin import ResponseEnvelope
from gateway.rendering import Pieces, Rendering
from gateway.translating import for_upstream
from gateway.translation import NOTED, Noted
from gateway.unpacking import (
    Unpacking,
    ending,
    envelope_in,
    headers_in,
    late,
    reply_in,
)
from gateway.virtual_backend import own_errors

if TYPE_CHECKING:
    from aiohttp.web import StreamResponse

    from gateway.building import Backend
    from gateway.domain.reply import Reply
    from gateway.domain.request import Request
    from gateway.exchange import Exchange
    from gateway.fronts.base import Ask, Context
    from gateway.passing import Keep
    from gateway.plugin import Headers, StreamingResponseEnvelope
    from gateway.routes import Plan
    from gateway.stream import Stream
    from gateway.virtual_backend import VirtualBackend


async def answered(
    exchange: Exchange,
    backend: VirtualBackend,
    plan: Plan[Backend],
    ask: Ask,
) -> StreamResponse:
    """
    Answer in the client's dialect.

    Raises:
        LLMProxyError: it failed, before or after the answer began.
    """
    if exchange.door.operation != "chat":
        raise exchange.unsupported(backend.name)
    recalled = await exchange.recall(
        backend.name, exchange.body, stores=False, passes=False
    )
    asked = exchange.front.read_request(recalled.body, ask)
    context = exchange.context(ask, recalled.shown(asked), foreign=True)
    keep = recalled.remember
    stream = _begun(exchange, context, keep) if ask.stream else None
    if not backend.ready:
        await backend.wait()
    request = for_upstream(asked, plan.model, ask)
    envelope = await _asked(exchange, backend, request, strict=plan.lossless)
    exchange.ledger.lost(envelope.losses)
    headers = headers_in(envelope)
    exchange.ledger.upstream_request_id = http.upstream_id(headers)
    if isinstance(envelope, ResponseEnvelope):
        with own_errors(backend.name):
            reply = reply_in(envelope, backend)
        exchange.ledger.heard()
        return await _whole(exchange, reply, context, headers, keep)
    async with ending(envelope, backend.name):
        unpacking = Unpacking(envelope, backend, partial(_gone, exchange))
        try:
            if stream is not None:
                if exchange.ledger.losses:  # known too late for the stream's own
                    headers[http.LOSS] = losses.header(exchange.ledger.losses.values())
                stream.answered(None, headers)
                return await stream.pump(Pulled(unpacking))
            reply = await unpacking.folded(exchange.watch.begin)
        finally:
            exchange.ledger.lost(envelope.losses)
    exchange.ledger.heard()
    return await _whole(exchange, reply, context, headers, keep)


def _begun(exchange: Exchange, context: Context, keep: Keep) -> Stream:
    writer = exchange.front.writer(context)
    relay = Rendering(exchange.ledger, Pieces(), writer)
    stream = exchange.begin_stream(relay, context.ask)
    stream.keep = keep
    return stream


async def _asked(
    exchange: Exchange, backend: VirtualBackend, request: Request, *, strict: bool
) -> ResponseEnvelope | StreamingResponseEnvelope:
    noted = Noted(strict)
    before = NOTED.set(noted)
    try:
        with own_errors(backend.name):
            identity = CallerIdentity(
                backend.settings.identity, exchange.request.headers
            )
            call = backend.backend.chat_completions(
                request, [], request.model, identity
            )
            gone, overdue = partial(_gone, exchange), partial(late, backend.name)
            return envelope_in(await Detachable(call, gone, overdue))
    except TranslationError as error:
        if error.param is not None:  # where it stands in the client's own dialect
            error.param = losses.param(error.param, exchange.front.paths)
        raise
    finally:
        exchange.ledger.lost(noted.losses)
        NOTED.reset(before)


async def _whole(
    exchange: Exchange, reply: Reply, context: Context, headers: Headers, keep: Keep
) -> StreamResponse:
    if context.ask.stream:
        return await stream_reply(exchange, reply, context, headers)
    return await answer_reply(exchange, reply, context, headers, keep)


def _gone(exchange: Exchange) -> bool:
    """Tell whether the client has left, or the exchange is to end."""
    transport = exchange.request.transport
    left = transport is None or transport.is_closing()
    return left or exchange.watch.interrupted
