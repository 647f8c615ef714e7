"""
One request, from its body to the last byte of its answer.

Whatever happens, the upstream is freed, the ledger is settled and told to the
journal, and no task is left. How an answer is got is in rooms of its own:
`gateway.passing`, `gateway.translating`, `gateway.virtual`.
"""

from __future__ import annotations

import asyncio
import random
from math import ceil
from time import time
from typing import TYPE_CHECKING

from gateway import http, losses, passing
from gateway.dialects import ANTHROPIC, OPENAI_RESPONSES, Door, front
from gateway.domain.errors import (
    BackendError,
    LLMProxyError,
    RequestLoopError,
    RoutingError,
    SessionCancelledError,
)
from gateway.failures import JSON, UpstreamAnswerError
from gateway.fronts.base import Context
from gateway.gauges import OPEN_UPSTREAMS
from gateway.intake import read_body
from gateway.ledger import Ledger, Outcome
from gateway.log import request_id
from gateway.loops import LOOP_GUARD, pass_on
from gateway.outlet import Outlet
from gateway.recall import Recalled
from gateway.relay import ShutdownError, StalledClientError
from gateway.secret import without_known
from gateway.stream import Stream
from gateway.targets import unsupported
from gateway.upstream import HttpBackend
from gateway.watch import Watch

if TYPE_CHECKING:
    from aiohttp.web import Request, StreamResponse

    from gateway.building import Backend
    from gateway.domain.request import Request as Asked
    from gateway.fronts.base import Ask
    from gateway.plugin import Headers
    from gateway.relay import Relay
    from gateway.routes import Plan
    from gateway.state import Gateway


class Exchange:
    """
    Serves one request; call `run` once.

    Args:
        gateway: what all exchanges share.
        door: where the request came in.

    Attributes:
        watch: the clocks, once the request is read.
        stream: set once there is a relay, though nothing need be out yet.
        caller: who asks, as `gateway.access` names them.
        body: the request's, until the upstream has answered.
    """

    __slots__ = (
        "_watch",
        "body",
        "caller",
        "door",
        "front",
        "gateway",
        "ledger",
        "request",
        "stream",
    )

    def __init__(self, gateway: Gateway, request: Request, door: Door) -> None:
        self.gateway = gateway
        self.request = request
        self.door = door
        self.front = front(door.dialect)
        self.ledger = Ledger(http.request_id(request.headers), door.dialect, door.kind)
        self._watch: Watch | None = None
        self.stream: Stream | None = None
        self.caller = ""
        self.body = b""
        request_id.set(self.ledger.request_id)

    async def run(self) -> StreamResponse:
        """
        Answer the request.

        Raises:
            CancelledError: the client left.
            ConnectionError: likewise.
        """
        gateway, ledger = self.gateway, self.ledger
        gateway.opened(self)
        try:
            return await self._run()
        except asyncio.CancelledError:
            error = self._watch.caught() if self._watch is not None else None
            if error is None:
                self._client_left()
                raise
            return await self._tell(error)
        except ConnectionError:
            self._client_left()
            raise
        except LLMProxyError as error:
            return await self._tell(error)
        except Exception:
            # The last resort: a mistake of ours must not end without a word.
            gateway.log.exception("exchange.failed")
            ledger.end(Outcome.FAILED, "internal_error")
            return await self._tell(LLMProxyError("the gateway made a mistake"))
        finally:
            if self._watch is not None:
                self._watch.stop()
            if self.stream is not None:
                self.stream.outlet.abandon()
                ledger.bytes += self.stream.outlet.sent
            ledger.end(Outcome.FAILED, "internal_error")
            gateway.closed(self)

    def interrupt(self, error: LLMProxyError) -> None:
        """End the exchange from outside, as at shutdown."""
        if self._watch is not None:
            self._watch.interrupt(error)

    async def _run(self) -> StreamResponse:
        gateway, ledger = self.gateway, self.ledger
        if LOOP_GUARD in self.request.headers:
            pass_on(self.request.headers, gateway.settings.server.max_hops)
        if gateway.draining:
            raise ShutdownError("the gateway is shutting down", retry_after=1)
        self.caller = await gateway.access.admit(self.request)
        self.body = await read_body(self.request, gateway.settings.server)
        ask = self.front.peek(self.body, self.door.ask)
        ledger.model, ledger.stream = ask.model, ask.stream
        plan = gateway.table.resolve(ask.model)
        backend = plan.backend
        ledger.backend = backend.name
        self._watch = Watch(gateway.ticker, backend.settings.timeouts)
        gateway.gauges.add(OPEN_UPSTREAMS, 1)
        try:
            return await self._ask(backend, plan, ask)
        finally:
            gateway.gauges.add(OPEN_UPSTREAMS, -1)

    async def _ask(
        self, backend: Backend, plan: Plan[Backend], ask: Ask
    ) -> StreamResponse:
        operation = self.door.operation
        if isinstance(backend, HttpBackend):
            target = backend.native(self.door.dialect, operation, ask, plan.model)
            if target is not None and passing.may_pass(target, operation, self.body):
                return await passing.passed(self, backend, target, plan, ask)
        # Each loaded when the first request needs it.
        if operation == "count_tokens":
            from gateway.counting import counted

            return await counted(self, backend, plan, ask)
        if isinstance(backend, HttpBackend):
            from gateway.translating import translated

            return await translated(self, backend, plan, ask)
        from gateway.virtual import answered

        return await answered(self, backend, plan, ask)

    # -- what the rooms need

    @property
    def watch(self) -> Watch:
        if self._watch is None:
            raise RuntimeError("the request is not read yet")
        return self._watch

    def unsupported(self, backend: str, model: str = "") -> RoutingError:
        return unsupported(backend, self.door.kind, model)

    async def recall(
        self, backend: str, body: bytes, *, stores: bool, passes: bool
    ) -> Recalled:
        """Return the request with the earlier answers that it refers to."""
        if self.door.dialect != OPENAI_RESPONSES:
            return Recalled(body)
        return await self.gateway.responses.recall(
            self.caller, backend, stores, body, passes=passes
        )

    def context(
        self, ask: Ask, request: Asked | None = None, *, foreign: bool = False
    ) -> Context:
        name = f"{random.getrandbits(96):024x}"
        return Context(ask, int(time()), name, request, foreign)

    def own_headers(self) -> Headers:
        ledger = self.ledger
        headers = {http.REQUEST_ID: ledger.request_id}
        if self.door.dialect == ANTHROPIC:  # whose SDK looks for it there
            headers["request-id"] = ledger.request_id
        if ledger.losses:
            headers[http.LOSS] = losses.header(ledger.losses.values())
        return headers

    def begin_stream(self, relay: Relay, ask: Ask) -> Stream:
        headers = self.own_headers()
        headers["Content-Type"] = self.front.content_type(ask)
        watch, alive = self.watch, self.front.keep_alive(ask)
        settings = self.gateway.settings.server
        writing = self.gateway.writing
        outlet = Outlet(self.request, settings, headers, watch, relay, alive, writing)
        self.stream = Stream(relay, outlet, watch)
        return self.stream

    async def complete(
        self, status: int, body: bytes, content_type: str, headers: Headers
    ) -> StreamResponse:
        """Settle the ledger, and send the whole answer."""
        self.ledger.end(Outcome.COMPLETED)
        return await self.answer(status, body, content_type, headers)

    async def answer(
        self, status: int, body: bytes, content_type: str, headers: Headers
    ) -> StreamResponse:
        self.ledger.status = status
        self.ledger.bytes += len(body)
        headers = self.own_headers() | headers
        headers["Content-Type"] = content_type
        headers["Server"] = http.SERVER
        response = self.gateway.writing.whole(status, headers, body)
        if status == 408 and self.request.transport is not None:
            # The rest of the body will not come: do not wait for it.
            await response.prepare(self.request)
            await response.write_eof()
            self.request.transport.close()
        return response

    # -- when it fails

    async def _tell(self, error: LLMProxyError) -> StreamResponse:
        """Do as `_broken_off`; the client may leave even now."""
        try:
            return await self._broken_off(error)
        except (asyncio.CancelledError, ConnectionError):
            self._client_left()
            raise

    async def _broken_off(self, error: LLMProxyError) -> StreamResponse:
        """Tell the client of *error*: by a status, or inside an open stream."""
        ledger, stream = self.ledger, self.stream
        if isinstance(error, StalledClientError):
            ledger.end(Outcome.CLIENT_STALLED, error.code)
            if self.request.transport is not None:
                self.request.transport.abort()  # closing would wait for the client
            raise ConnectionAbortedError(error.message)
        if stream is not None and await stream.outlet.is_open():
            return await stream.end(stream.relay.fail(error))
        ledger.end(_outcome_before_the_answer(error), error.code)
        headers: Headers = {}
        if isinstance(error, UpstreamAnswerError):
            headers = error.headers
            if error.verbatim:
                return await self.answer(
                    error.status_code, error.body, error.content_type, headers
                )
        if isinstance(error, RequestLoopError):
            headers |= http.NO_RETRY
        if error.retry_after is not None:
            headers.setdefault("retry-after", str(ceil(error.retry_after)))
        # Some upstreams quote the key when they complain about it.
        body = without_known(self.front.write_error(error))
        return await self.answer(error.status_code, body, JSON, headers)

    def _client_left(self) -> None:
        gone = SessionCancelledError("the client has left")
        if self.stream is not None:
            # Who leaves right after the last word has got everything.
            self.stream.relay.fail(gone)
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
