"""The demo backend, which needs no upstream, as an SDK's user meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.sdk.written import HELLO, WEATHER, hear, text_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from tests.process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ask(ai: AsyncOpenAI, model: str, **members: Any) -> Any:
    return await ai.chat.completions.create(
        model=f"demo:{model}", messages=HELLO, **members
    )


async def test_stream(g: Gateway, ai: AsyncOpenAI) -> None:
    """A text comes in pieces, with its counts when they are asked for."""
    said = await ask(
        ai,
        "lorem?tokens=20&rate=0",
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks, error = await hear(said)

    done = await g.done(said.response.headers["x-request-id"])
    assert error is None
    assert len(text_of(chunks).split()) == 20
    assert chunks[-1].usage.completion_tokens == 20
    assert (done["outcome"], done["output_tokens"]) == ("completed", 20)


async def test_usage_only_if_wanted(ai: AsyncOpenAI) -> None:
    """Clients that did not ask for counts get no chunk without a choice."""
    chunks, _ = await hear(await ask(ai, "hello?rate=0", stream=True))

    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_same_answer_whole(ai: AsyncOpenAI) -> None:
    """Streamed or not, a model says the same."""
    chunks, _ = await hear(await ask(ai, "hello?rate=0", stream=True))
    whole = await ask(ai, "hello?rate=0")

    assert whole.choices[0].message.content == text_of(chunks)
    assert {chunk.model for chunk in chunks} == {whole.model} == {"hello"}
    assert whole.usage.completion_tokens > 0


async def test_thinking(ai: AsyncOpenAI) -> None:
    """Thoughts come before the answer, in the member that most clients read."""
    chunks, _ = await hear(await ask(ai, "think?rate=0", stream=True))

    kinds = [
        "thought" if hasattr(delta, "reasoning_content") else "text"
        for delta in (chunk.choices[0].delta for chunk in chunks)
        if delta.content or hasattr(delta, "reasoning_content")
    ]
    assert kinds[0] == "thought"
    assert kinds[-1] == "text"
    assert kinds == sorted(kinds, key=["thought", "text"].index)


@pytest.mark.parametrize("calls", [1, 2])
async def test_tools(ai: AsyncOpenAI, calls: int) -> None:
    """The tool that the client offers is called with arguments that fit it."""
    async with ai.chat.completions.stream(
        model=f"demo:tools?rate=0&parallel={calls}", messages=HELLO, tools=[WEATHER]
    ) as events:
        final = await events.get_final_completion()

    made = final.choices[0].message.tool_calls or []
    assert final.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in made] == ["weather"] * calls
    for call in made:
        arguments: Any = call.function.parsed_arguments
        assert list(arguments) == ["city"]
        assert isinstance(arguments["city"], str)


async def test_refusal(ai: AsyncOpenAI) -> None:
    answer = await ask(ai, "refuse?rate=0")

    assert answer.choices[0].message.refusal


@pytest.mark.parametrize("streamed", [True, False])
async def test_failure(ai: AsyncOpenAI, streamed: bool) -> None:
    """It fails with the status that it is told, and says when to come back."""
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(ai, "fail?status=429&retry_after=7", stream=streamed)

    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("model", "outcome"), [("fail?after=3", "upstream_failed"), ("cut", "truncated")]
)
async def test_broken_stream_raises(
    g: Gateway, ai: AsyncOpenAI, model: str, outcome: str
) -> None:
    """A failure in the middle is an exception after the text that came before."""
    said = await ask(ai, model, stream=True)
    chunks, broken = await hear(said)

    done = await g.done(said.response.headers["x-request-id"])
    assert text_of(chunks)
    assert type(broken) is openai.APIError
    assert done["outcome"] == outcome


async def test_closed_stream(g: Gateway, ai: AsyncOpenAI) -> None:
    """Closing the stream stops the demo, too, even where it hangs."""
    said = await ask(ai, "hang?rate=0&after=2", stream=True)
    async for chunk in said:
        if chunk.choices[0].delta.content:
            break
    await said.close()

    done = await g.done(said.response.headers["x-request-id"])
    assert done["outcome"] == "client_gone"
