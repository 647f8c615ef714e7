"""Asks a backend that speaks the client's own dialect: the answer passes as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from gateway import http
from gateway.answers import Decoding
from gateway.dialects import OPENAI_CHAT, OPENAI_RESPONSES
from gateway.domain.errors import APIConnectionError, BackendError
from gateway.failures import JSON, UpstreamAnswerError, read_whole, refusal
from gateway.passthrough import Passthrough, UsageStripper
from gateway.wire import openai_chat
from gateway.wire.json import loads
from gateway.wire.reading import whole
from gateway.wire.seal import holds_foreign

if TYPE_CHECKING:
    from aiohttp.web import StreamResponse

    from gateway.answers import Answer, Source
    from gateway.building import Backend
    from gateway.domain.reply import Json
    from gateway.exchange import Exchange
    from gateway.fronts.base import Ask
    from gateway.plugin import Dialect, Headers
    from gateway.routes import Plan
    from gateway.targets import Target
    from gateway.upstream import HttpBackend

# What keeps the answer, where the client may refer to it later.
Keep: TypeAlias = "Callable[[Json], Awaitable[None]] | None"


def may_pass(target: Target, operation: str, body: bytes) -> bool:
    """
    Tell whether *body* may go on as it is.

    Not with a seal of another provider's in it, which nobody else is shown: to
    read and write the request leaves that out.
    """
    if operation != "chat" or target.dialect.translator is None:
        return True
    return not holds_foreign(body, target.dialect.protocol)


async def passed(
    exchange: Exchange,
    backend: HttpBackend,
    target: Target,
    plan: Plan[Backend],
    ask: Ask,
) -> StreamResponse:
    """
    Answer with what *target* says.

    Raises:
        LLMProxyError: it failed, before or after the answer began.
    """
    kind, keep, response = await _asked(exchange, backend, target, plan, ask)
    try:
        kept = http.to_client(response.headers)
        exchange.ledger.upstream_request_id = http.upstream_id(kept)
        if response.status >= 300:
            raise await refusal(response, verbatim=target.dialect.own_errors)
        streams = is_stream(response, ask)
        if streams is not ask.stream and _can_be_read(exchange, target):
            return await _across(exchange, target, response, ask, keep)
        if not streams:
            return await _whole(exchange, response, kept, keep)
        stream = exchange.stream or exchange.begin_stream(
            kind(exchange.ledger, exchange.front, ask), ask
        )
        stream.answered(_content_type(response, ask), kept)
        return await stream.pump(source_of(response, target.dialect))
    finally:
        # Frees the upstream at once, unless the answer was read to its end:
        # then its connection is back in the pool already.
        response.close()


async def _asked(
    exchange: Exchange,
    backend: HttpBackend,
    target: Target,
    plan: Plan[Backend],
    ask: Ask,
) -> tuple[type[Passthrough], Keep, Answer]:
    """Ask; return what watches the answer, what keeps it, and the answer."""
    request, ours, body = exchange.request, target.dialect.protocol, exchange.body
    keep: Keep = None
    if ours == OPENAI_RESPONSES:
        recalled = await exchange.recall(
            backend.name, body, stores=target.dialect.stores, passes=True
        )
        body, keep = recalled.body, recalled.remember
    url = target.url
    if url is None or target.queries:
        url = target.at(plan.model, request.query)
    headers = target.headers(request.headers)
    if plan.model != ask.model:
        body = exchange.front.rename(body, plan.model)
    kind: type[Passthrough] = Passthrough
    if plan.ask_usage and ask.stream and not ask.wants_usage and ours == OPENAI_CHAT:
        kind, body = UsageStripper, openai_chat.asking_for_usage(body)
    if ask.stream:
        relay = kind(exchange.ledger, exchange.front, ask)
        exchange.begin_stream(relay, ask).keep = keep
    body = target.edited(body, headers)
    response = await backend.open(target, url, body, headers)
    exchange.body = b""  # a stream may last, and needs no more of the request
    return kind, keep, response


async def _whole(
    exchange: Exchange, response: Answer, headers: Headers, keep: Keep
) -> StreamResponse:
    body = await _read_whole(exchange, response, headers)
    if exchange.stream is not None and await exchange.stream.outlet.is_open():
        raise BackendError(
            "the upstream answered late and in one piece; a stream had begun",
            code="upstream_did_not_stream",
        )
    if keep is not None:
        await keep(loads(body))
    content_type = response.headers.get("Content-Type", JSON)
    return await exchange.complete(response.status, body, content_type, headers)


async def _read_whole(exchange: Exchange, response: Answer, headers: Headers) -> bytes:
    """Return an answer that is no stream, and no error; it is accounted for."""
    body = await whole_body(exchange, response)
    try:
        seen = exchange.front.watching.look(body, "")
    except (msgspec.DecodeError, ValueError) as exc:
        raise no_json() from exc
    exchange.ledger.saw(seen)
    if seen.fault is not None:
        raise UpstreamAnswerError(seen.fault, body, JSON, headers)
    return body


def _can_be_read(exchange: Exchange, target: Target) -> bool:
    return exchange.door.operation == "chat" and target.dialect.translator is not None


async def _across(
    exchange: Exchange,
    target: Target,
    response: Answer,
    ask: Ask,
    keep: Keep,
) -> StreamResponse:
    """Answer as the client asked where the upstream streams or does not, otherwise."""
    # Hardly ever needed.
    from gateway.gap import answer_reply, folded, stream_reply

    translator = target.dialect.translator
    if translator is None:
        raise exchange.unsupported(target.dialect.protocol)
    headers = http.to_client(response.headers)
    context = exchange.context(ask)
    if ask.stream:
        body = await _read_whole(exchange, response, headers)
        reply = whole(translator.read_reply, loads(body))
        return await stream_reply(exchange, reply, context, headers)
    body = decoded(await whole_body(exchange, response), target.dialect)
    reply = folded(translator, body)
    return await answer_reply(exchange, reply, context, headers, keep)


async def whole_body(exchange: Exchange, response: Answer) -> bytes:
    """
    Return an answer that comes in one piece.

    Raises:
        BackendError: it broke off, or exceeds ``max_reply``.
    """
    exchange.watch.begin()
    most = exchange.gateway.settings.server.max_reply
    # Each piece is a sign of life, as an event of a stream is.
    body = await read_whole(response, most, exchange.watch.begin)
    exchange.ledger.heard()
    return body


def source_of(response: Answer, dialect: Dialect) -> Source:
    """Return the stream's bytes as its protocol has them."""
    if dialect.decoder is None:
        return response
    return Decoding(response, dialect.decoder())


def decoded(body: bytes, dialect: Dialect) -> bytes:
    """Return a whole stream's bytes, as its protocol has them."""
    if dialect.decoder is None:
        return body
    decoder = dialect.decoder()
    return decoder.feed(body) + decoder.eof()


def no_json() -> APIConnectionError:
    return APIConnectionError(
        "the upstream's answer is not valid JSON, or not all of it came",
        code="upstream_invalid_reply",
    )


def is_stream(response: Answer, ask: Ask) -> bool:
    """Tell a stream by its type; some servers forget it, some do not stream."""
    content_type = response.headers.get("Content-Type", "")
    if content_type.startswith("text/event-stream"):
        return True
    return ask.stream and (ask.framing == "array" or "json" not in content_type)


def _content_type(response: Answer, ask: Ask) -> str | None:
    """Return the upstream's own, where it fits what the client expects."""
    content_type = response.headers.get("Content-Type")
    if content_type is None:
        return None
    fits = "application/json" if ask.framing == "array" else "text/event-stream"
    return content_type if content_type.startswith(fits) else None
