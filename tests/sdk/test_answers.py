"""What the upstream says, as the SDK hands it to its user."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING

import pytest

from tests.process import UPSTREAM_KEY, Gateway
from tests.sdk.conftest import CALLER_KEY, KEEP_ALIVE
from tests.sdk.written import (
    HELLO,
    REPLY,
    TWO_CALLS,
    TWO_CALLS_ABREAST,
    WEATHER,
    text_of,
)
from tests.streams import DONE, chat_stream, data, finish_chunk, text_chunk
from tests.upstream import (
    LAST_CHUNK,
    Pause,
    Upstream,
    chunk,
    open_stream,
    reply,
    stream,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_stream(g: Gateway, up: Upstream, ai: AsyncOpenAI) -> None:
    """Every chunk comes as an object, in order; usage is in the last."""
    up.scripts["stream"] = stream(chat_stream("one ", "two ", "three"))

    said = await ai.chat.completions.create(
        model="up:m1",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
        user="stream",
    )
    chunks = [piece async for piece in said]

    done = await g.done(said.response.headers["x-request-id"])
    assert text_of(chunks) == "one two three"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 6
    assert done["outcome"] == "completed"
    assert (done["input_tokens"], done["output_tokens"]) == (3, 3)


async def test_whole_answer(g: Gateway, up: Upstream, ai: AsyncOpenAI) -> None:
    """A whole answer keeps what no SDK knows yet, and its tokens count."""
    up.scripts["whole"] = reply(REPLY)

    answer = await ai.chat.completions.create(
        model="up:m1", messages=HELLO, user="whole"
    )

    assert answer._request_id is not None
    done = await g.done(answer._request_id)
    assert answer.choices[0].message.content == "three words said"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4
    assert answer.to_dict(warnings=False) == REPLY
    assert (done["input_tokens"], done["output_tokens"]) == (3, 4)


async def test_request_arrives(up: Upstream, ai: AsyncOpenAI) -> None:
    """All but the model's name reaches the upstream; the caller's key does not."""
    up.scripts["arrives"] = reply(REPLY)

    await ai.chat.completions.create(
        model="up:m1",
        messages=HELLO,
        user="arrives",
        seed=2**63 + 1,
        extra_body={"not_invented": {"a": [None, 1.50]}},
    )

    request = await up.request("arrives")
    assert request.json == {
        "model": "m1",
        "messages": HELLO,
        "user": "arrives",
        "seed": 2**63 + 1,
        "not_invented": {"a": [None, 1.5]},
    }
    assert request.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert CALLER_KEY not in str(request.headers)


async def test_parallel_calls_assemble(up: Upstream, ai: AsyncOpenAI) -> None:
    """The SDK's own assembly joins the fragments of two calls."""
    up.scripts["calls"] = stream(TWO_CALLS)

    async with ai.chat.completions.stream(
        model="up:m1", messages=HELLO, tools=[WEATHER], user="calls"
    ) as events:
        seen = [event.type async for event in events]
        final = await events.get_final_completion()

    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [call.id for call in calls] == ["call_0", "call_1"]
    assert [call.function.parsed_arguments for call in calls] == [
        {"city": "Brno"},
        {"city": "Praha"},
    ]
    assert final.choices[0].finish_reason == "tool_calls"
    assert seen.count("tool_calls.function.arguments.done") == 2


async def test_calls_abreast(up: Upstream, ai: AsyncOpenAI) -> None:
    """Fragments that alternate between two calls stay with their index."""
    up.scripts["abreast"] = stream(TWO_CALLS_ABREAST)

    said = await ai.chat.completions.create(
        model="up:m1", messages=HELLO, tools=[WEATHER], stream=True, user="abreast"
    )
    arguments = ["", ""]
    async for piece in said:
        for call in piece.choices[0].delta.tool_calls or ():
            assert call.function is not None
            arguments[call.index] += call.function.arguments or ""

    assert arguments == ['{"city": "Brno"}', '{"city": "Praha"}']


async def test_stream_helper(up: Upstream, ai: AsyncOpenAI) -> None:
    """``.stream()`` tells of each delta and of the text's end."""
    up.scripts["helper"] = stream(chat_stream("one ", "two ", "three"))

    async with ai.chat.completions.stream(
        model="up:m1", messages=HELLO, user="helper"
    ) as events:
        seen = [event async for event in events]
        final = await events.get_final_completion()

    deltas = [event.delta for event in seen if event.type == "content.delta"]
    [end] = [event for event in seen if event.type == "content.done"]
    assert deltas == ["one ", "two ", "three"]
    assert end.content == "one two three"
    assert final.choices[0].message.content == "one two three"


async def test_long_silence(up: Upstream, ai: AsyncOpenAI) -> None:
    """
    Comments keep a silent stream alive for a client with a short time-out, and
    the SDK does not take them for events, not even after an ``id:`` line.
    """
    silence = Pause(5 * KEEP_ALIVE)
    up.scripts["silence"] = [
        *open_stream(),
        silence,
        chunk(b"id: 1\n" + text_chunk("one ")),
        silence,
        chunk(b"id: 2\n" + text_chunk("two")),
        chunk(finish_chunk()),
        chunk(DONE),
        LAST_CHUNK,
    ]

    said = await ai.with_options(timeout=3 * KEEP_ALIVE).chat.completions.create(
        model="up:m1", messages=HELLO, stream=True, user="silence"
    )
    chunks = [piece async for piece in said]

    assert text_of(chunks) == "one two"
    assert len(chunks) == 3


async def test_completions(g: Gateway, up: Upstream, ai: AsyncOpenAI) -> None:
    """The older text endpoint streams."""
    pieces = [
        data(
            {
                "id": "cmpl-written",
                "object": "text_completion",
                "created": 1,
                "model": "m1",
                "choices": [{"index": 0, "text": text, "finish_reason": reason}],
            }
        )
        for text, reason in (("one ", None), ("two", None), ("", "stop"))
    ]
    up.scripts["completions"] = stream([*pieces, DONE])

    said = await ai.completions.create(
        model="up:m1", prompt="hello", stream=True, user="completions"
    )
    text = "".join([piece.choices[0].text async for piece in said])

    request = await up.request("completions")
    done = await g.done(said.response.headers["x-request-id"])
    assert text == "one two"
    assert request.path == "/v1/completions"
    assert (done["outcome"], done["finish"]) == ("completed", ["stop"])


async def test_embeddings(g: Gateway, up: Upstream, ai: AsyncOpenAI) -> None:
    """The SDK asks for base64 by itself, and gets the numbers out again."""
    vector = [0.5, -0.25, 2.0]
    packed = base64.b64encode(struct.pack("<3f", *vector)).decode()
    item = {"object": "embedding", "index": 0, "embedding": packed}
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    up.scripts["embeddings"] = reply(
        {"object": "list", "model": "m1", "data": [item], "usage": usage}
    )

    answer = await ai.embeddings.create(
        model="up:m1", input=["hello"], user="embeddings"
    )

    request = await up.request("embeddings")
    assert answer._request_id is not None
    done = await g.done(answer._request_id)
    assert answer.data[0].embedding == vector
    assert request.path == "/v1/embeddings"
    assert request.json["encoding_format"] == "base64"
    assert done["input_tokens"] == 2


async def test_models(ai: AsyncOpenAI) -> None:
    """Configured models are listed, and each can be looked up."""
    listed = [model.id async for model in ai.models.list()]

    one = await ai.models.retrieve("up:m1")

    assert "up:m1" in listed
    assert any(name.startswith("demo:") for name in listed)
    assert len(listed) == len(set(listed))
    assert (one.id, one.object) == ("up:m1", "model")


async def test_raw_response(g: Gateway, up: Upstream, ai: AsyncOpenAI) -> None:
    """The request's id is the caller's if it gave one, in headers and log."""
    up.scripts["raw"] = reply(REPLY)

    raw = await ai.chat.completions.with_raw_response.create(
        model="up:m1",
        messages=HELLO,
        user="raw",
        extra_headers={"x-request-id": "mine-1"},
    )

    assert raw.headers["x-request-id"] == "mine-1"
    assert raw.status_code == 200
    assert json.loads(await raw.http_response.aread()) == REPLY
    assert (await g.done("mine-1"))["status"] == 200
