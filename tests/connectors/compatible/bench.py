"""A gateway with every provider, and one upstream that stands for all of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient, TestServer
from attrs import define

from gateway.api import build
from gateway.gauges import Board
from gateway.registry import Registry
from gateway.secret import Secret
from gateway.server import make_site
from gateway.settings import Backend, Responses, Settings
from tests.connectors.compatible.table import EXTRA, MODELS, TABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientResponse

    from tests.upstream import Request, Step, Upstream

KEY = "sk-contract-0123456789"
DECLARED: dict[str, Any] = {name: Registry().get(name) for name in TABLE}
DOORS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
}


@define
class Bench:
    """A gateway with every provider, and the one upstream behind all of them."""

    upstream: Upstream
    client: TestClient[Any, Any]
    script: list[Step]

    async def post(
        self, script: list[Step], path: str, body: bytes
    ) -> tuple[ClientResponse, bytes, Request]:
        """Return the answer, its body, and the request that reached the upstream."""
        self.script[:] = script
        self.upstream.requests.clear()
        answer = await self.client.post(path, data=body)
        said = await answer.read()
        [request] = self.upstream.requests
        return answer, said, request


def elsewhere(documented: str, upstream: Upstream) -> str:
    """Return a documented address at the upstream's host."""
    path = documented.partition("://")[2].partition("/")[2]
    return f"http://127.0.0.1:{upstream.port}/{path}".rstrip("/")


def moved(name: str, upstream: Upstream, **changes: Any) -> Backend:
    """Return the settings of a provider that is said to be at the upstream."""
    base = DECLARED[name].base_url
    for parameter, value in EXTRA.get(name, {}).items():
        base = base.replace(f"{{{parameter}}}", value)
    given = {"api_key": Secret(KEY), "extra": EXTRA.get(name, {}), **changes}
    return Backend(api_base_url=elsewhere(base, upstream), **given)


@asynccontextmanager
async def site(backends: dict[str, Backend]) -> AsyncIterator[TestClient[Any, Any]]:
    settings = Settings(backends=backends, responses=Responses(file="none"))
    made = make_site(settings, Registry(), Board(1), 0)
    async with TestClient(TestServer(build(made))) as client:
        yield client
    await made.close()


def model_of(name: str, protocol: str) -> str:
    return MODELS.get((name, protocol), "m1")


def question(protocol: str, model: str, *, streams: bool = False) -> bytes:
    """Return a request with what would not survive being decoded and encoded."""
    messages = b'"messages": [{"role": "user", "content": "hi"}]'
    said: dict[str, bytes] = {
        "openai_chat": messages,
        "openai_responses": b'"input": "hi", "store": false',
        "anthropic": b'"max_tokens": 9, ' + messages,
        "gemini": b'"contents": [{"role": "user", "parts": [{"text": "hi"}]}]',
    }
    flags = b""
    if streams and protocol != "gemini":
        flags = b' "stream": true,'
        if protocol == "openai_chat":
            flags += b' "stream_options": {"include_usage": true},'
    named = b"" if protocol == "gemini" else b'"model": "%b" ,' % model.encode()
    return b'{ %b%b "odd": 1e400 , %b }\n' % (named, flags, said[protocol])


def door(protocol: str, model: str, *, streams: bool = False) -> str:
    path = DOORS[protocol].replace("{model}", model)
    if streams and protocol == "gemini":
        return path.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
    return path
