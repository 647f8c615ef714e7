"""
The server's side of a connection, stricter than aiohttp's own.

A client that has sent half of a request's head is not idle and not served: it
gets a time-out of its own. And a client that has closed its side is gone, even
while what was written to it still waits to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import structlog
from aiohttp.web import (
    AppRunner,
    RequestPayloadError,
    Response,
    Server,
    StreamResponse,
)
from aiohttp.web_protocol import _ErrInfo

from gateway.dialects import dialect_of, front
from gateway.domain.errors import InvalidRequestError, LLMProxyError
from gateway.failures import JSON
from gateway.lane.serving import Find, Handler, ShortWay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from aiohttp.web import BaseRequest
    from aiohttp.web_protocol import RequestHandler

_log = structlog.get_logger()


class Flow(Protocol):
    """Who is told how fast a client takes what is written to it."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Connection(ShortWay):
    """
    Leans on ``_waiter``, which is set while no request is being served.

    Attributes:
        flow: told when too much waits for the client, and when it has been taken.
    """

    __slots__ = ("_head_timeout", "_head_timer", "flow")

    def __init__(
        self,
        server: Server,
        head_timeout: float,
        direct: Find | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(server, direct, **kwargs)
        self.flow: Flow | None = None
        self._head_timeout = head_timeout
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages or self._request_in_progress:
            if self._head_timer is not None:
                self._stop_timer()
            if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
                self._tell_reader()
        elif self._head_timer is None:
            self._await_head()

    def eof_received(self) -> None:
        # A plain close would first wait until the client has read everything.
        if self._request_in_progress and self.transport is not None:
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.flow is not None:
            self.flow.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.flow is not None:
            self.flow.resume()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """Answer what is no HTTP, or a mistake of ours, in the usual shape."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client has left
        if status >= 500:
            _log.error("request.failed", exc_info=exc)
            if request.writer.output_size > 0:
                raise ConnectionAbortedError("too late for another answer")
            error = LLMProxyError("the gateway made a mistake")
        else:
            # What follows the first line quotes the client's bytes.
            _log.info("request.malformed", reason=(message or "").partition("\n")[0])
            error = InvalidRequestError(
                "the request is not valid HTTP", code="malformed_http"
            )
        speaker = front(dialect_of(request.path, request.headers))
        body = speaker.write_error(error)
        response = Response(status=status, body=body, content_type=JSON)
        response.force_close()
        return response

    def _tell_reader(self) -> None:
        """Fail the body that is being read: what came for it is malformed."""
        request = self._current_request
        if request is not None and not request.content.is_eof():
            request.content.set_exception(RequestPayloadError("malformed body"))

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(self._head_timeout, self._too_late)

    def _too_late(self) -> None:
        self._head_timer = None
        if self._waiter is not None and not self._waiter.done():
            self.force_close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _Server(Server):
    head_timeout: float
    direct: Find | None

    @classmethod
    def of(
        cls, server: Server, head_timeout: float, direct: Find, *, fast: bool
    ) -> _Server:
        made = cls.__new__(cls)
        made.__dict__.update(server.__dict__)
        made.head_timeout = head_timeout
        made.direct = direct if fast else None
        # Also of a fast server: some requests it leaves to aiohttp.
        made.request_handler = _short_cut(direct, server.request_handler)
        return made

    def __call__(self) -> RequestHandler:
        return Connection(
            self, self.head_timeout, self.direct, loop=self._loop, **self._kwargs
        )


def _short_cut(direct: Find, usual: Handler) -> Handler:
    """
    Return a handler that leaves out what an application does for each request.

    To find the route, to freeze what it found and to ask for hooks costs a
    twentieth of a request.
    """

    def handle(request: BaseRequest) -> Awaitable[StreamResponse]:
        # Who expects to be told to go on is answered by the application.
        if request.method == "POST" and "Expect" not in request.headers:
            handler = direct(request.raw_path)
            if handler is not None:
                return handler(request)
        return usual(request)

    return handle


class Runner(AppRunner):
    """
    An ``AppRunner`` whose connections are `Connection`s.

    Args:
        direct: finds, by path and query, the handler of ``POST`` requests that need
            nothing of the application, such as its hooks.
        fast: they take the short way of `gateway.lane.serving`.
    """

    __slots__ = ("_direct", "_fast", "_head_timeout")

    def __init__(
        self,
        app: Any,
        *,
        head_timeout: float,
        direct: Find,
        fast: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, **kwargs)
        self._fast = fast
        self._head_timeout = head_timeout
        self._direct = direct

    async def _make_server(self) -> Server:
        server = await super()._make_server()
        # Only the connections and the way to a handler differ.
        return _Server.of(server, self._head_timeout, self._direct, fast=self._fast)
