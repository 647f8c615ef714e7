"""A backend that is asked over HTTP in a protocol that the gateway knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import (
    ClientError,
    ClientOSError,
    ClientSession,
    ServerDisconnectedError,
)
from attrs import define, evolve, field
from yarl import URL

from gateway.answers import ClientAnswer
from gateway.domain.errors import (
    APITimeoutError,
    AuthenticationError,
    BackendError,
)
from gateway.failures import mapped, read_whole
from gateway.http import retry_after
from gateway.lane.stale import StaleError, again_if_stale
from gateway.listing import MAX_MODEL_LIST, model_ids
from gateway.loops import LOOP_GUARD, OWN_ID, guard_value
from gateway.plugin import Fixed, Outbound
from gateway.targets import Target, operation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.answers import Answer
    from gateway.fronts.base import Ask
    from gateway.lane.lane import Lane
    from gateway.plugin import Auth, Connector, Credentials, Dialect, Headers
    from gateway.secret import Secret
    from gateway.settings import Backend as BackendSettings

DISCOVERY_DEADLINE = 5.0
# Answers that other credentials might have spared the caller.
REFUSALS = frozenset({401, 403, 429})
# As many keys as a pool can have, and one more.
MOST_ATTEMPTS = 21


# Is given method, address, body and headers.
Send: TypeAlias = Callable[[str, URL, bytes, dict[str, str]], Awaitable["Answer"]]


@define(eq=False)
class HttpBackend:
    """
    One configured instance of a declared connector.

    Attributes:
        speaks: the dialects of this instance, the preferred one first.
        bases: where each begins, by protocol.
        key: where there is one, and nothing else identifies the gateway.
        credentials: where a key does not do.
        models: configured or discovered; empty means unknown.
        closed_list: the list was configured, so other names are mistakes.
        lane: the fast way to ask for answers, where it is not switched off.
    """

    name: str
    connector: Connector
    settings: BackendSettings
    speaks: tuple[Dialect, ...]
    bases: Mapping[str, str]
    key: Secret | None
    session: ClientSession
    credentials: Credentials | Fixed | None = None
    models: tuple[str, ...] = ()
    closed_list: bool = False
    lane: Lane | None = None
    _targets: dict[tuple[int, str], Target] = field(factory=dict, repr=False)

    def native(
        self, protocol: str, operation: str, ask: Ask, model: str
    ) -> Target | None:
        """
        Return where who speaks *protocol* gets *operation* without translation.

        Args:
            model: as the provider calls it.

        Raises:
            AuthenticationError: there is no key.
        """
        for dialect in self.speaks:
            if dialect.protocol == protocol and dialect.serves(model):
                key = operation_of(dialect, operation, ask)
                if key is not None:
                    return self._target(dialect, key)
        return None

    def foreign(
        self, operation: str, ask: Ask, model: str, own: str = ""
    ) -> Target | None:
        """
        Return where *operation* is offered in a dialect that can be translated to.

        Args:
            model: as the provider calls it.
            own: the client's protocol, which is the best where it is spoken.

        Raises:
            AuthenticationError: there is no key.
        """
        # In what frames the client wants it is no matter to the upstream.
        ask = evolve(ask, framing="sse")
        for dialect in sorted(self.speaks, key=lambda d: d.protocol != own):
            if _translates(dialect, operation) and dialect.serves(model):
                key = operation_of(dialect, operation, ask)
                if key is not None:
                    return self._target(dialect, key)
        return None

    def _target(self, dialect: Dialect, operation: str) -> Target:
        key = id(dialect), operation
        found = self._targets.get(key)
        if found is None:
            base = self.bases[dialect.protocol]
            rules = self.settings.identity
            found = Target.of(dialect, base, operation, self._fixed(dialect), rules)
            self._targets[key] = found
        return found

    def _fixed(self, dialect: Dialect) -> Fixed:
        """Return the credentials, and on top of them the configured headers."""
        own = self._own(dialect)
        headers = dict(own.headers)
        for name, value in self.settings.headers.items():
            headers[name] = value.reveal()
        return Fixed({name.lower(): headers[name] for name in headers}, own.query)

    def _own(self, dialect: Dialect) -> Fixed:
        """Return the credentials that are the same for all requests."""
        if isinstance(self.credentials, Fixed):
            return self.credentials
        if self.credentials is not None:
            return Fixed()
        if self.key is not None:
            return Fixed.of(self._auth(dialect), self.key.reveal())
        if self.connector.key_optional:
            return Fixed()
        names = " or ".join(self.connector.key_env) or "api_key"
        raise AuthenticationError(
            f"backend {self.name!r} has no API key: set {names}",
            code="missing_api_key",
        )

    async def open(
        self,
        target: Target,
        url: URL,
        body: bytes,
        headers: dict[str, str],
        method: str = "POST",
    ) -> Answer:
        """
        Send a request and return once the answer's head is there.

        A pooled connection that the upstream had closed is not the request's
        fault: where nothing was received it is sent again. So it is where other
        credentials may be taken for those that were refused.

        Raises:
            AuthenticationError: there are no credentials.
            BackendError: one of its children, as `mapped` says.
        """
        carried = guard_value()
        if carried is not OWN_ID and self._guards:
            headers[LOOP_GUARD] = carried
        send: Send = self._send
        if self.lane is not None and self.lane.carries(url):
            send = self.lane.ask
        if self.credentials is None or isinstance(self.credentials, Fixed):
            return await send(method, url, body, headers)
        auth = self._auth(target.dialect)
        request = Outbound(method, url, headers, body, auth)
        return await self._signed(self.credentials, request, send)

    @property
    def _guards(self) -> bool:
        return self.settings.loop_guard and self.connector.loop_guard

    async def _signed(
        self, credentials: Credentials, request: Outbound, send: Send
    ) -> Answer:
        for attempt in range(MOST_ATTEMPTS):
            tried = evolve(request, headers=dict(request.headers), attempt=attempt)
            await credentials.sign(tried)
            response = await send(tried.method, tried.url, tried.body, tried.headers)
            if response.status not in REFUSALS:
                break
            tried.answer = response.headers
            wait = retry_after(response.headers)
            try:
                again = await credentials.refused(tried, response.status, wait)
            except BaseException:
                response.close()
                raise
            if not again or attempt == MOST_ATTEMPTS - 1:
                break
            response.close()
        return response

    async def _send(
        self, method: str, url: URL, body: bytes, headers: dict[str, str]
    ) -> Answer:
        return await again_if_stale(partial(self._once, method, url, body, headers))

    async def _once(
        self, method: str, url: URL, body: bytes, headers: dict[str, str]
    ) -> Answer:
        try:
            response = await self.session.request(
                method, url, data=body or None, headers=headers, allow_redirects=False
            )
        except (ServerDisconnectedError, ClientOSError) as exc:
            raise StaleError(mapped(exc)) from exc
        except (ClientError, TimeoutError, OSError) as exc:
            raise mapped(exc) from exc
        return ClientAnswer(response)

    async def discover(self) -> None:
        """
        Ask the backend which models it has, if it tells.

        Raises:
            LLMProxyError: it did not tell.
        """
        if not self.connector.models_path:
            return
        try:
            async with asyncio.timeout(DISCOVERY_DEADLINE):
                self.models = model_ids(await self._model_list())
        except TimeoutError as exc:
            raise APITimeoutError("no answer to the list of models") from exc

    async def _model_list(self) -> bytes:
        dialect = self.speaks[0]
        fixed = self._fixed(dialect)
        base = self.bases[dialect.protocol]
        url = URL(base + self.connector.models_path, encoded=True)
        headers: Headers = {**dialect.headers, **fixed.headers}
        if fixed.query:
            url = url.update_query(fixed.query)
        request = Outbound("GET", url, headers, auth=self._auth(dialect))
        if self.credentials is None or isinstance(self.credentials, Fixed):
            response = await self._send("GET", url, b"", headers)
        else:
            response = await self._signed(self.credentials, request, self._send)
        try:
            if response.status != 200:
                raise BackendError(f"status {response.status} for the list of models")
            return await read_whole(response, MAX_MODEL_LIST)
        finally:
            response.close()

    def _auth(self, dialect: Dialect) -> Auth:
        return dialect.auth or self.connector.auth

    async def close(self) -> None:
        if self.credentials is not None and not isinstance(self.credentials, Fixed):
            await self.credentials.close()
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
