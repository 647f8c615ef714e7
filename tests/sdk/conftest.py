"""
One gateway and one scripted upstream for all of these tests.

Tests tell their requests by ``user``, so they need not know of each other.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from openai import AsyncOpenAI, OpenAI

from tests.process import Gateway, config_for, gateway
from tests.upstream import Upstream

CALLER_KEY = "sk-caller-0123456789abcdef"
KEEP_ALIVE = 0.2  # seconds


def settings(g: Gateway, **members: Any) -> dict[str, Any]:
    """Return what a client is made with; one that retries would hide failures."""
    return {
        "base_url": f"{g.url}/v1",
        "api_key": CALLER_KEY,
        "max_retries": 0,
        "timeout": 10.0,
        **members,
    }


@pytest.fixture(scope="session")
def refusing() -> Iterator[str]:
    """The address of a port that is taken, but where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def up() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def g(up: Upstream, refusing: str) -> AsyncIterator[Gateway]:
    """A gateway with the backends ``up``, ``demo`` and ``dead``."""
    server = {"api_keys": [CALLER_KEY], "keep_alive": f"{KEEP_ALIVE * 1000:.0f}ms"}
    config = config_for(up.url, server=server)
    dead = {"type": "openai-compatible", "api_base_url": refusing, "models": ["m1"]}
    config["backends"] |= {"dead": dead, "demo": {}}
    async with gateway(config) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ai(g: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(**settings(g)) as client:
        yield client


@pytest.fixture(scope="session")
def sync_ai(g: Gateway) -> Iterator[OpenAI]:
    """The blocking client; use it in a thread."""
    with OpenAI(**settings(g)) as client:
        yield client
