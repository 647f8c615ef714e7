"""The guide's backends in a real gateway, for clients of all dialects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import frozen

from tests.client import Caller, ask
from tests.guide import document
from tests.guide.asking import CLIENTS, request, told
from tests.plugins.installed import install
from tests.process import Gateway, gateway
from tests.sdk.scripts import openai_chat
from tests.sdk.scripts.said import Call, Said
from tests.upstream import JSON_HEADERS, End, Upstream, open_stream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "guide-provider-key-0123456789"
SAID = Said(("one ", "two ", "three"), input=21, output=8)
CALLED = Said(("Let me see.",), (Call("weather", {"city": "Brno"}),), ending="tools")
# As a plugin, with a definition; and as our own connectors, whose entry point may
# name the class. The third is a declaration, for comparison.
KINDS = ("my-provider", "core", "declared")
each_kind = pytest.mark.parametrize("kind", KINDS)
each_client = pytest.mark.parametrize("client", CLIENTS)
each_way = pytest.mark.parametrize("streamed", [True, False])


@frozen
class Stage:
    gateway: Gateway
    upstream: Upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    place = document.installed(tmp_path_factory.mktemp("guide"))
    points = "[llm_proxy_backends]\ncore-kind = my_provider:MyProviderBackend\n"
    install(tmp_path_factory.getbasetemp() / place, "core-like", points)
    async with Upstream(_script) as up:
        common = {"api_base_url": up.url, "api_key": KEY, "models": [*SCRIPTS]}
        identity = {
            "user_agent": {"mode": "override", "value": "guide/1"},
            "title": {"mode": "passthrough"},
        }
        backends: dict[str, Any] = {
            "my-provider": {**common, "identity": identity},
            "core": {**common, "type": "core-kind"},
            "declared": common,
            "echo": {},
            "lines": common,
        }
        routes = [
            {"model": "fast", "to": "my-provider:whole"},
            {"model": "exact", "to": "my-provider:whole", "losses": "refuse"},
        ]
        config = {"backends": backends, "routes": routes}
        async with gateway(config, env={"PYTHONPATH": place}) as running:
            yield Stage(running, up)


SCRIPTS: dict[str, Any] = {
    "whole": reply(
        json.dumps(openai_chat.whole(SAID, "m1")).encode(),
        headers={**JSON_HEADERS, "x-ratelimit-remaining": "5", "set-cookie": "a=b"},
    ),
    "stream": stream(openai_chat.pieces(SAID, "m1")),
    "calls-whole": reply(openai_chat.whole(CALLED, "m1")),
    "calls-stream": stream(openai_chat.pieces(CALLED, "m1")),
    "busy": reply(
        {"error": {"message": "slow down", "type": "t", "code": "too_fast"}},
        429,
        {**JSON_HEADERS, "retry-after": "7"},
    ),
    "long": reply({"error": {"message": "prompt is too long", "type": "t"}}, 413),
    "cut": [*open_stream(*openai_chat.pieces(SAID, "m1")[:3]), End.RST],
    "hang": [*open_stream(*openai_chat.pieces(SAID, "m1")[:3]), End.HANG],
    "silent": [End.HANG],
}


SAYS = [json.dumps({"say": word}).encode() + b"\n" for word in SAID.text]
LINES: dict[str, Any] = {
    "whole": stream([*SAYS, b'{"bye": true}\n']),
    "cut": stream(SAYS),
    "busy": SCRIPTS["busy"],
}


def _script(request: Any) -> Any:
    if request.method == "GET":
        return reply({"data": [{"id": name} for name in SCRIPTS]})
    if "talk" in request.json:
        return LINES[request.json["model"]]
    return SCRIPTS[request.json["model"]]


@each_kind
@each_client
@each_way
async def test_answer(stage: Stage, kind: str, client: str, streamed: bool) -> None:
    """Each client gets it in its own words."""
    model = f"{kind}:{'stream' if streamed else 'whole'}"

    heard = await told(stage.gateway.port, client, model, stream=streamed)

    assert (heard.answer.status, heard.words) == (200, SAID.words)
    assert heard.whole


@each_kind
@each_client
@each_way
async def test_calls(stage: Stage, kind: str, client: str, streamed: bool) -> None:
    model = f"{kind}:calls-{'stream' if streamed else 'whole'}"

    heard = await told(stage.gateway.port, client, model, stream=streamed)

    assert heard.whole
    assert b"weather" in heard.answer.body
    assert b"Brno" in heard.answer.body


@each_kind
@each_client
@each_way
async def test_refused(stage: Stage, kind: str, client: str, streamed: bool) -> None:
    """The provider's status, words, code and pause come through."""
    heard = await told(stage.gateway.port, client, f"{kind}:busy", stream=streamed)

    assert heard.answer.status == 429
    assert heard.error["message"] == "slow down"
    assert heard.code == "too_fast"
    assert heard.answer.header("retry-after") == "7"


@each_client
async def test_too_long(stage: Stage, client: str) -> None:
    """A conversation that is too long has one status and one code."""
    heard = await told(stage.gateway.port, client, "my-provider:long")

    assert (heard.answer.status, heard.code) == (400, "context_length_exceeded")


@each_kind
@each_client
async def test_broken_stream(stage: Stage, kind: str, client: str) -> None:
    """What came before is there, and then the dialect's own error."""
    heard = await told(stage.gateway.port, client, f"{kind}:cut", stream=True)

    assert heard.answer.status == 200
    assert b"one" in heard.answer.body
    assert heard.failed
    assert not heard.whole


@each_kind
@each_client
@pytest.mark.parametrize("model", ["hang", "silent"])
async def test_client_leaves(stage: Stage, kind: str, client: str, model: str) -> None:
    """The provider is freed, in the middle of the answer or before it."""
    await leaves(stage, kind, client, model, streamed=True)


@each_kind
async def test_client_leaves_without_a_stream(stage: Stage, kind: str) -> None:
    await leaves(stage, kind, "openai_chat", "silent", streamed=False)


async def leaves(
    stage: Stage, kind: str, client: str, model: str, *, streamed: bool
) -> None:
    before = len(stage.upstream.requests)
    path, body = request(client, f"{kind}:{model}", stream=streamed)
    async with Caller(stage.gateway.port) as caller:
        await caller.send(body, path)
        if model == "hang":
            await caller.head()
            await caller.until(b"two")
        else:
            await _arrived(stage.upstream, before)
        caller.leave()
        await stage.upstream.requests[before].gone(2)
    await stage.gateway.idle()


async def _arrived(up: Upstream, before: int) -> None:
    async with up._came:
        await up._came.wait_for(lambda: len(up.requests) > before)


async def test_what_the_provider_sees(stage: Stage) -> None:
    """Its key, who asks, the loop guard; and nothing of the caller's."""
    headers = {"authorization": "Bearer sk-callers-own", "x-title": "My App"}

    await told(stage.gateway.port, "openai_chat", "my-provider:whole", headers=headers)

    asked = stage.upstream.requests[-1]
    assert asked.header("authorization") == f"Bearer {KEY}"
    assert asked.header("user-agent") == "guide/1"
    assert asked.header("x-title") == "My App"
    assert asked.header("x-llmproxy-loop-guard")
    assert "sk-callers-own" not in str(asked.headers)


@each_way
async def test_headers(stage: Stage, streamed: bool) -> None:
    """Of the provider's headers, those come through that may."""
    heard = await told(stage.gateway.port, "openai_chat", "fast", stream=streamed)

    assert heard.words == SAID.words
    assert heard.answer.header("x-ratelimit-remaining") == "5"
    assert heard.answer.header("set-cookie") is None


@each_way
async def test_losses(stage: Stage, streamed: bool) -> None:
    """What the provider could not be told, the client is told."""
    model = f"my-provider:{'stream' if streamed else 'whole'}"

    part = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    messages = [{"role": "user", "content": [part]}]

    heard = await told(
        stage.gateway.port, "anthropic", model, stream=streamed, messages=messages
    )

    assert "cache_control=dropped" in (heard.answer.header("x-gateway-loss") or "")
    assert heard.whole


async def test_no_losses_allowed(stage: Stage) -> None:
    """A route may ask for all or nothing."""
    part = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    messages = [{"role": "user", "content": [part]}]

    heard = await told(stage.gateway.port, "anthropic", "exact", messages=messages)

    assert (heard.answer.status, heard.code) == (422, "translation_error")
    assert "cache_control" in heard.error["message"]


@each_client
@each_way
async def test_echo(stage: Stage, client: str, streamed: bool) -> None:
    """A backend that makes its events itself, and always streams."""
    heard = await told(stage.gateway.port, client, "echo:parrot", stream=streamed)

    assert heard.whole
    assert heard.words == "hello there "


@each_client
@each_way
async def test_lines(stage: Stage, client: str, streamed: bool) -> None:
    """A provider with a protocol of its own, for clients of all dialects."""
    heard = await told(stage.gateway.port, client, "lines:whole", stream=streamed)

    assert heard.whole
    assert heard.words == SAID.words


@each_client
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("cut", 502, "upstream_connection_lost"), ("busy", 429, "too_fast")],
)
async def test_lines_that_fail(
    stage: Stage, client: str, model: str, status: int, code: str
) -> None:
    heard = await told(stage.gateway.port, client, f"lines:{model}")

    assert (heard.answer.status, heard.code) == (status, code)


async def test_what_it_does_not_offer(stage: Stage) -> None:
    """Embeddings are refused; tokens are estimated, and that is said."""
    body = {"model": "my-provider:whole", "input": "hello"}
    words = [{"role": "user", "content": "hello there"}]
    count = {"model": "my-provider:whole", "messages": words}

    embeddings = await ask(stage.gateway.port, body, "/v1/embeddings")
    counted = await ask(stage.gateway.port, count, "/v1/messages/count_tokens")

    assert embeddings.status == 404
    assert embeddings.error["code"] == "unsupported_operation"
    assert counted.json["input_tokens"] > 0
    assert counted.header("x-gateway-estimate") == "true"


async def test_key_is_nowhere(stage: Stage) -> None:
    assert KEY not in "".join(stage.gateway.text)
