"""Entra's tokens for an application, against a scripted token endpoint."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import structlog
from aiohttp import ClientSession

from connectors.auth.azure import ASSERTION, SCOPE, make
from gateway.plugin import (
    Account,
    AuthenticationError,
    ConfigurationError,
    ServiceUnavailableError,
)
from gateway.secret import Secret
from gateway.settings import Auth
from tests.upstream import Request, Script, Step, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PLANTED = "planted~client.secret"
OWN = {"client_id": "app", "client_secret": Secret(PLANTED), "tenant": "t.example"}
ENV = {
    "AZURE_TENANT_ID": "env-tenant",
    "AZURE_CLIENT_ID": "env-app",
    "AZURE_CLIENT_SECRET": "planted-env-secret",
}


def account(
    session: Any = None, environ: dict[str, str] | None = None, **auth: Any
) -> Account:
    return Account("az", None, Auth("azure", **auth), {}, environ or {}, session)


def form_of(request: Request) -> dict[str, str]:
    return {n: v[0] for n, v in parse_qs(request.body.decode()).items()}


def good(number: int, lifetime: int = 3599) -> list[Step]:
    """Return an answer as Entra gives it."""
    members = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": 3599}
    return reply({**members, "access_token": f"eyJ.{number}"})


@asynccontextmanager
async def entra(
    script: Script | None = None,
) -> AsyncIterator[tuple[Upstream, ClientSession]]:
    async with Upstream(script) as up, ClientSession() as session:
        if script is None:
            up.scripts[""] = lambda _: good(len(up.requests))
        yield up, session


async def test_secret() -> None:
    """What Entra is asked, at the tenant's own endpoint."""
    async with entra() as (up, session):
        authority = {"AZURE_AUTHORITY_HOST": f"http://127.0.0.1:{up.port}/"}
        source = make(account(session, authority, **OWN))
        found = await asyncio.gather(*(source.token() for _ in range(100)))

    assert {token.bearer for token in found} == {"Bearer eyJ.1"}
    [request] = up.requests
    assert request.path == "/t.example/oauth2/v2.0/token"
    assert form_of(request) == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": PLANTED,
        "scope": "https://cognitiveservices.azure.com/.default",
    }
    assert time.time() + 3500 < found[0].expires_at < time.time() + 3600


async def test_environment() -> None:
    """The variables of Azure's own SDKs do, where nothing is configured."""
    async with entra() as (up, session):
        url = f"{up.url}/token"
        await make(account(session, ENV, token_url=url, scope="s")).token()
        await make(account(session, ENV, token_url=url, **OWN)).token()

    first, second = map(form_of, up.requests)
    assert first["client_id"] == "env-app"
    assert first["client_secret"] == "planted-env-secret"
    assert (first["scope"], second["scope"]) == ("s", SCOPE)
    assert second["client_id"] == "app"
    assert second["client_secret"] == PLANTED


@pytest.mark.parametrize("where", ["auth.file", "AZURE_FEDERATED_TOKEN_FILE"])
async def test_workload_identity(tmp_path: Path, where: str) -> None:
    """The federated token is read anew for each of ours; it changes every hour."""
    file = tmp_path / "token"
    environ = dict(ENV)
    auth = {}
    if where == "auth.file":
        auth["file"] = str(file)
    else:
        del environ["AZURE_CLIENT_SECRET"]
        environ[where] = str(file)
    async with entra() as (up, session):
        up.scripts[""] = lambda _: good(1, lifetime=0)
        source = make(account(session, environ, token_url=up.url, **auth))
        for assertion in ("first.jwt", "second.jwt"):
            file.write_text(f"{assertion}\n", "ascii")
            await source.token()

    first, second = map(form_of, up.requests)
    assert first == {
        "grant_type": "client_credentials",
        "client_id": "env-app",
        "scope": SCOPE,
        "client_assertion_type": ASSERTION,
        "client_assertion": "first.jwt",
    }
    assert second["client_assertion"] == "second.jwt"


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe planted", b"a b"])
async def test_no_federated_token(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    async with entra() as (up, session):
        source = make(account(session, ENV, token_url=up.url, file=str(file)))
        with pytest.raises(AuthenticationError, match="federated token") as caught:
            await source.token()

    assert up.requests == []
    assert "planted" not in f"{caught.value!r} {caught.value.__context__!r}"


async def test_ended() -> None:
    """A new one is fetched when the old one is at its end."""
    async with entra() as (up, session):
        up.scripts[""] = lambda _: good(len(up.requests), lifetime=0)
        source = make(account(session, ENV, token_url=up.url))
        found = [(await source.token()).bearer for _ in range(2)]

    assert found == ["Bearer eyJ.1", "Bearer eyJ.2"]


async def test_wrong_secret() -> None:
    """Entra's own explanation goes to the log, without what was sent."""

    def script(request: Request) -> list[Step]:
        said = f"AADSTS7000215: Invalid client secret {form_of(request)}."
        error = {"error": "invalid_client", "error_description": said}
        return reply({**error, "error_codes": [7000215]}, 401)

    async with entra(script) as (up, session):
        source = make(account(session, {}, token_url=up.url, **OWN))
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                with pytest.raises(AuthenticationError, match="invalid_client"):
                    await source.token()

    assert len(up.requests) == 1
    [line] = lines
    assert line["details"]["description"].startswith("AADSTS7000215: Invalid client")
    assert PLANTED not in repr(lines)
    assert PLANTED not in repr(source)


async def test_entra_is_down() -> None:
    async with entra(reply({}, 503)) as (up, session):
        source = make(account(session, ENV, token_url=up.url))
        for _ in range(10):
            with pytest.raises(ServiceUnavailableError):
                await source.token()

    assert len(up.requests) == 1


@pytest.mark.parametrize(
    ("auth", "environ", "message"),
    [
        ({}, {}, "auth.tenant or AZURE_TENANT_ID"),
        ({"tenant": "a/../b"}, {}, "auth.tenant is neither"),
        ({"tenant": "t"}, {}, "auth.client_id or AZURE_CLIENT_ID"),
        ({"tenant": "t", "client_id": "c"}, {}, "auth.client_secret, AZURE_CLIENT"),
        ({**OWN, "client_secret": None, "file": "a"}, {}, "auth.file must be an abs"),
        (
            {**OWN, "profile": "p"},
            {},
            "auth.profile means nothing to auth.type 'azure'",
        ),
    ],
)
def test_lacks(auth: dict[str, Any], environ: dict[str, str], message: str) -> None:
    """Each mistake names the setting."""
    with pytest.raises(ConfigurationError, match=message):
        make(account(None, environ, **auth))


@pytest.mark.parametrize("host", ["login.microsoftonline.us", "https://login.x/"])
def test_other_clouds(host: str) -> None:
    """The authority may lack its scheme, as Azure's SDKs have it; no I/O here."""
    environ = {**ENV, "AZURE_AUTHORITY_HOST": host}

    assert "env-tenant" not in repr(make(account(None, environ)))
