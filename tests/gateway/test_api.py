"""The paths of the application, in process; streams are tested with the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.api import build, direct
from gateway.config import load
from gateway.gauges import Board
from gateway.registry import Registry
from gateway.server import make_site
from gateway.settings import Backend, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pytest_aiohttp.plugin import AiohttpClient

    from gateway.state import Gateway

SETTINGS = Settings(backends={"demo": Backend()}, default_backend="demo")
WITH_KEYS = load(None, {}, [("server.api_keys", "[key-0123456789]")])


@pytest.fixture
async def site() -> AsyncIterator[Gateway]:
    made = make_site(SETTINGS, Registry(), Board(1), 0)
    yield made
    for backend in made.backends.values():
        await backend.close()


@pytest.mark.parametrize(
    ("path", "member", "value"),
    [
        ("/livez", "status", "ok"),
        ("/health", "status", "ok"),
        ("/readyz", "status", "ready"),
        ("/version", "name", "sluicegate"),
        ("/v1/models/demo:hello", "id", "demo:hello"),
    ],
)
async def test_answers(
    site: Gateway, aiohttp_client: AiohttpClient, path: str, member: str, value: str
) -> None:
    client = await aiohttp_client(build(site))

    answer = await client.get(path, headers={"x-request-id": "mine"})

    assert answer.status == 200
    assert (await answer.json())[member] == value
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["server"] == "sluicegate"


async def test_draining(site: Gateway, aiohttp_client: AiohttpClient) -> None:
    """A balancer sees it before a client does; new requests are refused."""
    client = await aiohttp_client(build(site))
    site.draining = True
    chat: dict[str, Any] = {"model": "demo:hello", "messages": []}

    ready = await client.get("/readyz")
    refused = await client.post("/v1/chat/completions", json=chat)

    assert (ready.status, refused.status) == (503, 503)
    assert (await refused.json())["error"]["code"] == "gateway_shutdown"
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("path", "dialect", "operation"),
    [
        ("/v1/chat/completions", "openai_chat", "chat"),
        ("/v1/completions", "openai_chat", "completions"),
        ("/v1/embeddings", "openai_chat", "embeddings"),
        ("/v1/responses", "openai_responses", "chat"),
        ("/v1/messages", "anthropic", "chat"),
        ("/v1/messages?beta=true", "anthropic", "chat"),
        ("/v1/messages/count_tokens?beta=true", "anthropic", "count_tokens"),
        ("/v1beta/models/g:generateContent?key=k", "gemini", "chat"),
        ("/v1/models/g:embedContent", "gemini", "embeddings"),
    ],
)
async def test_direct_paths(path: str, dialect: str, operation: str) -> None:
    """The busiest paths take a short cut, whatever their query is."""
    closed = make_site(WITH_KEYS, Registry(), Board(1), 0)

    handler = direct(closed)(path)

    assert handler is not None
    with closed.journal.listen() as told:
        answer = await handler(make_mocked_request("POST", path))
    line = told.get_nowait()
    assert line is not None
    assert (answer.status, line["outcome"]) == (401, "refused")
    assert (line["front"], line["operation"]) == (dialect, operation)


@pytest.mark.parametrize(
    "path", ["/v1/chat", "/v1/models/g", "/v1beta/models", "/v1/chat/completions/?a"]
)
async def test_no_direct_paths(path: str) -> None:
    closed = make_site(WITH_KEYS, Registry(), Board(1), 0)

    assert direct(closed)(path) is None


async def test_pages_take_the_long_way(site: Gateway) -> None:
    """The short cut is only taken where no page needs permission to read."""
    assert direct(site)("/v1/chat/completions") is None
