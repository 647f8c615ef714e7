"""The blocking client: fewer cases, since it shares the SDK's decoding."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.sdk.written import HELLO, REPLY, TWO_CALLS, WEATHER, text_of
from tests.streams import chat_stream, text_chunk
from tests.upstream import End, Upstream, open_stream, reply, stream

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ask(ai: OpenAI, **members: Any) -> Any:
    """Return the answer, a stream's as a list of its chunks."""

    def in_thread() -> Any:
        said: Any = ai.chat.completions.create(model="up:m1", messages=HELLO, **members)
        return list(said) if members.get("stream") else said

    return await asyncio.to_thread(in_thread)


async def test_stream(up: Upstream, sync_ai: OpenAI) -> None:
    up.scripts["sync-stream"] = stream(chat_stream("one ", "two ", "three"))

    chunks = await ask(sync_ai, stream=True, user="sync-stream")

    assert text_of(chunks) == "one two three"
    assert chunks[-1].usage.total_tokens == 6


async def test_whole_answer(up: Upstream, sync_ai: OpenAI) -> None:
    up.scripts["sync-whole"] = reply(REPLY)

    answer = await ask(sync_ai, user="sync-whole")

    assert answer.to_dict(warnings=False) == REPLY


async def test_parallel_calls_assemble(up: Upstream, sync_ai: OpenAI) -> None:
    """``.stream()`` joins the fragments of two calls."""
    up.scripts["sync-calls"] = stream(TWO_CALLS)

    def in_thread() -> Any:
        with sync_ai.chat.completions.stream(
            model="up:m1", messages=HELLO, tools=[WEATHER], user="sync-calls"
        ) as events:
            return events.get_final_completion()

    final = await asyncio.to_thread(in_thread)

    calls = final.choices[0].message.tool_calls
    cities = [call.function.parsed_arguments["city"] for call in calls]
    assert cities == ["Brno", "Praha"]


async def test_models(sync_ai: OpenAI) -> None:
    listed = await asyncio.to_thread(lambda: [m.id for m in sync_ai.models.list()])

    assert "up:m1" in listed


async def test_upstream_status(up: Upstream, sync_ai: OpenAI) -> None:
    up.scripts["sync-429"] = reply({"error": {"message": "no luck"}}, 429)

    with pytest.raises(openai.RateLimitError, match="no luck"):
        await ask(sync_ai, user="sync-429")


async def test_broken_stream_raises(up: Upstream, sync_ai: OpenAI) -> None:
    """A stream that breaks is an exception, never a short answer."""
    up.scripts["sync-cut"] = [*open_stream(text_chunk("one ")), End.RST]

    with pytest.raises(openai.APIError):
        await ask(sync_ai, stream=True, user="sync-cut")
