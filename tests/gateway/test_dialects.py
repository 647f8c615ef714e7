"""Which dialect is spoken where."""

from __future__ import annotations

import pytest

from gateway.dialects import DOORS, Door, dialect_of, front, gemini_door
from gateway.fronts.base import Ask

SSE = Ask("m", stream=True)
ARRAY = Ask("m", stream=True, framing="array")


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_doors(prefix: str) -> None:
    """Base URLs are written with and without the version."""
    assert DOORS[f"{prefix}/chat/completions"] == Door("openai_chat", "chat")
    assert DOORS[f"{prefix}/completions"] == Door("openai_chat", "completions")
    assert DOORS[f"{prefix}/embeddings"] == Door("openai_chat", "embeddings")
    assert DOORS[f"{prefix}/responses"] == Door("openai_responses", "chat")
    for root in ("", "/anthropic"):
        path = f"{root}{prefix}/messages"
        assert DOORS[path] == Door("anthropic", "chat")
        assert DOORS[f"{path}/count_tokens"] == Door("anthropic", "count_tokens")


def test_kind() -> None:
    """The log need not tell one text from several."""
    assert Door("gemini", "embed_one").kind == "embeddings"
    assert Door("gemini", "chat").kind == "chat"


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize(
    ("verb", "door"),
    [
        ("generateContent", Door("gemini", "chat", Ask("m", stream=False))),
        ("streamGenerateContent", Door("gemini", "chat", ARRAY)),
        ("streamGenerateContent?alt=sse", Door("gemini", "chat", SSE)),
        ("streamGenerateContent?key=k&alt=sse", Door("gemini", "chat", SSE)),
        ("streamGenerateContent?alt=json", Door("gemini", "chat", ARRAY)),
        (
            "generateContent?alt=sse",
            Door("gemini", "chat", Ask("m", stream=False)),
        ),
        ("countTokens", Door("gemini", "count_tokens", Ask("m", stream=False))),
        ("embedContent", Door("gemini", "embed_one", Ask("m", stream=False))),
        ("batchEmbedContents", Door("gemini", "embeddings", Ask("m", stream=False))),
    ],
)
def test_gemini_doors(version: str, verb: str, door: Door) -> None:
    assert gemini_door(f"/{version}/models/m:{verb}") == door


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ("claude:claude-sonnet-4-5:", "claude:claude-sonnet-4-5"),
        ("claude%3Aclaude-sonnet-4-5:", "claude:claude-sonnet-4-5"),
        ("claude%3aclaude-sonnet-4-5%3A", "claude:claude-sonnet-4-5"),
        ("lab:org/qwen3:8b:", "lab:org/qwen3:8b"),
        ("lab:org%2Fqwen3:", "lab:org/qwen3"),
        ("demo:lorem%3Ftokens=5:", "demo:lorem?tokens=5"),
        ("%C3%A9:", "é"),
    ],
)
def test_gemini_models(written: str, model: str) -> None:
    """A name may hold what divides a path, and SDKs differ in what they escape."""
    door = gemini_door(f"/v1beta/models/{written}generateContent")

    assert door is not None
    assert door.ask == Ask(model, stream=False)


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/m",
        "/v1beta/models/m:predict",
        "/v1beta/models/:generateContent",
        "/v2/models/m:generateContent",
        "/v1beta/models/m:generateContent/x",
        "/v1beta/models/m%253AgenerateContent",
    ],
)
def test_no_gemini_doors(path: str) -> None:
    assert gemini_door(path) is None


@pytest.mark.parametrize(
    ("path", "headers", "dialect"),
    [
        ("/v1beta/models", {}, "gemini"),
        ("/v1alpha/x", {}, "gemini"),
        ("/v1/models/a:b:generateContent", {}, "gemini"),
        ("/v1/models", {"x-goog-api-key": "k"}, "gemini"),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "anthropic"),
        ("/v1/models/x", {}, "openai_chat"),
        ("/v1/messages", {}, "anthropic"),
        ("/messages/count_tokens", {}, "anthropic"),
        ("/v1/messages/batches", {}, "anthropic"),
        ("/anthropic/v1/models", {}, "anthropic"),
        ("/anthropical", {}, "openai_chat"),
        ("/v1/responses", {}, "openai_responses"),
        ("/responses/resp_1/cancel", {}, "openai_responses"),
        ("/v1/chat/completions", {}, "openai_chat"),
        ("/", {}, "openai_chat"),
    ],
)
def test_dialect_of(path: str, headers: dict[str, str], dialect: str) -> None:
    """By the path, and by the headers where several dialects share it."""
    assert dialect_of(path, headers) == dialect
    assert front(dialect).dialect == dialect
