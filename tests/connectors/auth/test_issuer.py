"""What a token endpoint may answer, and what is made of it."""

from __future__ import annotations

import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from aiohttp import ClientSession, ClientTimeout

from connectors.auth import issuer as module
from connectors.auth.issuer import Client, Form, Issuer, RefusedError, ask, issued
from gateway.plugin import (
    AuthenticationError,
    BackendError,
    LLMProxyError,
    ServiceUnavailableError,
)
from gateway.secret import Secret, redact
from tests.upstream import (
    JSON_HEADERS,
    End,
    Request,
    Script,
    Step,
    Upstream,
    head,
    reply,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

GOOD = {"access_token": "new-token", "token_type": "Bearer", "expires_in": 3600}
PLANTED = "planted/refresh+token=0123456789"
CLIENT = Client("the client", Secret("planted secret:+/&%"))
FORM: Form = {"grant_type": "refresh_token", "refresh_token": Secret(PLANTED)}


@asynccontextmanager
async def endpoint(script: Script) -> AsyncIterator[tuple[Upstream, ClientSession]]:
    async with Upstream(script) as up, ClientSession() as session:
        yield up, session


async def failure(script: Script) -> LLMProxyError:
    async with endpoint(script) as (up, session):
        with pytest.raises(LLMProxyError) as caught:
            await ask(session, f"{up.url}/token", FORM)
    return caught.value


def form_of(request: Request) -> dict[str, list[str]]:
    return parse_qs(request.body.decode(), strict_parsing=True)


async def test_what_is_asked() -> None:
    """A form, as the grant has it; and what came is what it was."""
    async with endpoint(reply(GOOD)) as (up, session):
        answer = await ask(session, f"{up.url}/token", FORM)

    [request] = up.requests
    assert (request.method, request.path) == ("POST", "/v1/token")
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert request.header("accept") == "application/json"
    assert form_of(request) == {
        "grant_type": ["refresh_token"],
        "refresh_token": [PLANTED],
    }
    assert answer == GOOD


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [(3600, 3600.0), ("3600", 3600.0), (12.5, 12.5), (-5, 0.0)],
)
def test_lifetime(said: object, lifetime: float) -> None:
    """Some issuers write a number as text."""
    token = issued({**GOOD, "expires_in": said})

    assert token.lifetime == lifetime


@pytest.mark.parametrize("said", [None, "soon", True, [], "1e9999"])
def test_no_lifetime(said: object) -> None:
    """A token whose end nobody knows serves until it is refused."""
    assert issued({**GOOD, "expires_in": said}).expires_at == float("inf")


@pytest.mark.parametrize(
    "error", ["invalid_grant", "invalid_client", "unauthorized_client", "interaction"]
)
@pytest.mark.parametrize("status", [400, 401, 403])
async def test_refusal(error: str, status: int) -> None:
    """What RFC 6749 calls an error is one of authentication, with its word."""
    exc = await failure(reply({"error": error, "error_description": "Bad."}, status))

    assert isinstance(exc, RefusedError)
    assert isinstance(exc, AuthenticationError)
    assert (exc.error, exc.code, exc.status_code) == (error, f"oauth_{error}", 401)
    assert exc.message == f"the token endpoint 127.0.0.1 refuses us: {error}"
    assert exc.details == {"description": "Bad."}


@pytest.mark.parametrize("body", [b"<html>no</html>", b"{}", b"[1]", b'{"error": {}}'])
async def test_refusal_in_other_words(body: bytes) -> None:
    exc = await failure(reply(body, 401))

    assert isinstance(exc, RefusedError)
    assert exc.code == "oauth_refused"
    assert exc.details == {}


@pytest.mark.parametrize(
    ("answer", "kind", "code", "wait"),
    [
        (reply({}, 503), ServiceUnavailableError, "unavailable", None),
        (reply({}, 500, {"retry-after": "7"}), ServiceUnavailableError, "unavailable",
         7.0),
        (reply({}, 429, {"retry-after": "9"}), ServiceUnavailableError, "unavailable",
         9.0),
        (reply({"error": "temporarily_unavailable"}, 400), ServiceUnavailableError,
         "unavailable", None),
        (reply(b"not here", 404), BackendError, "invalid", None),
        (reply(b"", 302, {"location": "/login"}), BackendError, "redirect", None),
        (reply(b"<html>"), BackendError, "invalid", None),
        (reply(b"[" * 100_000), BackendError, "invalid", None),
        (reply(b"x" * 1_000_000), BackendError, "invalid", None),
        (reply({"access_token": ""}), BackendError, "invalid", None),
        (reply({"access_token": 5}), BackendError, "invalid", None),
        (reply({"access_token": "a\r\nX-Evil: 1"}), BackendError, "invalid", None),
        (reply({**GOOD, "token_type": "mac"}), BackendError, "invalid", None),
        ([End.FIN], ServiceUnavailableError, "unreachable", None),
        ([b"SSH-2.0\r\n", End.FIN], ServiceUnavailableError, "unreachable", None),
        ([head(200, JSON_HEADERS, {"content-length": "99"}), b"{", End.FIN],
         ServiceUnavailableError, "unreachable", None),
    ],
)  # fmt: skip
async def test_failure(
    answer: Script, kind: type[BackendError], code: str, wait: float | None
) -> None:
    """What is no refusal may pass, and is not mistaken for one."""
    exc = await failure(answer)

    assert type(exc) is kind
    assert exc.code == f"token_endpoint_{code}"
    assert exc.retry_after == wait
    # Nothing in it looks like a token, which the log would mask.
    assert redact(exc.message) == exc.message


async def test_nobody_there() -> None:
    async with endpoint([]) as (up, session):
        url = up.url
    async with ClientSession() as session:
        with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
            await ask(session, url, FORM)


async def test_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", ClientTimeout(total=0.05))

    exc = await failure([End.HANG])

    assert isinstance(exc, ServiceUnavailableError)
    assert "in time" in exc.message


async def test_closed_meanwhile() -> None:
    """A pooled connection that the endpoint has closed is no failure."""
    async with endpoint(reply(GOOD)) as (up, session):
        up.scripts[""] = [*reply(GOOD)]
        await ask(session, up.url, FORM)
        answers: Iterator[list[Step]] = iter([[End.FIN], reply(GOOD)])
        up.scripts[""] = lambda _: next(answers)

        assert await ask(session, up.url, FORM) == GOOD


# -- how a client shows its secret


def secret_in_form(request: Request) -> bool:
    return "client_secret" in form_of(request)


async def test_in_the_form() -> None:
    async with endpoint(reply(GOOD)) as (up, session):
        await Issuer(up.url, session).grant(CLIENT, {"grant_type": "x"})

    assert form_of(up.requests[0]) == {
        "grant_type": ["x"],
        "client_id": ["the client"],
        "client_secret": ["planted secret:+/&%"],
    }
    assert up.requests[0].header("authorization") is None


async def test_in_a_header() -> None:
    """Where the form is not taken the header is tried, once, and is remembered."""

    def script(request: Request) -> list[Step]:
        if request.header("authorization") is None:
            return reply({"error": "invalid_client"}, 401)
        return reply(GOOD)

    async with endpoint(script) as (up, session):
        issuer = Issuer(up.url, session)
        for _ in range(3):
            await issuer.grant(CLIENT, {"grant_type": "x"})

    assert [secret_in_form(r) for r in up.requests] == [True, False, False, False]
    # "the+client:planted+secret%3A%2B%2F%26%25", as RFC 6749 has it in 2.3.1
    assert up.requests[1].header("authorization") == (
        "Basic dGhlK2NsaWVudDpwbGFudGVkK3NlY3JldCUzQSUyQiUyRiUyNiUyNQ=="
    )


async def test_wrong_secret() -> None:
    """Both ways are tried once, and the next time again the first one first."""
    async with endpoint(reply({"error": "invalid_client"}, 401)) as (up, session):
        issuer = Issuer(up.url, session)
        for _ in range(2):
            with pytest.raises(RefusedError, match="invalid_client"):
                await issuer.grant(CLIENT, {"grant_type": "x"})

    assert [secret_in_form(r) for r in up.requests] == [True, False, True, False]


@pytest.mark.parametrize("client", [None, Client("public")])
async def test_no_secret(client: Client | None) -> None:
    """Without a secret there is no other way."""
    async with endpoint(reply({"error": "invalid_client"}, 401)) as (up, session):
        with pytest.raises(RefusedError):
            await Issuer(up.url, session).grant(client, {"grant_type": "x"})

    assert len(up.requests) == 1


async def test_other_refusals_are_final() -> None:
    async with endpoint(reply({"error": "invalid_grant"}, 400)) as (up, session):
        with pytest.raises(RefusedError):
            await Issuer(up.url, session).grant(CLIENT, {"grant_type": "x"})

    assert len(up.requests) == 1


# -- secrecy


def echo(request: Request) -> list[Step]:
    """Quote all that was sent, in every way that comes to mind."""
    sent = request.body.decode()
    members = parse_qs(sent)
    said = f"{sent} {members} {request.headers}"
    error: dict[str, Any] = {"error": members["refresh_token"][0]}
    return reply({**error, "error_description": said}, 400)


@pytest.mark.parametrize("basic", [False, True])
async def test_echo(basic: bool) -> None:
    """An endpoint that quotes what it was shown does not spread it."""
    async with endpoint(echo) as (up, session):
        issuer = Issuer(up.url, session)
        issuer._basic = basic
        with pytest.raises(LLMProxyError) as caught:
            await issuer.grant(CLIENT, FORM)

    exc = caught.value
    shown = "".join(traceback.format_exception(exc))
    basic_text = CLIENT.basic().reveal().removeprefix("Basic ")
    for text in (shown, repr(exc.to_dict()), repr(issuer), repr(CLIENT), repr(FORM)):
        for secret in (PLANTED, "planted/refresh", "planted secret", basic_text):
            assert secret not in text


async def test_lost_connection_shows_nothing() -> None:
    """What aiohttp raises has the request in it."""
    exc = await failure([b"HTTP/1.1 nonsense\r\n\r\n", End.FIN])

    assert PLANTED not in "".join(traceback.format_exception(exc))
    assert exc.__suppress_context__
