"""Gemini with a credentials file: what it asks for, and of whom."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from connectors.auth.oauth import GOOGLE_TOKEN_URL
from connectors.gemini import GEMINI
from connectors.gemini_oauth import GEMINI_OAUTH, credentials
from gateway.building import build_declared, check_declared
from gateway.fronts.base import Ask
from gateway.plugin import Account, ConfigurationError
from gateway.registry import Registry
from gateway.secret import Secret
from gateway.settings import Auth, Backend
from tests.upstream import Request, Step, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from gateway.upstream import HttpBackend

FILE = {"access_token": "old", "refresh_token": "r", "expiry_date": 1000}


def answer(request: Request) -> list[Step]:
    if request.path.endswith("/token"):
        return reply({"access_token": "new", "expires_in": 3600})
    return reply({"models": []})


@asynccontextmanager
async def built(
    auth: dict[str, Any],
    extra: dict[str, Any],
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[HttpBackend, Upstream]]:
    async with Upstream(answer) as up:
        auth.setdefault("token_url", f"{up.url}/token")
        settings = Backend(api_base_url=up.url, auth=Auth(**auth), extra=extra)
        backend = build_declared("mine", GEMINI_OAUTH, settings, environ or {})
        try:
            yield backend, up
        finally:
            await backend.close()


async def ask(backend: HttpBackend, protocol: str) -> None:
    target = backend.native(protocol, "chat", Ask("m", stream=False), "m")
    assert target is not None
    response = await backend.open(target, target.at("m"), b"{}", target.headers({}))
    assert response.status == 200


def test_declaration() -> None:
    """It is Gemini in all but the credentials."""
    assert Registry().get("gemini-oauth") is GEMINI_OAUTH
    assert GEMINI_OAUTH.base_url == GEMINI.base_url
    assert GEMINI_OAUTH.speaks == GEMINI.speaks
    assert GEMINI_OAUTH.key_env == ()


@pytest.mark.parametrize("protocol", ["gemini", "openai_chat"])
async def test_request(tmp_path: Path, protocol: str) -> None:
    """A token, in both of the protocols, and never a key."""
    path = tmp_path / "creds.json"
    path.write_text(json.dumps({**FILE, "client_id": "c"}), "utf-8")
    async with built({}, {"oauth_creds_path": str(path)}) as (backend, up):
        await ask(backend, protocol)

    issued, asked = up.requests
    assert parse_qs(issued.body.decode())["client_id"] == ["c"]
    assert asked.header("authorization") == "Bearer new"
    assert asked.header("x-goog-api-key") is None
    assert "key=" not in asked.path


async def test_default_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the guide: `oauth_creds.json` where the gateway was started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oauth_creds.json").write_text(json.dumps(FILE), "utf-8")
    async with built({}, {}) as (backend, up):
        await ask(backend, "gemini")

    assert up.requests[1].header("authorization") == "Bearer new"


@pytest.mark.parametrize(
    ("auth", "environ", "client"),
    [
        ({}, {}, ("on-file", "file-secret")),
        (
            {},
            {"GEMINI_OAUTH_CLIENT_ID": "env", "GEMINI_OAUTH_CLIENT_SECRET": "env-s"},
            ("env", "env-s"),
        ),
        ({}, {"GEMINI_OAUTH_CLIENT_ID": "env"}, ("env", None)),
        (
            {"client_id": "mine", "client_secret": Secret("mine-s")},
            {"GEMINI_OAUTH_CLIENT_ID": "env", "GEMINI_OAUTH_CLIENT_SECRET": "env-s"},
            ("mine", "mine-s"),
        ),
    ],
)
async def test_client(
    tmp_path: Path,
    auth: dict[str, Any],
    environ: dict[str, str],
    client: tuple[str, str | None],
) -> None:
    """The configured one, else that of the environment, else that of the file."""
    path = tmp_path / "creds.json"
    own = {"client_id": "on-file", "client_secret": "file-secret"}
    path.write_text(json.dumps({**FILE, **own}), "utf-8")
    async with built({**auth, "file": str(path)}, {}, environ) as (backend, up):
        await ask(backend, "gemini")

    form = parse_qs(up.requests[0].body.decode())
    assert form["client_id"] == [client[0]]
    assert form.get("client_secret", [None]) == [client[1]]


def test_google_renews() -> None:
    """Where nothing else is said the tokens are Google's."""
    made = credentials(Account("g", None, Auth(), {}, {}, None))  # type: ignore[arg-type]
    grant = made._fetch.__self__  # type: ignore[attr-defined]

    assert grant.token_urls == (None, GOOGLE_TOKEN_URL)


@pytest.mark.parametrize(
    ("auth", "extra", "message"),
    [
        ({}, {"oauth_creds_path": 5}, "extra.oauth_creds_path must be a path"),
        ({"profile": "p"}, {}, "auth.profile means nothing to this type of backend"),
    ],
)
def test_mistakes(auth: dict[str, Any], extra: dict[str, Any], message: str) -> None:
    """They are found before anything is started, and without a file."""
    settings = Backend(auth=Auth(**auth), extra=extra)

    with pytest.raises(ConfigurationError, match=message):
        check_declared("mine", GEMINI_OAUTH, settings, {})


def test_nothing_to_complain_about() -> None:
    check_declared("mine", GEMINI_OAUTH, Backend(), {})
