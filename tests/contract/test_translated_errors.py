"""
What an upstream refuses with is what the client is told, in all 4 times 7 pairs.

Status, message, code and retry-after come through the real process; who speaks the
upstream's own dialect gets its very bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import frozen

from tests.guide.asking import CLIENTS, told
from tests.process import Gateway, gateway
from tests.upstream import JSON_HEADERS, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.upstream import Request

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 529)
LONG = "prompt is too long: 213462 tokens > 200000 maximum"


def _openai(message: str) -> Any:
    return {"error": {"message": message, "type": "told", "code": "unlucky"}}


# Backend: its protocol, its body of an error, the code that is in it.
UPSTREAMS: dict[str, tuple[str, Any, str]] = {
    "chat": ("openai_chat", _openai, "unlucky"),
    "responses": ("openai_responses", _openai, "unlucky"),
    "claude": (
        "anthropic",
        lambda m: {"type": "error", "error": {"type": "told_so", "message": m}},
        "told_so",
    ),
    "google": (
        "gemini",
        lambda m: {"error": {"code": 418, "message": m, "status": "TOLD_SO"}},
        "told_so",
    ),
    "cohere": ("cohere", lambda m: {"message": m, "id": "1"}, "provider_error"),
    "ollama": ("ollama", lambda m: {"error": m}, "provider_error"),
    "mistral": (
        "mistral",
        lambda m: {"object": "error", "message": m, "type": "told", "code": "3505"},
        "3505",
    ),
}
KINDS = {"chat": "openai-compatible", "responses": "openai-compatible"}
KINDS |= {"claude": "anthropic", "google": "gemini"}
EXTRA: dict[str, Any] = {
    "google": {"speaks": ["gemini"]},
    "responses": {"speaks": ["openai_responses"]},
    "ollama": {"speaks": ["ollama"]},
    "cohere": {"speaks": ["cohere"]},
}


@frozen
class Stage:
    gateway: Gateway
    upstream: Upstream
    said: dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    said: dict[str, Any] = {}

    def script(request: Request) -> Any:
        if request.method == "GET":
            return reply({"data": []})
        headers = {**JSON_HEADERS, "retry-after": "7"}
        return reply(json.dumps(said["body"]).encode(), said["status"], headers)

    async with Upstream(script) as up:
        backends = {}
        for name in UPSTREAMS:
            backends[name] = {"type": KINDS.get(name, name), "api_key": "k-123456"}
            backends[name] |= {"api_base_url": up.url.removesuffix("/v1")}
            if name in EXTRA:
                backends[name]["extra"] = EXTRA[name]
        async with gateway({"backends": backends}) as running:
            yield Stage(running, up, said)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("streamed", [True, False])
async def test_survives(
    stage: Stage, client: str, upstream: str, streamed: bool
) -> None:
    protocol, body, code = UPSTREAMS[upstream]
    for status in STATUSES:
        stage.said.update(body=body("no luck"), status=status)

        heard = await told(stage.gateway.port, client, f"{upstream}:m", stream=streamed)

        assert heard.answer.status == status
        assert heard.answer.header("retry-after") == "7"
        if protocol == client:
            assert heard.answer.json == body("no luck")
            continue
        assert heard.error["message"] == "no luck"
        assert heard.code.lower() == code
        if client == "gemini":
            assert heard.error["details"][-1]["retryDelay"] == "7s"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_too_long(stage: Stage, client: str, upstream: str) -> None:
    """One status and one code for it, but not where the bytes pass."""
    protocol, body, _ = UPSTREAMS[upstream]
    stage.said.update(body=body(LONG), status=413)

    heard = await told(stage.gateway.port, client, f"{upstream}:m")

    if protocol == client:
        assert (heard.answer.status, heard.answer.json) == (413, body(LONG))
    else:
        assert (heard.answer.status, heard.code) == (400, "context_length_exceeded")
        assert heard.error["message"] == LONG
