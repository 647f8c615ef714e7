"""One ``ClientSession`` per backend, with what aiohttp must be told for streams."""

from __future__ import annotations

import asyncio
import ssl
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import (
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler

from gateway import identity
from gateway.loops import LOOP_GUARD, OWN_ID, guard_value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import ClientRequest, ClientResponse

    from gateway.settings import Backend as BackendSettings
    from gateway.settings import Tls

# What may pile up, twice over, for a client who reads slowly.
READ_BUFFER = 64 * 1024

# Of the request that the current task sends: whether it went out on a new
# connection, and whether it must.
fresh: ContextVar[bool] = ContextVar("fresh", default=True)
pool_allowed: ContextVar[bool] = ContextVar("pool_allowed", default=True)


class _Protocol(ResponseHandler):
    """
    Tells a reader that is waiting for the body when its framing is broken.

    aiohttp 3.14 tells only who waits for a head; the others would wait for ever.
    """

    def set_exception(
        self, exc: BaseException, exc_cause: BaseException | None = None
    ) -> None:
        super().set_exception(exc, exc_cause or exc)
        payload = self._payload
        if payload is not None and not payload.is_eof() and not payload.exception():
            payload.set_exception(ClientPayloadError("malformed body"), exc)


class _Connector(TCPConnector):
    """Tells new connections from pooled ones, and can do without the pool."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        factory: Any = partial(_Protocol, loop=asyncio.get_running_loop())
        self._factory = factory

    async def _get(self, *args: Any, **kwargs: Any) -> Any:
        if pool_allowed.get():
            return await super()._get(*args, **kwargs)
        return None

    async def _create_connection(self, *args: Any, **kwargs: Any) -> Any:
        fresh.set(True)
        return await super()._create_connection(*args, **kwargs)


def make_session(
    settings: BackendSettings, *, guarded: bool = True, lent: bool = False
) -> ClientSession:
    """
    Return the session of one backend; call it where the event loop runs.

    Args:
        guarded: its requests carry the loop guard, if the settings want it.
        lent: somebody else's code sends the requests, and need not know of that.
    """
    limits, clocks = settings.limits, settings.timeouts
    guarded = guarded and settings.loop_guard
    connector = _Connector(
        # aiohttp's default of 100 counts open streams and would strangle them.
        limit=limits.connections,
        limit_per_host=limits.connections_per_host,
        keepalive_timeout=limits.keep_alive,
        ssl=ssl_context(settings.tls),
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        # No total: a stream may last. With a limit, waiting for a free connection
        # is not connecting.
        timeout=ClientTimeout(
            total=None,
            connect=None if limits.connections else clocks.connect,
            sock_connect=clocks.connect,
        ),
        read_bufsize=READ_BUFFER,
        # Compression would hold back a stream; nothing tells a cut one there.
        headers={
            "User-Agent": identity.user_agent(settings.identity),
            "Accept-Encoding": "identity",
            **({LOOP_GUARD: OWN_ID} if guarded else {}),
        },
        middlewares=(_carry,) if guarded and lent else (),
        proxy=settings.proxy.reveal() if settings.proxy else None,
        trust_env=False,
    )


async def _carry(
    request: ClientRequest, send: Callable[[ClientRequest], Awaitable[ClientResponse]]
) -> ClientResponse:
    """List the gateways that the request which is being served has passed."""
    carried = guard_value()
    if carried is not OWN_ID:
        request.headers[LOOP_GUARD] = carried
    return await send(request)


def ssl_context(tls: Tls) -> ssl.SSLContext | bool:
    """
    Return what aiohttp takes for ``ssl``.

    Raises:
        OSError: a file is missing or not what it should be.
    """
    if not tls.verify:
        return False
    if not (tls.ca_file or tls.cert_file):
        return True
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    return context
