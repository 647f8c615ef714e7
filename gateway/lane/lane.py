"""Sends requests over a session's connections, past aiohttp's client."""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientRequest, ConnectionTimeoutError
from attrs import frozen
from yarl import URL

from gateway.failures import mapped
from gateway.lane.answer import LaneAnswer
from gateway.lane.connection import LaneConnection, LaneConnector
from gateway.lane.stale import StaleError, again_if_stale
from gateway.wire.http1 import header_lines, request_head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession
    from aiohttp.connector import Connection

# Where the model's name is part of the path, each model has an address of its own.
MOST_ROUTES = 1000
# Of sets of headers; most requests to a backend have the same.
MOST_LINES = 256
# Below it, to join head and body is cheaper than to write them one by one.
_JOINED = 64 * 1024


@frozen
class _Route:
    """
    Attributes:
        key: under which the connector keeps connections to there.
        start: of each request's head: its first line, the host, and the session's
            own headers.
        headers: those that are in it.
    """

    key: Any
    start: bytes
    headers: Mapping[str, str]


class Lane:
    """
    One session's fast lane.

    The session's connector still makes, pools, secures and limits the connections,
    and the session's default headers are sent.
    """

    def __init__(
        self, session: ClientSession, connector: LaneConnector, proxy: str | None
    ) -> None:
        self._session = session
        self._connector = connector
        self._proxy = None if proxy is None else URL(proxy)
        self._headers = {n.lower(): v for n, v in session.headers.items()}
        self._headers.setdefault("accept", "*/*")
        self._routes: dict[tuple[str, URL], _Route] = {}
        self._lines = lru_cache(MOST_LINES)(_lines)

    def carries(self, url: URL) -> bool:
        """Tell whether requests to *url* can go this way."""
        # To a proxy that is no tunnel one writes in another way.
        return self._proxy is None or url.scheme == "https"

    async def ask(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str]
    ) -> LaneAnswer:
        """
        Send a request and return once the answer's head is there.

        A pooled connection that the upstream had closed is not the request's fault:
        where nothing was received it is sent again, once, over a new one.

        Args:
            headers: beside the session's own, or instead of them.

        Raises:
            LLMProxyError: there is no answer.
        """
        route = self._routes.get((method, url)) or self._route(method, url)
        head = self._head(method, url, route, headers, len(body))
        return await again_if_stale(partial(self._once, route, url, head, body))

    async def _once(
        self, route: _Route, url: URL, head: bytes, body: bytes
    ) -> LaneAnswer:
        connection = await self._connector.pooled(route.key)
        if connection is None:
            connection = await self._connect(url)
        return await self._over(connection, head, body)

    def _route(self, method: str, url: URL) -> _Route:
        if len(self._routes) >= MOST_ROUTES:
            self._routes.clear()
        request = self._request(url)
        headers = {"host": request.headers["Host"], **self._headers}
        start = request_head(method, url.raw_path_qs, headers)[:-2]
        route = _Route(request.connection_key, start, headers)
        self._routes[method, url] = route
        return route

    def _head(
        self,
        method: str,
        url: URL,
        route: _Route,
        headers: Mapping[str, str],
        length: int,
    ) -> bytes:
        """Return a request's head; of most requests it differs in its last line."""
        lines, names = self._lines(tuple(headers.items()))
        start = route.start
        if not names.isdisjoint(route.headers):
            kept = {n: v for n, v in route.headers.items() if n not in names}
            start = request_head(method, url.raw_path_qs, kept)[:-2]
        return b"%b%bcontent-length: %d\r\n\r\n" % (start, lines, length)

    def _request(self, url: URL) -> ClientRequest:
        """Return what a connector wants to know."""
        loop = asyncio.get_running_loop()
        return ClientRequest(
            "POST", url, loop=loop, session=self._session, proxy=self._proxy
        )

    async def _connect(self, url: URL) -> Connection:
        request, timeout = self._request(url), self._session.timeout
        try:
            return await self._connector.connect(request, [], timeout)
        except TimeoutError as exc:
            raise mapped(ConnectionTimeoutError()) from exc
        except (ClientError, OSError) as exc:
            raise mapped(exc) from exc

    async def _over(
        self, connection: Connection, head: bytes, body: bytes
    ) -> LaneAnswer:
        protocol = connection.protocol
        if not isinstance(protocol, LaneConnection) or protocol.transport is None:
            connection.close()
            raise StaleError(mapped(ConnectionResetError()))
        answer = LaneAnswer(connection, protocol)
        try:
            if len(body) < _JOINED:
                protocol.transport.write(head + body)
            else:
                protocol.transport.writelines((head, body))
            await answer.head()
        except BaseException:
            answer.close()
            raise
        return answer


def _lines(items: tuple[tuple[str, str], ...]) -> tuple[bytes, frozenset[str]]:
    """Return headers as they are sent, and their names in lower case."""
    headers = {name.lower(): value for name, value in items}
    headers.pop("content-length", None)  # of the body as it is, and not as it was
    return header_lines(headers), frozenset(headers)
