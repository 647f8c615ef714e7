"""One ``ClientSession`` per backend, with what aiohttp must be told for streams."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from gateway import identity
from gateway.lane.answer import READ_BUFFER
from gateway.lane.connection import LaneConnector
from gateway.lane.lane import Lane
from gateway.loops import LOOP_GUARD, OWN_ID, guard_value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import ClientRequest, ClientResponse

    from gateway.settings import Backend as BackendSettings
    from gateway.settings import Tls


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
    connector = LaneConnector(
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


def make_lane(session: ClientSession, settings: BackendSettings) -> Lane | None:
    """Return the fast way to use *session*, unless the settings do not want it."""
    connector = session.connector
    if settings.client != "fast" or not isinstance(connector, LaneConnector):
        return None
    proxy = settings.proxy.reveal() if settings.proxy else None
    return Lane(session, connector, proxy)


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
