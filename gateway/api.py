"""The paths of the gateway, and who answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import time
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from aiohttp import web
from aiohttp_sse import sse_response

import gateway
from gateway import http, models, pages, responses_api
from gateway.cors import marker, preflight
from gateway.dialects import (
    DOORS,
    GEMINI_PATH,
    Door,
    dialect_of,
    front,
    gemini_door,
)
from gateway.domain.errors import (
    InvalidRequestError,
    LLMProxyError,
    RequestLoopError,
    RoutingError,
)
from gateway.exchange import Exchange
from gateway.failures import JSON
from gateway.log import request_id
from gateway.loops import LOOP_GUARD, pass_on
from gateway.upstream import HttpBackend
from gateway.writing import FAST

if TYPE_CHECKING:
    from gateway.building import Backend
    from gateway.refreshing import Learned
    from gateway.state import Gateway

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Each connection has a task of its own, idle or not.
_CONNECTIONS = {"RequestHandler.start"}

_METHODS = {"DELETE", "GET", "HEAD", "POST"}


def build(site: Gateway) -> web.Application:
    """Return the application; it has no middleware, which would see each chunk."""
    api = _Api(site)
    app = web.Application()
    for path, door in DOORS.items():
        app.router.add_post(path, api.exchange(door))
    app.router.add_post(f"/{{rest:{GEMINI_PATH[1:]}}}", api.gemini)
    for method, path, handler in responses_api.routes(site):
        for prefix in ("/v1", ""):
            guarded = api.guarded(handler)
            app.router.add_route(method, prefix + path.removeprefix("/v1"), guarded)
    for path, handler in {
        **_of_models(api),
        "/livez": api.alive,
        "/health": api.alive,
        "/readyz": api.ready,
        "/version": api.version,
        "/admin/status": api.status,
        "/admin/events": api.events,
    }.items():
        app.router.add_get(path, api.guarded(handler))
    for page in pages.routes():
        app.router.add_get(page.path, api.guarded(page.handler))
    app.router.add_route("OPTIONS", "/{path:.*}", api.guarded(preflight))
    app.router.add_route("*", "/{path:.*}", api.guarded(api.nothing))
    if site.access.lets_pages_in:
        app.on_response_prepare.append(marker(site.access))
    return app


def _of_models(api: _Api) -> dict[str, Handler]:
    """Return the paths of the list, as base URLs are written."""
    prefixes = ("/v1", "", "/anthropic/v1", "/anthropic", "/v1beta", "/v1alpha")
    found: dict[str, Handler] = {}
    for prefix in prefixes:
        found[f"{prefix}/models"] = api.models
        found[f"{prefix}/models/{{id:.+}}"] = api.model
    return found


def direct(site: Gateway) -> Callable[[str], Handler | None]:
    """
    Return what finds the busiest paths' handlers, by the path with its query.

    It finds none where a hook must see their answers.
    """
    if site.access.lets_pages_in:
        return lambda _: None
    handlers = {path: _exchange(site, door) for path, door in DOORS.items()}

    def find(raw_path: str) -> Handler | None:
        handler = handlers.get(raw_path)
        if handler is not None:
            return handler
        if raw_path.startswith(("/v1beta/", "/v1/models/")):
            door = gemini_door(raw_path)
            return None if door is None else _exchange(site, door)
        path, mark, _ = raw_path.partition("?")
        return handlers.get(path) if mark else None

    return find


def _exchange(site: Gateway, door: Door) -> Handler:
    """Return a handler without a coroutine of its own."""
    return lambda request: Exchange(site, request, door).run()


class _Api:
    def __init__(self, site: Gateway) -> None:
        self._site = site
        self._started = int(time())

    def exchange(self, door: Door) -> Handler:
        site = self._site

        async def handle(request: web.Request) -> web.StreamResponse:
            return await Exchange(site, request, door).run()

        return handle

    async def gemini(self, request: web.Request) -> web.StreamResponse:
        door = gemini_door(request.raw_path)
        if door is None:
            return await self.guarded(self.nothing)(request)
        return await Exchange(self._site, request, door).run()

    def guarded(self, handler: Handler) -> Handler:
        """Return *handler* with its errors in the shape that clients expect."""

        async def handle(request: web.Request) -> web.StreamResponse:
            name = http.request_id(request.headers)
            request_id.set(name)
            try:
                if LOOP_GUARD in request.headers:
                    pass_on(request.headers, self._site.settings.server.max_hops)
                response = await handler(request)
            except LLMProxyError as error:
                response = _refused(request, error, error.status_code)
            if not response.prepared:
                response.headers[http.REQUEST_ID] = name
                response.headers["Server"] = http.SERVER
            return response

        return handle

    async def models(self, request: web.Request) -> web.Response:
        await self._site.access.admit(request)
        dialect = dialect_of(request.path, request.headers)
        listed = self._site.table.listed()
        return _json(models.write_list(dialect, listed, request.query, self._started))

    async def model(self, request: web.Request) -> web.Response:
        await self._site.access.admit(request)
        name = request.match_info["id"]
        listed = self._site.table.find(name)
        if listed is None:
            raise self._site.table.unknown(name)
        dialect = dialect_of(request.path, request.headers)
        return _json(models.write_model(dialect, listed, self._started))

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
                "losses": board.total("losses"),
                "running_tasks": self._tasks(),
                "writer": "fast" if site.writing is FAST else "aiohttp",
                "backends": {
                    name: _status(backend, site.learned.get(name))
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
        # Whatever follows a model's colon, Google's paths call a method.
        other_verb = path.startswith("/v1beta/") and request.method == "POST"
        if allowed and not (other_verb and ":" in path and "POST" not in allowed):
            error = InvalidRequestError(
                f"{path} is for {allowed}, not {request.method}",
                code="method_not_allowed",
            )
            response = _refused(request, error, 405)
            response.headers["Allow"] = allowed
            return response
        raise RoutingError(f"there is nothing at {path}", code="not_found")


def _refused(request: web.Request, error: LLMProxyError, status: int) -> web.Response:
    dialect = dialect_of(request.path, request.headers)
    return web.Response(
        body=front(dialect).write_error(error),
        status=status,
        content_type=JSON,
        headers=http.NO_RETRY if isinstance(error, RequestLoopError) else None,
    )


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


def _status(backend: Backend, learned: Learned | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"models": len(backend.models)}
    if isinstance(backend, HttpBackend):
        shown["client"] = "aiohttp" if backend.lane is None else "fast"
    if learned is not None:
        shown["discovery"] = learned.shown()
    return shown


def _name(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__qualname__", "")


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type=JSON
    )
