"""How many tokens a request has, asked by the SDKs that can ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types

from tests.sdk.conftest import CALLER_KEY, GOOGLES_WAYS
from tests.sdk.pairs import MAIN
from tests.sdk.scripts.cast import COUNTED, Cast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.process import Gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), GOOGLES_WAYS]

COUNTING = {"anthropic", "gemini"}
LONG = "How many tokens are there in this? " * 20


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def claude(every: Gateway) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=every.url, api_key=CALLER_KEY, max_retries=0
    ) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def google(every: Gateway) -> AsyncIterator[genai.Client]:
    options = types.HttpOptions(base_url=every.url)
    client = genai.Client(api_key=CALLER_KEY, http_options=options)
    yield client
    await client.aio.aclose()


def plausible(count: int | None, upstream: str) -> bool:
    """Tell whether *count* is the upstream's, or an estimate of its own kind."""
    if upstream in COUNTING:
        return count == COUNTED
    return count is not None and 100 < count < 300


@pytest.mark.parametrize("upstream", MAIN)
async def test_anthropic(claude: AsyncAnthropic, cast: Cast, upstream: str) -> None:
    """Asked of who can count; else estimated, and marked as an estimate."""
    raw = await claude.messages.with_raw_response.count_tokens(
        model=f"{upstream}:{cast.model()}",
        messages=[{"role": "user", "content": LONG}],
    )

    counted = await raw.parse()
    assert plausible(counted.input_tokens, upstream)
    assert ("x-gateway-estimate" in raw.headers) == (upstream not in COUNTING)


@pytest.mark.parametrize("upstream", MAIN)
async def test_gemini(google: genai.Client, cast: Cast, upstream: str) -> None:
    counted = await google.aio.models.count_tokens(
        model=f"{upstream}:{cast.model()}", contents=LONG
    )

    assert plausible(counted.total_tokens, upstream)
