"""The paths of the gateway, and who answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import time
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from aiohttp import web
from aiohttp_sse import sse_response
from structlog.contextvars import bind_contextvars

import gateway
from gateway import http, pages
from gateway.cors import marker, preflight
from gateway.domain.errors import InvalidRequestError, LLMProxyError, RoutingError
from gateway.exchange import Exchange
from gateway.failures import JSON

if TYPE_CHECKING:
    from gateway.routes import Listed
    from gateway.state import Gateway

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OPERATIONS = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/embeddings": "embeddings",
}

# Each connection has a task of its own, idle or not.
_CONNECTIONS = {"RequestHandler.start"}

_METHODS = {"GET", "HEAD", "POST"}


def build(site: Gateway) -> web.Application:
    """Return the application; it has no middleware, which would see each chunk."""
    api = _Api(site)
    app = web.Application()
    for path, operation in _OPERATIONS.items():
        # Base URLs are written with and without the version.
        app.router.add_post(f"/v1{path}", api.exchange(operation))
        app.router.add_post(path, api.exchange(operation))
    for path, handler in {
        "/v1/models": api.models,
        "/v1/models/{id:.+}": api.model,
        "/models": api.models,
        "/models/{id:.+}": api.model,
        "/livez": api.alive,
        "/health": api.alive,
        "/readyz": api.ready,
        "/version": api.version,
        "/admin/status": api.status,
        "/admin/events": api.events,
    }.items():
        app.router.add_get(path, api.guarded(handler))
    app.router.add_routes(pages.routes())
    app.router.add_route("OPTIONS", "/{path:.*}", preflight)
    app.router.add_route("*", "/{path:.*}", api.guarded(api.nothing))
    if site.access.lets_pages_in:
        app.on_response_prepare.append(marker(site.access))
    return app


def direct(site: Gateway) -> dict[str, Handler]:
    """Return the busiest paths' handlers, where no hook must see their answers."""
    if site.access.lets_pages_in:
        return {}

    def handler(operation: str) -> Handler:
        return lambda request: Exchange(site, request, operation).run()

    return {f"/v1{path}": handler(name) for path, name in _OPERATIONS.items()}


class _Api:
    def __init__(self, site: Gateway) -> None:
        self._site = site
        self._started = int(time())

    def exchange(self, operation: str) -> Handler:
        site = self._site

        async def handle(request: web.Request) -> web.StreamResponse:
            return await Exchange(site, request, operation).run()

        return handle

    def guarded(self, handler: Handler) -> Handler:
        """Return *handler* with its errors in the shape that clients expect."""

        async def handle(request: web.Request) -> web.StreamResponse:
            name = http.request_id(request.headers)
            bind_contextvars(request_id=name)
            try:
                response = await handler(request)
            except LLMProxyError as error:
                response = web.Response(
                    body=self._site.front.write_error(error),
                    status=error.status_code,
                    content_type=JSON,
                )
            if not response.prepared:
                response.headers[http.REQUEST_ID] = name
                response.headers["Server"] = http.SERVER
            return response

        return handle

    async def models(self, request: web.Request) -> web.Response:
        await self._site.access.admit(request)
        rows = [self._row(listed) for listed in self._site.table.listed()]
        return _json({"object": "list", "data": rows})

    async def model(self, request: web.Request) -> web.Response:
        await self._site.access.admit(request)
        name = request.match_info["id"]
        listed = self._site.table.find(name)
        if listed is None:
            raise self._site.table.unknown(name)
        return _json(self._row(listed))

    def _row(self, listed: Listed) -> dict[str, Any]:
        return {
            "id": listed.id,
            "object": "model",
            "created": self._started,
            "owned_by": listed.owner,
        }

    async def alive(self, _request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def ready(self, _request: web.Request) -> web.Response:
        if self._site.draining:
            return _json({"status": "draining"}, 503)
        return _json({"status": "ready"})

    async def version(self, _request: web.Request) -> web.Response:
        return _json({"name": "sluicegate", "version": gateway.__version__})

    async def status(self, request: web.Request) -> web.Response:
        site = self._site
        await site.access.admit_admin(request)
        board = site.board
        return _json(
            {
                "status": "draining" if site.draining else "ready",
                "version": gateway.__version__,
                "worker": site.worker,
                "workers": board.workers,
                # Of all workers; the tasks are of the one that answers.
                "open_upstreams": board.total("open_upstreams"),
                "active_exchanges": board.total("active_exchanges"),
                "exchanges": board.total("exchanges"),
                "listeners": board.total("listeners"),
                "running_tasks": self._tasks(),
                "backends": {
                    name: {"models": len(backend.models)}
                    for name, backend in site.backends.items()
                },
            }
        )

    def _tasks(self) -> int:
        """Count the tasks of exchanges, and any that one has left behind."""
        others = self._site.standing | {asyncio.current_task()}
        return sum(
            task not in others and _name(task) not in _CONNECTIONS
            for task in asyncio.all_tasks()
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Feed finished exchanges, fit for a browser's ``EventSource``."""
        await self._site.access.admit_admin(request)
        with self._site.journal.listen() as queue:
            async with sse_response(request, sep="\n") as response:
                while (fields := await queue.get()) is not None:
                    await response.send(
                        msgspec.json.encode(fields).decode(),
                        id=fields["request_id"],
                        event="exchange.done",
                    )
            return response

    async def nothing(self, request: web.Request) -> web.Response:
        path = request.path
        allowed = _allowed(request.app, path)
        if allowed:
            error = InvalidRequestError(
                f"{path} is for {allowed}, not {request.method}",
                code="method_not_allowed",
            )
            return web.Response(
                body=self._site.front.write_error(error),
                status=405,
                headers={"Allow": allowed},
                content_type=JSON,
            )
        raise RoutingError(f"there is nothing at {path}", code="not_found")


def _allowed(app: web.Application, path: str) -> str:
    """Return the methods that *path* is for, in words; none if it is unknown."""
    found = set()
    for route in app.router.routes():
        info = route.resource.get_info() if route.resource is not None else {}
        pattern = info.get("pattern")
        fits = pattern.fullmatch(path) if pattern else info.get("path") == path
        if fits and route.method in _METHODS:
            found.add(route.method)
    return ", ".join(sorted(found))


def _name(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__qualname__", "")


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type=JSON
    )
