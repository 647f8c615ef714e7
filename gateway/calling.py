"""
Asks the configured backends on behalf of another one, which is made of them.

Requests and answers are those of the domain: what backend it is, and which
protocol it speaks, is no matter to who asks. All that the configuration says of a
backend applies: credentials, headers, edits, clocks.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from multidict import CIMultiDict

from gateway import http, losses
from gateway.called import Called, piece_of, within
from gateway.domain.errors import LLMProxyError
from gateway.domain.fold import unfold
from gateway.failures import read_whole
from gateway.fronts.base import Ask
from gateway.gap import folded
from gateway.identity import REFERER, TITLE, USER_AGENT
from gateway.passing import decoded, source_of
from gateway.plugin import ResponseEnvelope, StreamingResponseEnvelope
from gateway.rendering import Decoded, Pieces
from gateway.targets import unsupported
from gateway.translating import accepted, is_streamed, parsed, sent
from gateway.unpacking import Unpacking, ending, envelope_in, reply_in
from gateway.upstream import HttpBackend
from gateway.virtual_backend import own_errors
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from gateway.answers import Answer
    from gateway.building import Backend
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Reply
    from gateway.domain.request import Request
    from gateway.plugin import Dialect, Headers, Identity, ProcessedResponse, Translator
    from gateway.registry import Registry
    from gateway.routes import Plan, RouteTable
    from gateway.settings import Timeouts
    from gateway.translation import TranslationService
    from gateway.virtual_backend import VirtualBackend

_TOLD = frozenset({*USER_AGENT, *REFERER, *TITLE, "traceparent", "tracestate"})


class Calling:
    """
    See `gateway.plugin.Provider`.

    Args:
        max_reply: the largest answer in one piece, in bytes.
    """

    def __init__(
        self,
        table: RouteTable[Backend],
        backends: Mapping[str, Backend],
        registry: Registry,
        max_reply: int,
    ) -> None:
        self.backends = backends
        self._table = table
        self._registry = registry
        self._max_reply = max_reply

    @property
    def translation_service(self) -> TranslationService:
        return self._registry.translation

    async def chat_completions(
        self, selector: str, request: Request, identity: Identity | None = None
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        """
        Ask the backend that *selector* leads to, streaming if the request says so.

        The pieces of a stream end with a `ReplyEnd` or a `Fault`, whatever happens;
        only after they were cancelled they just end. What could not be said in the
        backend's dialect is among the envelope's ``losses``.

        Raises:
            RoutingError: nothing answers to the selector, or not to this.
            InvalidRequestError: the backend could be asked for another answer only.
            LLMProxyError: it failed before its answer began.
        """
        plan = self._table.resolve(selector)
        asked = evolve(request, model=plan.model, include_usage=request.stream)
        if isinstance(plan.backend, HttpBackend):
            return await _over_http(
                plan.backend, plan, asked, identity, self._max_reply
            )
        return await _virtual(plan.backend, asked, identity)


async def _virtual(
    backend: VirtualBackend, request: Request, identity: Identity | None
) -> ResponseEnvelope | StreamingResponseEnvelope:
    clocks, name = backend.settings.timeouts, backend.name
    async with within(clocks.first_event, begun=False):
        if not backend.ready:
            await backend.wait()
        with own_errors(name):
            envelope = envelope_in(
                await backend.backend.chat_completions(
                    request, [], request.model, identity
                )
            )
    if isinstance(envelope, ResponseEnvelope):
        with own_errors(name):
            return evolve(envelope, content=reply_in(envelope, backend))

    async def free() -> None:
        async with ending(envelope, name):
            pass

    try:
        # Whether anybody waits for the answer is only known further out.
        read = Unpacking(envelope, backend, gone=lambda: False)
    except LLMProxyError:
        await free()
        raise
    called = Called(read, Pieces(), free, clocks)
    return evolve(envelope, content=called.pieces(), cancel_callback=called.cancel)


# -- over HTTP


async def _over_http(
    backend: HttpBackend,
    plan: Plan[Backend],
    request: Request,
    identity: Identity | None,
    max_reply: int,
) -> ResponseEnvelope | StreamingResponseEnvelope:
    ask, clocks = Ask(request.model, request.stream), backend.settings.timeouts
    target = backend.foreign("chat", ask, plan.model)
    if target is None or target.dialect.translator is None:
        raise unsupported(backend.name, "chat", plan.model)
    translator = target.dialect.translator
    written = translator.write_request(request)
    protocol = target.dialect.protocol
    losses.check(written.losses, {}, protocol, strict=plan.lossless)
    caller = _caller(identity)
    async with within(clocks.first_event, begun=False):
        response = await sent(backend, target, plan.model, written, caller)
        response = await accepted(response)
    answer = _Answer(response, target.dialect, translator, clocks, [*written.losses])
    streams = is_streamed(translator, response, ask)
    if streams and request.stream:
        return answer.stream()
    reply = await answer.whole(max_reply, streams=streams)
    return answer.in_one_piece(reply) if request.stream else answer.envelope(reply)


def _caller(identity: Identity | None) -> Mapping[str, str]:
    """
    Return what the backend is told of who asks.

    That is which application it is, and what ties the requests together. The rest
    belongs to one request: an ``idempotency-key`` would make one of two.
    """
    given = getattr(identity, "caller", None)
    if given is None and identity is not None:
        given = identity.get_resolved_headers(None)
    return CIMultiDict((n, v) for n, v in (given or {}).items() if n.lower() in _TOLD)


@frozen
class _Answer:
    response: Answer
    dialect: Dialect
    translator: Translator
    clocks: Timeouts
    losses: list[Loss]

    @property
    def headers(self) -> Headers:
        return http.to_client(self.response.headers)

    async def free(self) -> None:
        # Does nothing where the answer was read to its end: then its connection
        # is back in the pool already.
        self.response.close()

    def stream(self) -> StreamingResponseEnvelope:
        source = Decoded(self.translator.framer(), self.translator.reader())
        read = source_of(self.response, self.dialect).read
        called = Called(read, source, self.free, self.clocks)
        return StreamingResponseEnvelope(
            called.pieces(),
            self.headers,
            cancel_callback=called.cancel,
            losses=self.losses,
        )

    async def whole(self, most: int, *, streams: bool) -> Reply:
        """
        Return the answer once all of it has come.

        Args:
            streams: it comes in pieces though nobody asked for that.
        """
        now = asyncio.get_running_loop().time
        try:
            async with within(self.clocks.first_event, begun=True) as deadline:

                def heard() -> None:
                    deadline.reschedule(now() + self.clocks.idle)

                body = await read_whole(self.response, most, heard)
        finally:
            self.response.close()
        if streams:
            return folded(self.translator, decoded(body, self.dialect))
        return whole(self.translator.read_reply, parsed(body, self.response))

    def envelope(self, reply: Reply) -> ResponseEnvelope:
        return ResponseEnvelope(
            reply, self.headers, usage=reply.usage, losses=self.losses
        )

    def in_one_piece(self, reply: Reply) -> StreamingResponseEnvelope:
        """Return a stream of what an upstream answered that does not stream."""

        async def content() -> AsyncIterator[ProcessedResponse]:
            yield piece_of(unfold(reply))

        return StreamingResponseEnvelope(content(), self.headers, losses=self.losses)
