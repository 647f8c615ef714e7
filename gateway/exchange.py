"""
One request, from its body to the last byte of its answer.

Whatever happens, the upstream is freed, the ledger is settled and told to the
journal, and no task is left.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from math import ceil
from time import time
from typing import TYPE_CHECKING

import msgspec
from aiohttp.web import Response, StreamResponse
from structlog.contextvars import bind_contextvars

from gateway import http
from gateway.domain.errors import (
    APIConnectionError,
    BackendError,
    LLMProxyError,
    RoutingError,
    SessionCancelledError,
)
from gateway.failures import (
    JSON,
    UpstreamAnswerError,
    read_whole,
    refusal,
)
from gateway.gauges import OPEN_UPSTREAMS
from gateway.intake import read_body
from gateway.ledger import Ledger, Outcome
from gateway.outlet import Outlet
from gateway.plugin import ResponseEnvelope
from gateway.relay import (
    Passthrough,
    Rendering,
    ShutdownError,
    StalledClientError,
    UsageStripper,
    account,
)
from gateway.stream import Stream
from gateway.upstream import HttpBackend, VirtualBackend
from gateway.watch import Watch
from gateway.wire import jsonsplice, openai_chat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp import ClientResponse
    from aiohttp.web import Request

    from gateway.fronts.base import Ask
    from gateway.plugin import (
        Headers,
        ProcessedResponse,
        StreamingResponseEnvelope,
    )
    from gateway.registry import Backend
    from gateway.routes import Plan
    from gateway.state import Gateway

# A backend that hangs in its own cleaning up must not hold ours.
CANCEL_DEADLINE = 5.0


class Exchange:
    """
    Serves one request; call `run` once.

    Args:
        gateway: what all exchanges share.
        operation: ``chat``, ``completions`` or ``embeddings``.
    """

    def __init__(self, gateway: Gateway, request: Request, operation: str) -> None:
        self._gateway = gateway
        self._request = request
        self._operation = operation
        self._front = gateway.front
        self.ledger = Ledger(
            http.request_id(request.headers), gateway.front.dialect, operation
        )
        self._watch: Watch | None = None
        self._stream: Stream | None = None
        bind_contextvars(request_id=self.ledger.request_id)

    async def run(self) -> StreamResponse:
        """
        Answer the request.

        Raises:
            CancelledError: the client left.
            ConnectionError: likewise.
        """
        gateway, ledger = self._gateway, self.ledger
        gateway.opened(self)
        try:
            return await self._run()
        except asyncio.CancelledError:
            error = self._watch.caught() if self._watch is not None else None
            if error is None:
                self._client_left()
                raise
            return await self._broken_off(error)
        except ConnectionError:
            self._client_left()
            raise
        except LLMProxyError as error:
            return await self._broken_off(error)
        except Exception:
            # The last resort: a mistake of ours must not end without a word.
            gateway.log.exception("exchange.failed")
            ledger.end(Outcome.FAILED, "internal_error")
            return await self._broken_off(LLMProxyError("the gateway made a mistake"))
        finally:
            if self._watch is not None:
                self._watch.stop()
            if self._stream is not None:
                self._stream.outlet.abandon()
                ledger.bytes += self._stream.outlet.sent
            ledger.end(Outcome.FAILED, "internal_error")
            gateway.closed(self)

    def interrupt(self, error: LLMProxyError) -> None:
        """End the exchange from outside, as at shutdown."""
        if self._watch is not None:
            self._watch.interrupt(error)

    async def _run(self) -> StreamResponse:
        gateway, ledger = self._gateway, self.ledger
        if gateway.draining:
            raise ShutdownError("the gateway is shutting down", retry_after=1)
        await gateway.access.admit(self._request)
        body = await read_body(self._request, gateway.settings.server)
        ask = self._front.peek(body)
        ledger.model, ledger.stream = ask.model, ask.stream
        plan = gateway.table.resolve(ask.model)
        backend = plan.backend
        ledger.backend = backend.name
        watch = self._watch = Watch(gateway.ticker, backend.settings.timeouts)
        gateway.gauges.add(OPEN_UPSTREAMS, 1)
        try:
            if isinstance(backend, VirtualBackend):
                return await self._virtual(backend, plan.model, ask, body, watch)
            return await self._upstream(backend, plan, ask, body, watch)
        finally:
            gateway.gauges.add(OPEN_UPSTREAMS, -1)

    # -- a backend that speaks the client's dialect

    async def _upstream(
        self,
        backend: HttpBackend,
        plan: Plan[Backend],
        ask: Ask,
        body: bytes,
        watch: Watch,
    ) -> StreamResponse:
        url = backend.url(self._front.dialect, self._operation)
        headers = backend.headers(http.to_upstream(self._request.headers))
        strip = plan.ask_usage and ask.stream and not ask.wants_usage
        if plan.model != ask.model:
            body = jsonsplice.rename(body, "model", plan.model)
        if strip:
            body = openai_chat.asking_for_usage(body)
        if ask.stream:
            self._begin_stream(self._passthrough(ask, strip=strip), watch)
        response = await backend.open(url, body, headers)
        try:
            kept = http.to_client(response.headers)
            self.ledger.upstream_request_id = http.upstream_id(kept)
            if response.status >= 300:
                raise await refusal(response)
            if not is_stream(response, ask.stream):
                watch.begin()
                return await self._whole(response, kept)
            stream = self._stream or self._begin_stream(self._passthrough(ask), watch)
            stream.answered(response.headers.get("Content-Type"), kept)
            return await stream.pump(response.content.readany)
        finally:
            # Frees the upstream at once, unless the answer was read to its end:
            # then its connection is back in the pool already.
            response.close()

    def _passthrough(self, ask: Ask, *, strip: bool = False) -> Passthrough:
        kind = UsageStripper if strip else Passthrough
        return kind(self.ledger, ask.choices, self._front.write_error_frame)

    async def _whole(
        self, response: ClientResponse, headers: Headers
    ) -> StreamResponse:
        ledger = self.ledger
        body = await read_whole(response, self._gateway.settings.server.max_reply)
        if self._stream is not None and await self._stream.outlet.is_open():
            raise BackendError(
                "the upstream answered late and in one piece; a stream had begun",
                code="upstream_did_not_stream",
            )
        ledger.heard()
        try:
            fault = account(ledger, body)
        except msgspec.DecodeError as exc:
            raise APIConnectionError(
                "the upstream's answer is not valid JSON, or not all of it came",
                code="upstream_invalid_reply",
            ) from exc
        if fault is not None:
            raise UpstreamAnswerError(fault, body, JSON, headers)
        ledger.end(Outcome.COMPLETED)
        content_type = response.headers.get("Content-Type", JSON)
        return await self._answer(response.status, body, content_type, headers)

    # -- a backend that answers in events

    async def _virtual(
        self, backend: VirtualBackend, model: str, ask: Ask, body: bytes, watch: Watch
    ) -> StreamResponse:
        if self._operation != "chat":
            raise RoutingError(
                f"backend {backend.name!r} does not offer {self._operation}",
                code="unsupported_operation",
                param="model",
            )
        request = self._front.read_request(body)
        created = int(time())
        writer = self._front.writer(ask.model, created, ask.wants_usage)
        relay = Rendering(self.ledger, writer, self._front.write_error_frame)
        if ask.stream:
            self._begin_stream(relay, watch)
        envelope = await backend.backend.chat_completions(request, [], model)
        if isinstance(envelope, ResponseEnvelope):
            return await self._reply(envelope, created)
        async with ending(envelope):
            stream = self._stream or self._begin_stream(relay, watch)
            stream.answered(None, http.to_client(envelope.headers))
            return await stream.pump(reading(envelope))

    async def _reply(self, envelope: ResponseEnvelope, created: int) -> StreamResponse:
        ledger, reply = self.ledger, envelope.content
        ledger.heard()
        ledger.upstream_id, ledger.upstream_model = reply.id, reply.model
        ledger.usage = reply.usage
        ledger.finish = {
            i: choice.finish
            for i, choice in enumerate(reply.choices)
            if choice.finish is not None
        }
        ledger.end(Outcome.COMPLETED)
        body = self._front.write_reply(reply, created=created)
        headers = http.to_client(envelope.headers)
        return await self._answer(envelope.status_code, body, JSON, headers)

    # -- towards the client

    def _begin_stream(self, relay: Passthrough | Rendering, watch: Watch) -> Stream:
        outlet = Outlet(
            self._request,
            self._gateway.settings.server,
            {http.REQUEST_ID: self.ledger.request_id},
            watch,
            relay,
        )
        self._stream = Stream(relay, outlet, watch)
        return self._stream

    async def _broken_off(self, error: LLMProxyError) -> StreamResponse:
        """Tell the client of *error*: by a status, or inside an open stream."""
        ledger, stream = self.ledger, self._stream
        if isinstance(error, StalledClientError):
            ledger.end(Outcome.CLIENT_STALLED, error.code)
            if self._request.transport is not None:
                self._request.transport.abort()  # closing would wait for the client
            raise ConnectionAbortedError(error.message)
        if stream is not None and await stream.outlet.is_open():
            return await stream.end(stream.relay.fail(error))
        ledger.end(_outcome_before_the_answer(error), error.code)
        if isinstance(error, UpstreamAnswerError):
            return await self._answer(
                error.status_code, error.body, error.content_type, error.headers
            )
        headers = {}
        if error.retry_after is not None:
            headers["retry-after"] = str(ceil(error.retry_after))
        body = self._front.write_error(error)
        return await self._answer(error.status_code, body, JSON, headers)

    async def _answer(
        self, status: int, body: bytes, content_type: str, headers: Headers
    ) -> StreamResponse:
        self.ledger.status = status
        self.ledger.bytes += len(body)
        headers["Content-Type"] = content_type
        headers[http.REQUEST_ID] = self.ledger.request_id
        headers["Server"] = http.SERVER
        response = Response(body=body, status=status, headers=headers)
        if status == 408 and self._request.transport is not None:
            # The rest of the body will not come: do not wait for it.
            await response.prepare(self._request)
            await response.write_eof()
            self._request.transport.close()
        return response

    def _client_left(self) -> None:
        gone = SessionCancelledError("the client has left")
        if self._stream is not None:
            # Who leaves right after the last word has got everything.
            self._stream.relay.fail(gone)
        self.ledger.end(Outcome.CLIENT_GONE, gone.code)
        self.ledger.status = self.ledger.status or gone.status_code


def _outcome_before_the_answer(error: LLMProxyError) -> Outcome:
    match error:
        case ShutdownError():
            return Outcome.SHUTDOWN
        case BackendError():
            return Outcome.UPSTREAM_FAILED
        case _:
            return Outcome.REFUSED


def is_stream(response: ClientResponse, wanted: bool) -> bool:
    """Tell a stream by its type; some servers forget it, some do not stream."""
    content_type = response.headers.get("Content-Type", "")
    if content_type.startswith("text/event-stream"):
        return True
    return wanted and "json" not in content_type


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
