"""Asks an OAuth 2 token endpoint, and says what went wrong without saying too much."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote_plus

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientTimeout,
    FormData,
    ServerDisconnectedError,
)
from attrs import define, field, frozen
from yarl import URL

from connectors.auth.tokens import Token
from gateway.plugin import AuthenticationError, BackendError, ServiceUnavailableError
from gateway.secret import Secret, redact
from gateway.wire.json import loads

if TYPE_CHECKING:
    from aiohttp import ClientSession

Form: TypeAlias = Mapping[str, "str | Secret"]

# A token endpoint has little to say and no reason to think about it.
TIMEOUT = ClientTimeout(total=20, connect=10)
MOST = 256 * 1024
# What its errors may be named with; RFC 6749, section 5.2.
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Errors that are no refusal; the second is that of section 4.1.2.1.
_PASSING = {"server_error", "temporarily_unavailable", "slow_down"}
# What may stand after "Bearer"; RFC 6750, section 2.1, and a bit more.
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_SECONDS = re.compile(r"\d{1,9}(?:\.\d*)?")


class RefusedError(AuthenticationError):
    """The issuer refuses what it was shown."""

    @property
    def error(self) -> str:
        """Return the issuer's own word, such as ``invalid_grant``."""
        return self.code.removeprefix("oauth_")


@frozen
class Client:
    """
    Who asks.

    Attributes:
        secret: none for public clients, which have only a name.
    """

    id: str
    secret: Secret | None = None

    def form(self) -> dict[str, str | Secret]:
        """Source: RFC 6749, section 2.3.1: in the body (``client_secret_post``)."""
        secret = {} if self.secret is None else {"client_secret": self.secret}
        return {"client_id": self.id, **secret}

    def basic(self) -> Secret:
        """Source: RFC 6749, section 2.3.1: in a header (``client_secret_basic``)."""
        secret = "" if self.secret is None else self.secret.reveal()
        pair = f"{quote_plus(self.id)}:{quote_plus(secret)}"
        return Secret(f"Basic {b64encode(pair.encode()).decode()}")


@define(eq=False)
class Issuer:
    """
    A token endpoint.

    Which of the two ways a client shows its secret is the endpoint's choice, and few
    say which. So the form is tried first, then, where that is no valid client, the
    header; what was taken is remembered.
    """

    url: str
    _session: ClientSession = field(repr=False)
    _basic: bool = field(default=False, init=False)

    async def grant(self, client: Client | None, form: Form) -> dict[str, Any]:
        """
        Return what was issued for *form*; it has an ``access_token``.

        Raises:
            RefusedError: the endpoint refuses.
            BackendError: it does not answer, or not as it should.
        """
        if client is None:
            return await ask(self._session, self.url, form)
        if self._basic:
            return await ask(self._session, self.url, form, client.basic())
        try:
            return await ask(self._session, self.url, {**form, **client.form()})
        except RefusedError as exc:
            if exc.error != "invalid_client" or client.secret is None:
                raise
        answer = await ask(self._session, self.url, form, client.basic())
        self._basic = True
        return answer


async def ask(
    session: ClientSession,
    url: str,
    form: Form,
    authorization: Secret | None = None,
) -> dict[str, Any]:
    """
    Post *form* to the token endpoint at *url*; its answer has an ``access_token``.

    The secrets in *form* are masked in what is told of the answer.

    Raises:
        RefusedError: it refuses.
        BackendError: it does not answer, or not as it should.
    """
    fields = {n: v.reveal() if isinstance(v, Secret) else v for n, v in form.items()}
    headers = {"Accept": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization.reveal()
    status, body, wait = await _post(session, url, fields, headers)
    json = _object(body)
    if status >= 300:
        raise _refusal(url, status, json, wait)
    token = json.get("access_token")
    if not isinstance(token, str) or not is_token(token):
        raise _odd(url, "gave no access token")
    kind = json.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        # "bearer" last: of what stands behind it the log shows nothing.
        raise _odd(url, "gave a token of another type than bearer")
    return json


def issued(json: Mapping[str, Any]) -> Token:
    """Return the token of an answer of `ask`."""
    value = Secret(json["access_token"])
    lifetime = _number(json.get("expires_in"))
    if lifetime is None:
        return Token(value)
    return Token(value, expires_at=time.time() + lifetime, lifetime=lifetime)


def is_token(text: str) -> bool:
    """Tell whether *text* can stand in a header."""
    return _PRINTABLE.fullmatch(text) is not None


def _number(value: object) -> float | None:
    """Return seconds; some issuers write them as text."""
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        return float(value)
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return max(0.0, float(value)) if known else None  # type: ignore[arg-type]


async def _post(
    session: ClientSession,
    url: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
) -> tuple[int, bytes, float | None]:
    try:
        try:
            return await _once(session, url, fields, headers)
        except ClientConnectorError:
            raise
        except (ServerDisconnectedError, ClientOSError):
            # It may have closed a pooled connection meanwhile.
            return await _once(session, url, fields, headers)
    except (ClientError, TimeoutError, OSError) as exc:
        # What aiohttp raises can hold the request's headers: it is not chained.
        raise _unreachable(url, exc) from None


async def _once(
    session: ClientSession,
    url: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
) -> tuple[int, bytes, float | None]:
    async with session.post(
        url,
        data=FormData(fields),
        headers=headers,
        allow_redirects=False,
        timeout=TIMEOUT,
    ) as response:
        body = b""
        while len(body) <= MOST and (piece := await response.content.readany()):
            body += piece
        return response.status, body, _number(response.headers.get("Retry-After"))


def _object(body: bytes) -> dict[str, Any]:
    try:
        json = loads(body)
    except (ValueError, RecursionError):
        return {}
    return json if isinstance(json, dict) else {}


# -- what went wrong


def _refusal(
    url: str, status: int, json: Mapping[str, Any], wait: float | None
) -> BackendError | RefusedError:
    """Source: RFC 6749, section 5.2."""
    host = _host(url)
    error = redact(str(json.get("error", "")))
    if status < 400:
        return BackendError(
            f"the token endpoint {host} redirects; set its token_url to where it is",
            code="token_endpoint_redirect",
        )
    if status >= 500 or status == 429 or error in _PASSING:
        return ServiceUnavailableError(
            f"the token endpoint {host} answered {status}",
            code="token_endpoint_unavailable",
            retry_after=wait,
        )
    named = _CODE.fullmatch(error) is not None
    if not named and status not in (401, 403):
        return BackendError(
            f"the token endpoint {host} answered {status} without an OAuth error",
            code="token_endpoint_invalid",
        )
    error = error if named else "refused"
    said = json.get("error_description")
    return RefusedError(
        f"the token endpoint {host} refuses us: {error}",
        code=f"oauth_{error}",
        details={"description": redact(said)[:500]} if isinstance(said, str) else None,
    )


def _odd(url: str, what: str) -> BackendError:
    return BackendError(
        f"the token endpoint {_host(url)} {what}", code="token_endpoint_invalid"
    )


def _unreachable(url: str, exc: Exception) -> ServiceUnavailableError:
    late = isinstance(exc, TimeoutError)
    why = "did not answer in time" if late else "cannot be reached"
    return ServiceUnavailableError(
        f"the token endpoint {_host(url)} {why} ({type(exc).__name__})",
        code="token_endpoint_unreachable",
    )


def _host(url: str) -> str:
    return URL(url).host or "without a host"
