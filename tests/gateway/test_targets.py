"""Addresses and headers of the requests that the gateway makes."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from gateway.domain.errors import RoutingError
from gateway.fronts.base import Ask
from gateway.plugin import Dialect, Fixed
from gateway.targets import Target, operation_of

CHAT = Dialect("openai_chat", {"chat": "/chat/completions"})
GEMINI = Dialect(
    "gemini",
    {
        "chat": "/models/{model}:generateContent",
        "chat_stream": "/models/{model}:streamGenerateContent?alt=sse",
        "chat_array": "/models/{model}:streamGenerateContent",
    },
)
ANTHROPIC = Dialect(
    "anthropic",
    {"chat": "/messages"},
    headers={"anthropic-version": "2023-06-01"},
    passes=("anthropic-version", "anthropic-beta"),
)
FIXED = Fixed({"authorization": "Bearer k"})
BASE = "https://h/v1"


def target(dialect: Dialect, operation: str = "chat") -> Target:
    return Target.of(dialect, BASE, operation, FIXED)


def test_same_address_for_all_models() -> None:
    found = target(CHAT)

    assert str(found.url) == f"{BASE}/chat/completions"
    assert found.at("any") is found.url


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("a/b", "a%2Fb"),
        ("a:b", "a%3Ab"),
        ("a?b#c", "a%3Fb%23c"),
        ("../../x", "..%2F..%2Fx"),
        ("é", "%C3%A9"),
    ],
)
def test_model_in_the_path(model: str, path: str) -> None:
    """Whatever a caller writes stays one segment of the path."""
    found = target(GEMINI, "chat_stream")

    assert found.url is None
    assert str(found.at(model)) == (
        f"{BASE}/models/{path}:streamGenerateContent?alt=sse"
    )


@pytest.mark.parametrize("model", [".", ".."])
def test_no_model_in_a_path(model: str) -> None:
    with pytest.raises(RoutingError, match="is no model's name"):
        target(GEMINI).at(model)


def test_query() -> None:
    """Anthropic's clients say ``beta=true``; their keys stay here."""
    query = {"beta": "true", "key": "secret", "alt": "sse"}

    assert str(target(ANTHROPIC).at("m", query)) == f"{BASE}/messages?beta=true"
    assert str(target(ANTHROPIC).at("m", {"key": "k"})) == f"{BASE}/messages"
    assert str(target(CHAT).at("m", query)) == f"{BASE}/chat/completions"


def test_headers() -> None:
    """Our credentials, never the caller's; what a dialect needs, as the caller says."""
    caller = CIMultiDict(
        {
            "Authorization": "Bearer caller",
            "x-api-key": "caller",
            "Anthropic-Beta": "b1",
            "traceparent": "00-1",
        }
    )

    assert target(ANTHROPIC).headers(caller) == {
        "content-type": "application/json",
        "traceparent": "00-1",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "b1",
        "authorization": "Bearer k",
    }
    caller["Anthropic-Version"] = "2099-01-01"
    assert target(ANTHROPIC).headers(caller)["anthropic-version"] == "2099-01-01"
    assert "anthropic-beta" not in target(CHAT).headers(caller)


def test_credentials_are_not_shown() -> None:
    assert "Bearer" not in repr(target(CHAT))


@pytest.mark.parametrize(
    ("dialect", "operation", "ask", "key"),
    [
        (CHAT, "chat", Ask("m", stream=False), "chat"),
        (CHAT, "chat", Ask("m", stream=True), "chat"),
        (CHAT, "chat", Ask("m", stream=True, framing="array"), None),
        (CHAT, "embeddings", Ask("m", stream=False), None),
        (GEMINI, "chat", Ask("m", stream=False), "chat"),
        (GEMINI, "chat", Ask("m", stream=True), "chat_stream"),
        (GEMINI, "chat", Ask("m", stream=True, framing="array"), "chat_array"),
    ],
)
def test_operation_of(
    dialect: Dialect, operation: str, ask: Ask, key: str | None
) -> None:
    assert operation_of(dialect, operation, ask) == key
