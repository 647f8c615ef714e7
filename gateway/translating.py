"""Asks a backend of another dialect: question and answer are put into other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway import http, losses
from gateway.failures import JSON, UpstreamAnswerError, refusal
from gateway.gap import answer_reply, folded, stream_reply
from gateway.passing import decoded, is_stream, no_json, source_of, whole_body
from gateway.rendering import Decoded, Rendering
from gateway.wire.faults import fault_in
from gateway.wire.json import encode, loads
from gateway.wire.reading import whole
from gateway.wire.sse import SseFramer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.web import StreamResponse

    from gateway.answers import Answer
    from gateway.building import Backend
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.reply import Json
    from gateway.domain.request import Request
    from gateway.exchange import Exchange
    from gateway.fronts.base import Ask, Context
    from gateway.passing import Keep
    from gateway.plugin import Translator, Written
    from gateway.routes import Plan
    from gateway.targets import Target
    from gateway.upstream import HttpBackend


async def translated(
    exchange: Exchange,
    backend: HttpBackend,
    plan: Plan[Backend],
    ask: Ask,
) -> StreamResponse:
    """
    Answer in the client's dialect with what *backend* says in its own.

    Raises:
        LLMProxyError: it failed, before or after the answer began.
    """
    operation = exchange.door.kind
    target = backend.foreign(operation, ask, plan.model, exchange.door.dialect)
    if target is None or target.dialect.translator is None:
        raise exchange.unsupported(backend.name, plan.model)
    call = Call(exchange, backend, target, target.dialect.translator, plan)
    if operation == "chat":
        return await _chat(call, ask)
    return await _embeddings(call, ask)


class Call:
    """One request to a backend of another dialect."""

    def __init__(
        self,
        exchange: Exchange,
        backend: HttpBackend,
        target: Target,
        translator: Translator,
        plan: Plan[Backend],
    ) -> None:
        self.exchange = exchange
        self.translator = translator
        self.dialect = target.dialect
        self.plan = plan
        self._backend = backend
        self._target = target

    def check(self, written: Written) -> None:
        """
        Take note of what was lost.

        Raises:
            InvalidRequestError: it is too much.
        """
        paths, protocol = self.exchange.front.paths, self.dialect.protocol
        strict = self.plan.lossless
        losses.check(written.losses, paths, protocol, strict=strict)
        self.exchange.ledger.lost(written.losses)

    async def open(self, written: Written) -> Answer:
        """
        Send the request; the answer's status says that there is one.

        Raises:
            LLMProxyError: in words that fit any dialect.
        """
        ledger, request = self.exchange.ledger, self.exchange.request
        response = await sent(
            self._backend,
            self._target,
            self.plan.model,
            written,
            request.headers,
            request.query,
        )
        kept = http.to_client(response.headers)
        ledger.upstream_request_id = http.upstream_id(kept)
        return await accepted(response)

    async def json(self, response: Answer) -> Json:
        """
        Return the whole answer, decoded.

        Raises:
            BackendError: it is none.
        """
        return parsed(await whole_body(self.exchange, response), response)


async def sent(
    backend: HttpBackend,
    target: Target,
    model: str,
    written: Written,
    caller: Mapping[str, str],
    query: Mapping[str, str] | None = None,
) -> Answer:
    """
    Send a translated request; return once the answer's head is there.

    Args:
        caller: headers, of which some go through.
        query: likewise.

    Raises:
        LLMProxyError: there is no answer.
    """
    headers = target.headers(caller)
    headers |= written.headers
    headers["content-type"] = JSON
    body = target.edited(encode(written.body), headers)
    return await backend.open(target, target.at(model, query), body, headers)


async def accepted(response: Answer) -> Answer:
    """
    Return *response* if its status is a success.

    Raises:
        LLMProxyError: it is not; in words that fit any dialect.
    """
    if response.status < 300:
        return response
    try:
        error = await refusal(response)
    finally:
        response.close()
    raise in_own_words(error)


def parsed(body: bytes, response: Answer) -> Json:
    """
    Return what *body*, the whole of *response*, says.

    Raises:
        BackendError: it is no JSON, or tells of an error.
    """
    try:
        json = loads(body)
    except ValueError as exc:
        raise no_json() from exc
    if (fault := fault_in(json)) is not None:
        kept = http.to_client(response.headers)
        raise in_own_words(UpstreamAnswerError(fault, body, JSON, kept))
    return json


def in_own_words(error: LLMProxyError) -> LLMProxyError:
    """Return *error* for a client who speaks another dialect than the upstream."""
    if isinstance(error, UpstreamAnswerError):
        error.verbatim = False
    if error.code == "context_length_exceeded":
        error.status_code = 400  # some say 413; agents wait for this to compact
    return error


# -- chat


async def _chat(call: Call, ask: Ask) -> StreamResponse:
    exchange, translator = call.exchange, call.translator
    context, relay, keep, response = await _asked(call, ask)
    try:
        kept = http.to_client(response.headers)
        streams = is_streamed(translator, response, ask)
        if streams and ask.stream:
            stream = exchange.stream or exchange.begin_stream(relay, ask)
            stream.answered(None, kept)
            return await stream.pump(source_of(response, call.dialect))
        if streams:
            body = decoded(await whole_body(exchange, response), call.dialect)
            reply = folded(translator, body)
        else:
            reply = whole(translator.read_reply, await call.json(response))
        if ask.stream:
            return await stream_reply(exchange, reply, context, kept)
        return await answer_reply(exchange, reply, context, kept, keep)
    finally:
        response.close()


async def _asked(call: Call, ask: Ask) -> tuple[Context, Rendering, Keep, Answer]:
    """Ask; return how the answer is written, by what, what keeps it, and the answer."""
    exchange, translator = call.exchange, call.translator
    recalled = await exchange.recall(
        call.plan.backend.name, exchange.body, stores=False, passes=False
    )
    asked = exchange.front.read_request(recalled.body, ask)
    written = translator.write_request(for_upstream(asked, call.plan.model, ask))
    call.check(written)
    foreign = call.dialect.protocol != exchange.front.dialect
    context = exchange.context(ask, recalled.shown(asked), foreign=foreign)
    source = Decoded(translator.framer(), translator.reader())
    relay = Rendering(exchange.ledger, source, exchange.front.writer(context))
    if ask.stream:
        exchange.begin_stream(relay, ask).keep = recalled.remember
    response = await call.open(written)
    exchange.body = b""  # a stream may last, and needs no more of the request
    return context, relay, recalled.remember, response


def for_upstream(asked: Request, model: str, ask: Ask) -> Request:
    """Return the request as the backend shall see it, token counts and all."""
    return evolve(asked, model=model, stream=ask.stream, include_usage=ask.stream)


def is_streamed(translator: Translator, response: Answer, ask: Ask) -> bool:
    """Tell whether *response* comes in pieces, whatever was asked for."""
    if translator.framer is SseFramer or not ask.stream:
        return is_stream(response, evolve(ask, framing="sse"))
    # Lines of JSON, or an array, may come as JSON: only the question tells.
    return True


# -- embeddings


async def _embeddings(call: Call, ask: Ask) -> StreamResponse:
    front, translator = call.exchange.front, call.translator
    write, read = translator.write_embeddings, translator.read_embeddings
    if (
        front.read_embeddings is None
        or front.write_embeddings is None
        or write is None
        or read is None
    ):
        raise call.exchange.unsupported(call.plan.backend.name)
    asked = front.read_embeddings(call.exchange.body, ask)
    written = write(evolve(asked, model=call.plan.model))
    call.check(written)
    response = await call.open(written)
    try:
        json = await call.json(response)
    finally:
        response.close()
    reply = whole(read, json)
    ledger = call.exchange.ledger
    ledger.upstream_model, ledger.usage = reply.model, reply.usage
    headers = http.to_client(response.headers)
    rendered = front.write_embeddings(reply, asked)
    call.exchange.ledger.lost(rendered.losses)
    return await call.exchange.complete(200, rendered.body, JSON, headers)
