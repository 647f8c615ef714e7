"""
One gateway and one scripted upstream for all of these tests.

Tests tell their requests by ``user``, so they need not know of each other.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI, OpenAI

from tests.process import Gateway, config_for, gateway
from tests.sdk.drivers import chat, gemini, messages, responses
from tests.sdk.scripts.cast import Cast, configured
from tests.upstream import Upstream

if TYPE_CHECKING:
    from tests.sdk.drivers.base import Driver

CALLER_KEY = "sk-caller-0123456789abcdef"
KEEP_ALIVE = 0.2  # seconds

# What google-genai does to aiohttp is none of our business.
GOOGLES_WAYS = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cast() -> AsyncIterator[Cast]:
    """An upstream of every protocol."""
    made = Cast()
    async with made.upstream:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def every(
    cast: Cast, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway before `cast`, with a backend for each protocol."""
    file = tmp_path_factory.mktemp("state") / "responses.sqlite"
    config = {
        "server": {"api_keys": [CALLER_KEY]},
        "backends": {**configured(cast.root), "demo": {}},
        "responses": {"file": str(file)},
    }
    async with gateway(config) as running:
        yield running


def drivers(url: str, key: str = CALLER_KEY) -> dict[str, Driver]:
    """Return each SDK, speaking to the gateway at *url*."""
    given: Any = {"api_key": key, "max_retries": 0, "timeout": 10.0}
    options = types.HttpOptions(base_url=url, timeout=10_000)
    return {
        "openai-chat": chat.make(AsyncOpenAI(base_url=f"{url}/v1", **given)),
        "openai-responses": responses.make(AsyncOpenAI(base_url=f"{url}/v1", **given)),
        "anthropic": messages.make(AsyncAnthropic(base_url=url, **given)),
        "google-genai": gemini.make(genai.Client(api_key=key, http_options=options)),
    }


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sdks(every: Gateway) -> AsyncIterator[dict[str, Driver]]:
    made = drivers(every.url)
    yield made
    for driver in made.values():
        await driver.close()
