"""
The short way from a request to its handler, for the paths that are asked for most.

aiohttp has a task for each connection, which is woken for each request, makes another
task and waits for it. Here the request's task is made where its head is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp.http import StreamWriter
from aiohttp.web import BaseRequest, PayloadAccessError, StreamResponse
from aiohttp.web_protocol import RequestHandler, _ErrInfo

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader
    from aiohttp.web import Server

Handler: TypeAlias = Callable[[Any], Awaitable[StreamResponse]]
Find: TypeAlias = Callable[[str], Handler | None]

_ANSWERED = PayloadAccessError("the request has been answered")


class ShortWay(RequestHandler):
    """
    A connection that takes the short way where it can.

    Only what is between reading a request and calling its handler differs. Parsing and
    queueing, a handler's errors, answers, time-outs and the end remain aiohttp's. As
    there, ``_waiter`` is a future while no request is served, and ``None`` otherwise.
    The connection's own task is made for the first request that is not for us; from
    then on it sleeps until there is another one.

    Args:
        direct: finds, by path and query, the handler of ``POST`` requests that need
            nothing of an application; ``None`` leaves all requests to aiohttp.
    """

    __slots__ = ("_asleep", "_context", "_direct", "_idle", "_own_task")

    def __init__(self, server: Server, direct: Find | None, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._direct = direct
        self._own_task: asyncio.Task[None] | None = None
        # What ``_waiter`` is again after a request: of nobody, or of the own task.
        self._asleep: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._context = copy_context()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._direct is not None:
            self._idle = self._waiter = self._loop.create_future()

    def start(self) -> Coroutine[Any, Any, None]:
        return super().start() if self._direct is None else _nothing()

    def data_received(self, data: bytes) -> None:
        asleep = self._waiter
        if self._direct is None or asleep is None or asleep.done():
            super().data_received(data)
            return
        self._waiter = None  # or else it would be woken
        super().data_received(data)
        if self._messages and self._take(asleep):
            return
        self._wake(asleep)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Leave out asking the parser for more of a body that is all here."""
        request = self._current_request
        if (
            self._direct is None
            or request is None
            or self._reading_paused
            or self._buffer_paused
            or not request.content.is_eof()
        ):
            super().resume_reading(resume_parser)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._asleep is not None:
            self._asleep.cancel()

    def _wake(self, asleep: asyncio.Future[None]) -> None:
        """Leave to the connection's own task what has come, if anything."""
        if not self._messages:
            self._waiter = asleep
        elif asleep is not self._idle:
            self._waiter = asleep
            asleep.set_result(None)
        else:
            task = self._loop.create_task(super().start(), context=self._context)
            self._task_handler = task

    def _take(self, asleep: asyncio.Future[None]) -> bool:
        message, payload = self._messages[0]
        manager, parser, direct = self._manager, self._parser, self._direct
        if isinstance(message, _ErrInfo) or manager is None or parser is None:
            return False
        # Who expects to be told to go on is answered by the application.
        if message.method != "POST" or message.upgrade or "Expect" in message.headers:
            return False
        handler = None if direct is None else direct(message.path)
        if handler is None:
            return False
        self._messages.popleft()
        parser.message_consumed()
        manager.requests_count += 1
        loop = self._loop
        writer = StreamWriter(self, loop)
        request = BaseRequest(message, payload, self, writer, None, loop)  # type: ignore[arg-type]
        self._asleep, self._own_task = asleep, self._task_handler
        # The client may leave, or the server end, before the task's first step.
        self._current_request, self._request_in_progress = request, True
        task = loop.create_task(self._serve(request, handler))
        request._task = self._task_handler = task  # noqa: SLF001
        return True

    async def _serve(self, request: BaseRequest, handler: Handler) -> None:
        alive = False
        start = self._loop.time() if self._logging_enabled else None
        try:
            response, gone = await self._handle_request(request, start, handler)
            if not gone:
                self._keepalive = bool(response.keep_alive)
                payload = request.content
                if not payload.is_eof():
                    await self._linger(payload)
                payload.set_exception(_ANSWERED)
                alive = self._keepalive
        except ConnectionError:
            self.log_debug("Ignored premature client disconnection")
        except asyncio.CancelledError:
            self.force_close()
            raise
        except Exception as exc:  # as aiohttp does
            self.log_exception("Unhandled exception", exc_info=exc)
            self.force_close()
        finally:
            request._task = None  # type: ignore[assignment]  # noqa: SLF001
            self._served(alive=alive)

    async def _linger(self, payload: StreamReader) -> None:
        """Read on for a while: who is still sending would miss the answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lingering_time):
                while not payload.is_eof() and not self._force_close:
                    await payload.readany()
        if not payload.is_eof():
            self.close()

    def _served(self, *, alive: bool) -> None:
        asleep, self._asleep = self._asleep, None
        own_task, self._own_task = self._own_task, None
        if asleep is None:
            return
        if not alive or self._close or self._force_close:
            asleep.cancel()
            if not self._force_close:
                self._task_handler = None
                if self.transport is not None:
                    self.transport.close()
            return
        self._task_handler = own_task
        due = self._loop.time() + self._keepalive_timeout
        self._next_keepalive_close_time = due
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(due, self._process_keepalive)
        self._wake(asleep)


async def _nothing() -> None:
    """Be the own task of a connection that needs none yet."""
