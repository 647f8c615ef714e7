"""The paths of the application, in process; streams are tested with the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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


async def test_direct_paths(site: Gateway) -> None:
    """The short cut is only taken where no page needs permission to read."""
    assert direct(site) == {}

    closed = make_site(WITH_KEYS, Registry(), Board(1), 0)

    assert set(direct(closed)) == {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
    }
