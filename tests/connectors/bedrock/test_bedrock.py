"""The declaration: which host, which dialect for which model and client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.bedrock import BEDROCK
from gateway.building import addressed, build_declared, check_declared
from gateway.domain.errors import ConfigurationError
from gateway.fronts.base import Ask
from gateway.plugin import Fixed
from gateway.secret import Secret
from gateway.settings import Auth, Backend

if TYPE_CHECKING:
    from gateway.upstream import HttpBackend

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
BASE = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "amazon.nova-lite-v1:0"
OSS = "openai.gpt-oss-20b-1:0"


@pytest.fixture(autouse=True)
def _no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def host(settings: Backend, **environ: str) -> str:
    _, speaks, bases = addressed("bedrock", BEDROCK, settings, environ)
    (base,) = {bases[dialect.protocol] for dialect in speaks}
    return base


PLACES: dict[str, tuple[Backend, dict[str, str], str]] = {
    "auth": (
        Backend(auth=Auth(region="eu-west-1"), extra={"region": "x-y-1"}),
        {},
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
    ),
    "extra": (
        Backend(extra={"region": "eu-west-1"}),
        {"AWS_REGION": "us-east-1"},
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
    ),
    "environment": (
        Backend(),
        {"AWS_DEFAULT_REGION": "us-east-1"},
        "https://bedrock-runtime.us-east-1.amazonaws.com",
    ),
    "China": (
        Backend(),
        {"AWS_REGION": "cn-north-1"},
        "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
    ),
    "an address": (
        Backend(api_base_url="https://vpce-1.example.org/"),
        {"AWS_REGION": "us-east-1"},
        "https://vpce-1.example.org",
    ),
}


@pytest.mark.parametrize(("settings", "environ", "url"), PLACES.values(), ids=PLACES)
def test_host(settings: Backend, environ: dict[str, str], url: str) -> None:
    """The region names the host, for all dialects; an address is taken as it is."""
    assert host(settings, **environ) == url


def test_no_region() -> None:
    with pytest.raises(ConfigurationError, match=r"extra\.region or AWS_REGION"):
        host(Backend())


def test_bad_region() -> None:
    """It cannot lead elsewhere."""
    with pytest.raises(ConfigurationError, match="region"):
        check_declared(
            "bedrock", BEDROCK, Backend(), {"AWS_REGION": "evil.example.org/"}
        )


async def build(**environ: str) -> HttpBackend:
    found = build_declared(
        "bedrock", BEDROCK, Backend(), {"AWS_REGION": "us-east-1", **environ}
    )
    await found.session.close()
    return found


NATIVE = [
    ("anthropic", CLAUDE, True, "invoke-with-response-stream"),
    ("anthropic", CLAUDE, False, "invoke"),
    ("anthropic", NOVA, False, None),
    ("openai_chat", OSS, True, "chat/completions"),
    ("openai_chat", CLAUDE, False, None),
    ("openai_responses", OSS, False, None),
]


@pytest.mark.parametrize(("protocol", "model", "stream", "ending"), NATIVE)
async def test_native(
    protocol: str, model: str, stream: bool, ending: str | None
) -> None:
    """Who speaks a maker's protocol is passed on to the maker's models."""
    backend = await build()

    target = backend.native(protocol, "chat", Ask(model, stream), model)

    if ending is None:
        assert target is None
    else:
        assert target is not None
        assert target.path.endswith(f"/{ending}")


async def test_foreign() -> None:
    """All others are translated to Converse; tokens are counted where it can."""
    backend = await build()
    ask = Ask("m", stream=True)

    for model in (CLAUDE, NOVA, "arn:aws:bedrock:eu-west-1:1:imported-model/x"):
        target = backend.foreign("chat", ask, model, "gemini")
        assert target is not None
        assert target.path.endswith("/model/{model}/converse-stream")
    counting = backend.foreign("count_tokens", ask, BASE, "anthropic")
    assert counting is not None
    assert counting.path.endswith("/count-tokens")
    assert backend.foreign("count_tokens", ask, CLAUDE, "anthropic") is None


async def test_api_key() -> None:
    """It is a bearer token, fixed; then nothing needs to be signed."""
    backend = await build(AWS_BEARER_TOKEN_BEDROCK="bedrock-api-key-1234")

    assert backend.credentials is None
    assert backend.key == Secret("bedrock-api-key-1234")
    assert Fixed.of(BEDROCK.auth, "k").headers == {"Authorization": "Bearer k"}


async def test_signing() -> None:
    backend = await build()

    assert type(backend.credentials).__name__ == "AwsCredentials"
    assert backend.key is None


def test_chosen_dialect() -> None:
    """The counting part does not stand in for the whole."""
    settings = Backend(extra={"speaks": ["bedrock_converse"], "region": "us-east-1"})
    _, speaks, _ = addressed("bedrock", BEDROCK, settings, {})

    (only,) = speaks
    assert "chat" in only.paths


def test_quirks() -> None:
    """Each is a sentence."""
    said: Any = BEDROCK.quirks
    assert said
    assert all(text.endswith(".") for text in said)
