"""In what providers differ from their protocol, and how they are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.connectors.compatible.answers import STREAM, TEXT, WHOLE
from tests.connectors.compatible.bench import DOORS, door, question
from tests.upstream import reply, stream

if TYPE_CHECKING:
    from tests.connectors.compatible.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLDER = (b'"max_completion_tokens": 9', b'"max_tokens":9')


@pytest.mark.parametrize(
    ("name", "sent", "arrived"),
    [
        ("databricks", *OLDER),
        ("deepseek", *OLDER),
        ("lmstudio", *OLDER),
        ("minimax", b'"reasoning_split": false', b'"reasoning_split": false'),
        ("nvidia", *OLDER),
        ("perplexity", *OLDER),
        ("zai", *OLDER),
        ("zai-coding", *OLDER),
        ("groq", b'"max_completion_tokens": 9', b'"max_completion_tokens": 9'),
    ],
)
async def test_edits(bench: Bench, name: str, sent: bytes, arrived: bytes) -> None:
    """What a provider does not understand is said in the way that it does."""
    body = b'{"model": "%b:m1", "odd": 1e400, %b}' % (name.encode(), sent)

    *_, request = await bench.post(
        reply(WHOLE["openai_chat"]), DOORS["openai_chat"], body
    )

    assert b"1e400" in request.body
    assert arrived in request.body
    assert sent == arrived or sent not in request.body


@pytest.mark.parametrize(
    "name", ["cerebras", "deepseek", "moonshot", "nvidia", "zai", "zai-coding"]
)
async def test_old_roles(bench: Bench, name: str) -> None:
    """A client's `developer` is what these providers call `system`."""
    first, then = (
        b'{"role": "developer", "content": "x"}',
        b'{"content": "y", "role": "user"}',
    )
    body = b'{"model": "%b:m1", "messages": [ %b, %b], "odd": 1e400}' % (
        name.encode(),
        first,
        then,
    )

    *_, request = await bench.post(
        reply(WHOLE["openai_chat"]), DOORS["openai_chat"], body
    )

    assert request.body == (
        b'{"model": "m1", "messages": [{"role": "system", "content": "x"},'
        b'{"content": "y", "role": "user"}], "odd": 1e400}'
    )


async def test_counts_are_not_asked_for_where_that_is_refused(bench: Bench) -> None:
    """NVIDIA hangs over `stream_options`, so not even the gateway sends it."""
    body = b'{"model": "nvidia:m1", "stream": true, "messages": []}'

    _, said, request = await bench.post(
        stream([STREAM["openai_chat"]]), DOORS["openai_chat"], body
    )

    assert TEXT in said.decode()
    assert "stream_options" not in request.json


OFF = {"thinkingConfig": {"thinkingBudget": 0}}
SOME = {"thinkingConfig": {"thinkingBudget": 700}}
MOST = {"maxOutputTokens": 9}


@pytest.mark.parametrize(
    ("name", "config", "members"),
    [
        ("cerebras", MOST, {"max_completion_tokens": 9}),
        ("minimax", MOST, {"max_completion_tokens": 9}),
        ("moonshot", MOST, {"max_completion_tokens": 9}),
        ("snowflake", MOST, {"max_completion_tokens": 9}),
        ("groq", MOST, {"max_tokens": 9}),
        ("cerebras", {"frequencyPenalty": 1, "topP": 0.5}, {"top_p": 0.5}),
        ("groq", {"responseLogprobs": True, "topP": 0.5}, {"top_p": 0.5}),
        ("groq", SOME, {"reasoning_effort": "low"}),
        ("qwen", SOME, {"enable_thinking": True, "thinking_budget": 700}),
        ("siliconflow", OFF, {"enable_thinking": False}),
        ("deepseek", OFF, {"thinking": {"type": "disabled"}}),
        ("minimax", OFF, {"thinking": {"type": "disabled"}}),
        ("moonshot", OFF, {"thinking": {"type": "disabled"}}),
        ("zai", OFF, {"thinking": {"type": "disabled"}}),
        ("together", OFF, {"reasoning": {"enabled": False}}),
        ("together", SOME, {"reasoning_effort": "low"}),
    ],
)
async def test_own_words(
    bench: Bench, name: str, config: dict[str, Any], members: dict[str, Any]
) -> None:
    """What another dialect's client wants is asked for in the provider's words."""
    body = json.loads(question("gemini", "m1").replace(b"1e400", b"1"))

    *_, request = await bench.post(
        reply(WHOLE["openai_chat"]),
        door("gemini", f"{name}:m1"),
        json.dumps(body | {"generationConfig": config}).encode(),
    )

    said = {"model", "messages", "reasoning_split", "odd"}
    assert {k: v for k, v in request.json.items() if k not in said} == members


@pytest.mark.parametrize(
    ("name", "takes"),
    [("groq", False), ("cerebras", False), ("nvidia", False), ("novita", True)],
)
async def test_thoughts_of_before(bench: Bench, name: str, takes: bool) -> None:
    """Earlier thoughts go to who takes them; strict providers refuse the member."""
    contents = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "yes"}]},
        {"role": "user", "parts": [{"text": "why"}]},
    ]

    *_, request = await bench.post(
        reply(WHOLE["openai_chat"]),
        door("gemini", f"{name}:m1"),
        json.dumps({"contents": contents}).encode(),
    )

    answer = request.json["messages"][1]
    assert answer["content"] == "yes"
    assert ("reasoning_content" in answer) is takes
