"""
The backends' side of the network: one ``ClientSession`` per configured backend.
"""

from __future__ import annotations

import asyncio
import ssl
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import (
    ClientError,
    ClientOSError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from attrs import define, field
from yarl import URL

import gateway
from gateway.domain.errors import (
    APITimeoutError,
    AuthenticationError,
    BackendError,
    RoutingError,
)
from gateway.failures import mapped, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.plugin import Connector, LLMBackend
    from gateway.secret import Secret
    from gateway.settings import Backend as BackendSettings
    from gateway.settings import Tls

DISCOVERY_DEADLINE = 5.0
MAX_MODEL_LIST = 16 * 1024 * 1024
# What may pile up, twice over, for a client who reads slowly.
READ_BUFFER = 64 * 1024

# Of the request that the current task sends: whether it went out on a new
# connection, and whether it must.
_fresh: ContextVar[bool] = ContextVar("fresh", default=True)
_pool_allowed: ContextVar[bool] = ContextVar("pool_allowed", default=True)


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
        if _pool_allowed.get():
            return await super()._get(*args, **kwargs)
        return None

    async def _create_connection(self, *args: Any, **kwargs: Any) -> Any:
        _fresh.set(True)
        return await super()._create_connection(*args, **kwargs)


def make_session(settings: BackendSettings) -> ClientSession:
    """Return the session of one backend; call it where the event loop runs."""
    limits, clocks = settings.limits, settings.timeouts
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
            "User-Agent": f"sluicegate/{gateway.__version__}",
            "Accept-Encoding": "identity",
        },
        proxy=settings.proxy.reveal() if settings.proxy else None,
        trust_env=False,
    )


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


class _Stale(Exception):  # noqa: N818 - it never leaves this module
    """The upstream had closed a pooled connection; nothing was received."""


@define(eq=False)
class HttpBackend:
    """
    One configured instance of a declared connector.

    Attributes:
        models: configured or discovered; empty means unknown.
        closed_list: the list was configured, so other names are mistakes.
    """

    name: str
    connector: Connector
    settings: BackendSettings
    base_url: str
    key: Secret | None
    session: ClientSession
    models: tuple[str, ...] = ()
    closed_list: bool = False
    _urls: dict[str, URL] = field(factory=dict)

    def url(self, protocol: str, operation: str) -> URL:
        """
        Return where *operation* of *protocol* is offered.

        Raises:
            RoutingError: it is not.
        """
        try:
            return self._urls[operation]
        except KeyError:
            pass
        for dialect in self.connector.speaks:
            if dialect.protocol == protocol and operation in dialect.paths:
                url = URL(self.base_url + dialect.paths[operation], encoded=True)
                return self._urls.setdefault(operation, url)
        raise RoutingError(
            f"backend {self.name!r} does not offer {operation}",
            code="unsupported_operation",
            param="model",
        )

    def headers(self, extra: Mapping[str, str]) -> dict[str, str]:
        """
        Return *extra* with the credentials and the configured headers on top.

        Raises:
            AuthenticationError: there is no key.
        """
        headers = dict(extra)
        if self.key is not None:
            headers.update(self.connector.auth(self.key.reveal()))
        elif not self.connector.key_optional:
            names = " or ".join(self.connector.key_env) or "api_key"
            raise AuthenticationError(
                f"backend {self.name!r} has no API key: set {names}",
                code="missing_api_key",
            )
        for name, value in self.settings.headers.items():
            headers[name] = value.reveal()
        return headers

    async def open(
        self, url: URL, body: bytes, headers: dict[str, str]
    ) -> ClientResponse:
        """
        Send a request and return once the answer's head is there.

        A pooled connection that the upstream had closed is not the request's
        fault: where nothing was received it is sent again.

        Raises:
            BackendError: one of its children, as `mapped` says.
        """
        _pool_allowed.set(True)
        try:
            return await self._post(url, body, headers)
        except _Stale:
            _pool_allowed.set(False)
            return await self._post(url, body, headers)

    async def _post(
        self, url: URL, body: bytes, headers: dict[str, str]
    ) -> ClientResponse:
        _fresh.set(False)
        try:
            return await self.session.post(
                url, data=body, headers=headers, allow_redirects=False
            )
        except (ServerDisconnectedError, ClientOSError) as exc:
            if _fresh.get():
                raise mapped(exc) from exc
            raise _Stale from exc
        except (ClientError, TimeoutError, OSError) as exc:
            raise mapped(exc) from exc

    async def discover(self) -> None:
        """
        Ask the backend which models it has.

        Raises:
            LLMProxyError: it did not tell.
        """
        url = URL(self.base_url + self.connector.models_path, encoded=True)
        try:
            async with (
                asyncio.timeout(DISCOVERY_DEADLINE),
                self.session.get(
                    url, headers=self.headers({}), allow_redirects=False
                ) as response,
            ):
                body = await read_whole(response, MAX_MODEL_LIST)
        except TimeoutError as exc:
            raise APITimeoutError("no answer to the list of models") from exc
        except (ClientError, OSError) as exc:
            raise mapped(exc) from exc
        if response.status != 200:
            raise BackendError(f"status {response.status} for the list of models")
        self.models = _model_ids(body)

    async def close(self) -> None:
        await self.session.close()


@define(eq=False)
class VirtualBackend:
    """One configured instance of an `LLMBackend`, which answers in events."""

    name: str
    settings: BackendSettings
    backend: LLMBackend
    session: ClientSession
    closed_list: bool = False

    @property
    def models(self) -> tuple[str, ...]:
        return self.settings.models or tuple(self.backend.get_available_models())

    async def discover(self) -> None:
        extra = dict(self.settings.extra)
        key = self.settings.api_key
        await self.backend.initialize(
            api_key=key.reveal() if key else None,
            api_base_url=self.settings.api_base_url,
            models=list(self.settings.models),
            **extra,
        )

    async def close(self) -> None:
        await self.backend.close()
        await self.session.close()


def _model_ids(body: bytes) -> tuple[str, ...]:
    try:
        json = msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        raise BackendError("the list of models is not JSON") from exc
    rows = json.get("data") if isinstance(json, dict) else json  # Together: a list
    if not isinstance(rows, list):
        raise BackendError("the list of models has no rows")
    ids = (row.get("id") for row in rows if isinstance(row, dict))
    return tuple(dict.fromkeys(name for name in ids if isinstance(name, str) and name))
