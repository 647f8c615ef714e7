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
from attrs import define, evolve, field
from yarl import URL

import gateway
from gateway.domain.errors import (
    APITimeoutError,
    AuthenticationError,
    BackendError,
)
from gateway.failures import mapped, read_whole
from gateway.targets import Target, operation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.fronts.base import Ask
    from gateway.plugin import Connector, Dialect, Headers, LLMBackend
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
        speaks: the dialects of this instance, the preferred one first.
        bases: where each begins, by protocol.
        models: configured or discovered; empty means unknown.
        closed_list: the list was configured, so other names are mistakes.
    """

    name: str
    connector: Connector
    settings: BackendSettings
    speaks: tuple[Dialect, ...]
    bases: Mapping[str, str]
    key: Secret | None
    session: ClientSession
    models: tuple[str, ...] = ()
    closed_list: bool = False
    _targets: dict[tuple[str, str], Target] = field(factory=dict)

    def native(self, protocol: str, operation: str, ask: Ask) -> Target | None:
        """
        Return where who speaks *protocol* gets *operation* without translation.

        Raises:
            AuthenticationError: there is no key.
        """
        for dialect in self.speaks:
            if dialect.protocol == protocol:
                key = operation_of(dialect, operation, ask)
                if key is not None:
                    return self._target(dialect, key)
        return None

    def foreign(self, operation: str, ask: Ask, own: str = "") -> Target | None:
        """
        Return where *operation* is offered in a dialect that can be translated to.

        Args:
            own: the client's protocol, which is the best where it is spoken.

        Raises:
            AuthenticationError: there is no key.
        """
        # In what frames the client wants it is no matter to the upstream.
        ask = evolve(ask, framing="sse")
        for dialect in sorted(self.speaks, key=lambda d: d.protocol != own):
            if _translates(dialect, operation):
                key = operation_of(dialect, operation, ask)
                if key is not None:
                    return self._target(dialect, key)
        return None

    def _target(self, dialect: Dialect, operation: str) -> Target:
        key = dialect.protocol, operation
        found = self._targets.get(key)
        if found is None:
            base = self.bases[dialect.protocol]
            found = Target.of(dialect, base, operation, self._fixed(dialect))
            self._targets[key] = found
        return found

    def _fixed(self, dialect: Dialect) -> Headers:
        """Return the credentials, and on top of them the configured headers."""
        headers: Headers = {}
        if self.key is not None:
            auth = dialect.auth or self.connector.auth
            headers.update(auth(self.key.reveal()))
        elif not self.connector.key_optional:
            names = " or ".join(self.connector.key_env) or "api_key"
            raise AuthenticationError(
                f"backend {self.name!r} has no API key: set {names}",
                code="missing_api_key",
            )
        for name, value in self.settings.headers.items():
            headers[name] = value.reveal()
        return {name.lower(): value for name, value in headers.items()}

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
        dialect = self.speaks[0]
        base = self.bases[dialect.protocol]
        url = URL(base + self.connector.models_path, encoded=True)
        headers = {**dialect.headers, **self._fixed(dialect)}
        try:
            async with (
                asyncio.timeout(DISCOVERY_DEADLINE),
                self.session.get(
                    url, headers=headers, allow_redirects=False
                ) as response,
            ):
                body = await read_whole(response, MAX_MODEL_LIST)
        except TimeoutError as exc:
            raise APITimeoutError("no answer to the list of models") from exc
        except (ClientError, OSError) as exc:
            raise mapped(exc) from exc
        if response.status != 200:
            raise BackendError(f"status {response.status} for the list of models")
        self.models = model_ids(body)

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


def _translates(dialect: Dialect, operation: str) -> bool:
    translator = dialect.translator
    if translator is None:
        return False
    match operation:
        case "chat":
            return True
        case "count_tokens":
            return None not in (translator.write_count, translator.read_count)
        case "embeddings":
            return None not in (translator.write_embeddings, translator.read_embeddings)
        case _:
            return False


def model_ids(body: bytes) -> tuple[str, ...]:
    """
    Return the names in a list of models, in whatever shape providers give it.

    OpenAI, Anthropic and most have rows with an ``id`` below ``data``; Gemini,
    Cohere and Ollama rows with a ``name`` below ``models``, which Gemini begins
    with ``models/``.

    Raises:
        BackendError: it is none.
    """
    try:
        json = msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        raise BackendError("the list of models is not JSON") from exc
    rows, member = json, "id"  # Together: a bare list
    if isinstance(json, dict):
        rows = json.get("data")
        if rows is None and "models" in json:
            rows, member = json["models"], "name"
    if not isinstance(rows, list):
        raise BackendError("the list of models has no rows")
    names = (row.get(member) for row in rows if isinstance(row, dict))
    texts = (name for name in names if isinstance(name, str) and name)
    return tuple(dict.fromkeys(name.removeprefix("models/") for name in texts))
