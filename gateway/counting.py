"""Counts the tokens of a request where the client's own dialect cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import http
from gateway.domain.estimate import estimate
from gateway.failures import JSON
from gateway.translating import Call, for_upstream
from gateway.upstream import HttpBackend
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from aiohttp.web import StreamResponse

    from gateway.building import Backend
    from gateway.exchange import Exchange
    from gateway.fronts.base import Ask
    from gateway.plugin import Headers
    from gateway.routes import Plan


async def counted(
    exchange: Exchange, backend: Backend, plan: Plan[Backend], ask: Ask
) -> StreamResponse:
    """
    Answer with the backend's count, or else with an estimate that says so.

    Raises:
        LLMProxyError: the request is wrong, or the backend fails over it.
    """
    front = exchange.front
    if front.read_count is None or front.write_count is None:
        raise exchange.unsupported(backend.name)
    asked = for_upstream(front.read_count(exchange.body, ask), plan.model, ask)
    headers: Headers = {}
    call = _call(exchange, backend, plan, ask)
    count = None
    if call is not None and (write := call.translator.write_count) is not None:
        read = call.translator.read_count
        written = write(asked)
        call.check(written)
        response = await call.open(written)
        try:
            json = await call.json(response)
        finally:
            response.close()
        headers = http.to_client(response.headers)
        count = whole(read, json) if read is not None else None
    guess = count is None
    if count is None:
        count = estimate(asked)
        headers = {http.ESTIMATE: "true"}
    return await exchange.complete(200, front.write_count(count, guess), JSON, headers)


def _call(
    exchange: Exchange, backend: Backend, plan: Plan[Backend], ask: Ask
) -> Call | None:
    if not isinstance(backend, HttpBackend):
        return None
    target = backend.foreign("count_tokens", ask, plan.model)
    if target is None or target.dialect.translator is None:
        return None
    return Call(exchange, backend, target, target.dialect.translator, plan)
