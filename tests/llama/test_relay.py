"""A real inference server behind the real gateway: nothing is lost or added."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from math import sqrt
from typing import Any

import pytest

from tests.client import ask
from tests.llama.asking import (
    COMPLETIONS,
    EMBEDDINGS,
    ask_both,
    chunks,
    config,
    deltas,
    joined,
    masked,
    question,
)
from tests.llama.chains import CALLED, CALLS, SPEECH, THOUGHT, TOOLS
from tests.llama.model import BEGIN, FIRST_BYTE, prompt_tokens
from tests.llama.serve import CONTEXT
from tests.process import Gateway, gateway

pytestmark = pytest.mark.needs("python:xllamacpp")

KINDS = ("llama.cpp", "vllm", "sglang", "lmstudio", "tgi", "openai-compatible")
ASK_USAGE = {"stream_options": {"include_usage": True}}


def assert_counted(done: dict[str, Any], prompt: int, output: int) -> None:
    assert done["usage_source"] == "provider"
    assert (done["input_tokens"], done["output_tokens"]) == (prompt, output)


async def only_done(g: Gateway) -> dict[str, Any]:
    """Return the account of the one request that was made, which went well."""
    done = await g.event("exchange.done")
    assert done["outcome"] == "completed"
    assert (done["status"], done["error_code"]) == (200, None)
    assert done["backend"] == "lab"
    return done


@pytest.mark.parametrize("kind", KINDS)
async def test_stream(speaker: str, kind: str) -> None:
    """The stream is the server's own, byte for byte, whatever the backend's type."""
    async with gateway(config(speaker, kind, models=["speech"])) as g:
        through, direct = await ask_both(g, speaker, question("speech"))
        done = await only_done(g)

    assert masked(through.body) == masked(direct.body)
    assert joined(through) == SPEECH.text
    assert through.complete
    assert through.header("content-type") == direct.header("content-type")
    assert (done["stream"], done["finish"]) == (True, ["stop"])
    assert (done["usage_source"], done["output_tokens"]) == ("none", None)
    assert done["bytes"] == len(through.body)
    assert done["upstream_model"] == "speech"


@pytest.mark.parametrize("kind", ["llama.cpp", "vllm"])
async def test_whole_answer(speaker: str, kind: str) -> None:
    """A reply that is not streamed is the server's own, and its tokens count."""
    async with gateway(config(speaker, kind, models=["speech"])) as g:
        body = question("speech", stream=False)
        through, direct = await ask_both(g, speaker, body)
        done = await only_done(g)

    assert masked(through.body) == masked(direct.body)
    assert through.json["choices"][0]["message"]["content"] == SPEECH.text
    assert (done["stream"], done["finish"]) == (False, ["stop"])
    assert_counted(done, prompt_tokens("hello"), SPEECH.tokens)


async def test_usage_chunk(speaker: str) -> None:
    """Token counts that the client asked for reach the client and the account."""
    async with gateway(config(speaker)) as g:
        body = question("speech", **ASK_USAGE)
        through, direct = await ask_both(g, speaker, body)
        done = await only_done(g)

    last = chunks(through)[-1]
    assert masked(through.body) == masked(direct.body)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == SPEECH.tokens
    assert_counted(done, prompt_tokens("hello"), SPEECH.tokens)


async def test_usage_for_the_account_only(speaker: str) -> None:
    """A route may have the server count; a client that did not ask sees nothing."""
    settings = config(speaker)
    settings["routes"] = [{"model": "counted", "to": "lab:speech", "ask_usage": True}]
    async with gateway(settings) as g:
        answer = await ask(g.port, question("counted"))
        done = await only_done(g)

    assert joined(answer) == SPEECH.text
    assert all(c["choices"] and not c.get("usage") for c in chunks(answer))
    assert_counted(done, prompt_tokens("hello"), SPEECH.tokens)


async def test_length(speaker: str) -> None:
    """A limit of the client's ends the text there, with the word for it."""
    async with gateway(config(speaker)) as g:
        answer = await ask(g.port, question("lab:speech", max_tokens=7, **ASK_USAGE))
        done = await only_done(g)

    assert joined(answer) == "".join(SPEECH.pieces[:7])
    assert done["finish"] == ["length"]
    assert_counted(done, prompt_tokens("hello"), 7)


async def test_tool_calls_in_fragments(caller: str) -> None:
    """Two calls come in fragments, which join to what the model wrote."""
    async with gateway(config(caller)) as g:
        body = question("calls", tools=TOOLS, parallel_tool_calls=True, **ASK_USAGE)
        through, direct = await ask_both(g, caller, body)
        done = await only_done(g)

    fragments = [f for delta in deltas(through) for f in delta.get("tool_calls", ())]
    names = ["", ""]
    arguments = ["", ""]
    for fragment in fragments:
        names[fragment["index"]] += fragment["function"].get("name", "")
        arguments[fragment["index"]] += fragment["function"].get("arguments", "")
    assert masked(through.body) == masked(direct.body)
    assert list(zip(names, arguments, strict=True)) == CALLED
    assert len(fragments) > 6
    assert done["finish"] == ["tool_calls"]
    assert done["output_tokens"] == CALLS.tokens


async def test_tool_calls_at_once(caller: str) -> None:
    """The same two calls in a whole answer."""
    async with gateway(config(caller)) as g:
        body = question("calls", stream=False, tools=TOOLS, parallel_tool_calls=True)
        through, direct = await ask_both(g, caller, body)
        done = await only_done(g)

    assert masked(through.body) == masked(direct.body)
    assert done["finish"] == ["tool_calls"]


async def test_reasoning(thinker: str) -> None:
    """Reasoning streams in its own member, before the text."""
    async with gateway(config(thinker)) as g:
        body = question("thought", **ASK_USAGE)
        through, direct = await ask_both(g, thinker, body)
        done = await only_done(g)

    assert masked(through.body) == masked(direct.body)
    assert joined(through, "reasoning_content") == "".join(THOUGHT.thought)
    assert joined(through) == THOUGHT.text
    assert done["output_tokens"] == THOUGHT.tokens


async def test_logprobs(speaker: str) -> None:
    """Log probabilities stay with their tokens."""
    async with gateway(config(speaker)) as g:
        body = question("speech", logprobs=True, top_logprobs=2)
        through, direct = await ask_both(g, speaker, body)

    choices = [chunk["choices"][0] for chunk in chunks(through)]
    tokens = [
        told["token"]
        for choice in choices
        for told in (choice.get("logprobs") or {}).get("content", ())
    ]
    assert masked(through.body) == masked(direct.body)
    assert "".join(tokens) == SPEECH.text


@pytest.mark.parametrize("stream", [True, False])
async def test_completions(speaker: str, stream: bool) -> None:
    """The older text endpoint passes, streamed or not, and is accounted for."""
    async with gateway(config(speaker)) as g:
        body = {"model": "speech", "prompt": "hello", "stream": stream, **ASK_USAGE}
        through, direct = await ask_both(g, speaker, body, COMPLETIONS)
        done = await only_done(g)

    replies = chunks(through) if stream else [through.json]
    texts = [choice["text"] for reply in replies for choice in reply["choices"]]
    assert masked(through.body) == masked(direct.body)
    assert "".join(texts) == SPEECH.text
    assert_counted(done, len("<hello"), SPEECH.tokens)  # a begin token, five letters


def bag_of_letters(text: str, width: int) -> Iterator[float]:
    """Yield the mean of one-hot embeddings, brought to length one."""
    counts = Counter([BEGIN, *(FIRST_BYTE + letter for letter in text.encode())])
    length = sqrt(sum(n * n for n in counts.values()))
    return (counts[token] / length for token in range(width))


async def test_embeddings(embedder: str) -> None:
    """A vector passes; here it counts the letters of the text."""
    async with gateway(config(embedder)) as g:
        body = {"model": "embed", "input": "hello"}
        through, direct = await ask_both(g, embedder, body, EMBEDDINGS)
        done = await only_done(g)

    [item] = through.json["data"]
    counted = list(bag_of_letters("hello", len(item["embedding"])))
    assert through.body == direct.body
    assert item["embedding"] == pytest.approx(counted)
    assert done["input_tokens"] == len("<hello")


async def listed_models(g: Gateway) -> list[str]:
    """Return the list once there is one: it is asked for after the start."""
    async with asyncio.timeout(5):
        while True:
            answer = await ask(g.port, path="/v1/models", method="GET")
            if ids := [model["id"] for model in answer.json["data"]]:
                return ids
            await asyncio.sleep(0.01)


async def test_models_are_found(speaker: str) -> None:
    """The server's models are soon listed, and a bare name finds its way."""
    async with gateway(config(speaker)) as g:
        ids = await listed_models(g)
        one = await ask(g.port, path="/v1/models/lab:speech", method="GET")
        bare = await ask(g.port, question("speech"))
        done = await only_done(g)

    assert ids == ["lab:speech"]
    assert one.json["id"] == "lab:speech"
    assert joined(bare) == SPEECH.text
    assert (done["model"], done["backend"]) == ("speech", "lab")


@pytest.mark.parametrize("stream", [True, False])
async def test_context_overflow(speaker: str, stream: bool) -> None:
    """The server's refusal reaches the client as it was, status and body."""
    async with gateway(config(speaker)) as g:
        prompt = [{"role": "user", "content": "x" * (CONTEXT + 1)}]
        body = question("speech", stream=stream, messages=prompt)
        through, direct = await ask_both(g, speaker, body)
        done = await g.event("exchange.done")

    assert (through.status, through.body) == (400, direct.body)
    assert through.error["type"] == "exceed_context_size_error"
    assert (done["outcome"], done["status"]) == ("upstream_failed", 400)


async def test_refused_request(speaker: str) -> None:
    """What only the server finds wrong, the server says."""
    async with gateway(config(speaker)) as g:
        body = question("speech", messages="none")
        through, direct = await ask_both(g, speaker, body)

    assert direct.status >= 400
    assert (through.status, through.body) == (direct.status, direct.body)


@pytest.mark.parametrize("kind", ["llama.cpp", "lmstudio"])
async def test_messages(speaker: str, kind: str) -> None:
    """Anthropic's protocol is spoken by the server itself, and passes untouched."""
    body = {
        "model": "speech",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "hello"}],
    }
    async with gateway(config(speaker, kind, models=["speech"])) as g:
        await ask_both(
            g, speaker, body, "/v1/messages"
        )  # what it then has in its cache
        done = await only_done(g)
        through, direct = await ask_both(g, speaker, body, "/v1/messages")

    assert through.status == 200
    assert masked(through.body) == masked(direct.body)
    assert through.json["content"][-1]["text"] == SPEECH.text
    assert_counted(done, prompt_tokens("hello"), SPEECH.tokens)


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
async def test_counted(speaker: str, kind: str) -> None:
    """The server counts the tokens of a request itself."""
    body = {"model": "speech", "messages": [{"role": "user", "content": "hello"}]}
    path = "/v1/messages/count_tokens"
    async with gateway(config(speaker, kind, models=["speech"])) as g:
        through, direct = await ask_both(g, speaker, body, path)

    assert (through.status, through.body) == (200, direct.body)
    assert through.json["input_tokens"] == prompt_tokens("hello")
