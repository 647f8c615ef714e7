"""The ways that need nothing but a key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth import (
    api_key_header,
    api_key_query,
    bearer,
    make_bearer,
    make_header,
    make_none,
    make_query,
)
from gateway.config import load
from gateway.plugin import Account, ConfigurationError, Fixed
from gateway.registry import Registry
from gateway.secret import Secret
from gateway.settings import Auth
from tests.client import CHAT, ask, chat
from tests.process import config_file, config_for, gateway
from tests.upstream import Upstream, reply

if TYPE_CHECKING:
    from gateway.plugin import MakeCredentials

PLANTED = "planted-secret-0123456789"


def account(key: str | None = "k", **auth: Any) -> Account:
    secret = None if key is None else Secret(key)
    session: Any = None
    return Account("mine", secret, Auth(**auth), {}, {}, session)


def test_bearer() -> None:
    assert bearer("sk-1") == {"Authorization": "Bearer sk-1"}


def test_api_key_header() -> None:
    """The key stands alone in the provider's own header."""
    assert api_key_header("x-api-key")("k-1") == {"x-api-key": "k-1"}


def test_api_key_query() -> None:
    assert api_key_query("key")("k-1") == Fixed(query={"key": "k-1"})


@pytest.mark.parametrize(
    ("make", "auth", "made"),
    [
        (make_bearer, {}, Fixed({"Authorization": "Bearer k"})),
        (make_header, {}, Fixed({"x-api-key": "k"})),
        (make_header, {"name": "x-goog-api-key"}, Fixed({"x-goog-api-key": "k"})),
        (make_query, {}, Fixed(query={"key": "k"})),
        (make_query, {"name": "api_key"}, Fixed(query={"api_key": "k"})),
        (make_none, {}, Fixed()),
    ],
)
def test_made(make: MakeCredentials, auth: dict[str, Any], made: Fixed) -> None:
    assert make(account(**auth)) == made


def test_none_needs_no_key() -> None:
    assert make_none(account(None)) == Fixed()


@pytest.mark.parametrize("make", [make_bearer, make_header, make_query])
def test_no_key(make: MakeCredentials) -> None:
    with pytest.raises(ConfigurationError, match="needs api_key"):
        make(account(None, type="bearer"))


@pytest.mark.parametrize(
    ("make", "auth", "message"),
    [
        (make_bearer, {"name": "x"}, "auth.name means nothing to auth.type 'bearer'"),
        (make_header, {"file": "/x"}, "auth.file means nothing .* which takes name"),
        (make_query, {"scope": "x"}, "auth.scope means nothing"),
        (make_none, {"token_url": "x"}, "which takes nothing more"),
        (make_header, {"name": "a b"}, "auth.name is no header"),
        (make_header, {"name": "a\r\nb: c"}, "auth.name is no header"),
        (make_header, {"name": "Host"}, "auth.name is no header"),
        (make_header, {"name": "content-length"}, "auth.name is no header"),
        (make_query, {"name": "a&b"}, "auth.name is no query parameter"),
    ],
)
def test_mistakes(make: MakeCredentials, auth: dict[str, Any], message: str) -> None:
    """What is set and does nothing, or cannot be sent, is said with its name."""
    with pytest.raises(ConfigurationError, match=message):
        make(account(type="bearer", **auth))


def test_nothing_shows_it() -> None:
    for make in (make_bearer, make_header, make_query):
        assert PLANTED not in repr(make(account(PLANTED)))


# -- where a secret comes from

SECRETS = ["client_secret", "secret_access_key", "session_token"]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("way", ["plain", "variable", "file", "credential"])
def test_sources(tmp_path: Path, name: str, way: str) -> None:
    """Every secret of the section may stand elsewhere than in the file."""
    (tmp_path / "secret").write_text(f"{PLANTED}\n", "utf-8")
    environ = {"THE_SECRET": PLANTED, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    text = {
        "plain": PLANTED,
        "variable": "${THE_SECRET}",
        "file": f"file:{tmp_path}/secret",
        "credential": "credential:secret",
    }[way]
    with config_file({"backends": {"b": {"auth": {name: text}}}}) as file:
        settings = load(Path(file), environ)

    auth = settings.backends["b"].auth
    assert getattr(auth, name) == Secret(PLANTED)
    assert PLANTED not in repr(settings)


def test_problem_with_a_place() -> None:
    """`sluicegate check` says where, for what only the kind of `auth` knows."""
    backend = {"type": "openai", "auth": {"type": "oauth-client"}}
    with config_file(json.dumps({"backends": {"b": backend}})) as file:
        settings = load(Path(file), {})
        [(place, message)] = Registry().check(settings, {})

    assert place == ("backends", "b", "auth", "token_url")
    assert message == "oauth-client needs auth.token_url"


# -- through the gateway's own process


@pytest.mark.parametrize(
    ("auth", "header", "query"),
    [
        ({"type": "bearer"}, ("authorization", f"Bearer {PLANTED}"), ""),
        ({"type": "header", "name": "X-Own"}, ("x-own", PLANTED), ""),
        ({"type": "query", "name": "k"}, ("authorization", None), f"?k={PLANTED}"),
        ({"type": "none"}, ("authorization", None), ""),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
async def test_sent(
    auth: dict[str, str], header: tuple[str, str | None], query: str
) -> None:
    """Streaming or not; and a provider that quotes it does not spread it."""
    quote = {"error": {"message": f"no: {PLANTED}"}}
    async with Upstream(reply(quote, 401)) as up:
        config = config_for(up.url, auth=auth, api_key=PLANTED)
        async with gateway(config) as running:
            answers = [
                await ask(running.port, chat(stream=stream), CHAT)
                for stream in (True, False)
            ]

    for request in up.requests:
        assert request.header(header[0]) == header[1]
        assert request.path == f"/v1/chat/completions{query}"
    said = "".join(running.text) + "".join(a.body.decode() for a in answers)
    assert len(up.requests) == 2
    # Without a use for it the key is not even known to be one.
    assert PLANTED not in said
