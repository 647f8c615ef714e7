"""A user of the SDK who stops listening stops the upstream."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.sdk.written import HELLO
from tests.streams import text_chunk
from tests.upstream import End, Upstream, open_stream

if TYPE_CHECKING:
    from tests.process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON = 0.5  # seconds; the gateway takes a few milliseconds, a busy machine more


async def test_closed_stream(g: Gateway, up: Upstream, ai: AsyncOpenAI) -> None:
    """Closing the stream after the first chunk closes the upstream."""
    up.scripts["close"] = [*open_stream(text_chunk("one ")), End.HANG]

    said = await ai.chat.completions.create(
        model="up:m1", messages=HELLO, stream=True, user="close"
    )
    async for _ in said:
        break
    left = time.monotonic()
    await said.close()

    gone = await (await up.request("close")).gone()
    done = await g.done(said.response.headers["x-request-id"])
    assert gone - left < SOON
    assert done["outcome"] == "client_gone"


async def test_left_helper(up: Upstream, ai: AsyncOpenAI) -> None:
    """Leaving the ``.stream()`` block does the same."""
    up.scripts["block"] = [*open_stream(text_chunk("one ")), End.HANG]

    async with ai.chat.completions.stream(
        model="up:m1", messages=HELLO, user="block"
    ) as events:
        async for _ in events:
            break
        left = time.monotonic()

    gone = await (await up.request("block")).gone()
    assert gone - left < SOON


@pytest.mark.parametrize("streamed", [True, False])
async def test_cancelled_task(up: Upstream, ai: AsyncOpenAI, streamed: bool) -> None:
    """Cancelling the task that waits for an answer closes the upstream."""
    case = f"task-{streamed}"
    up.scripts[case] = [End.HANG]

    waiting = asyncio.ensure_future(
        ai.chat.completions.create(
            model="up:m1", messages=HELLO, stream=streamed, user=case
        )
    )
    request = await up.request(case)
    left = time.monotonic()
    waiting.cancel()

    gone = await request.gone()
    assert gone - left < SOON


async def test_timed_out_client(up: Upstream, ai: AsyncOpenAI) -> None:
    """So does the SDK's own time-out."""
    up.scripts["time-out"] = [End.HANG]

    with pytest.raises(openai.APITimeoutError):
        await ai.with_options(timeout=0.3).chat.completions.create(
            model="up:m1", messages=HELLO, user="time-out"
        )
    left = time.monotonic()

    gone = await (await up.request("time-out")).gone()
    assert gone - left < SOON


async def test_blocking_client(g: Gateway, up: Upstream, sync_ai: OpenAI) -> None:
    """The blocking client's ``close`` closes the upstream, too."""
    up.scripts["blocking"] = [*open_stream(text_chunk("one ")), End.HANG]

    def hear_one() -> float:
        said = sync_ai.chat.completions.create(
            model="up:m1", messages=HELLO, stream=True, user="blocking"
        )
        next(iter(said))
        left = time.monotonic()
        said.close()
        return left

    left = await asyncio.to_thread(hear_one)

    gone = await (await up.request("blocking")).gone()
    assert gone - left < SOON
    await g.idle()
