"""The gateway in front of Bedrock, from a client's socket to a checked signature."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.bedrock.fake import (
    API_KEY,
    KEY_ID,
    REGION,
    SECRET,
    Answer,
    Fake,
    fake,
    refusal,
    stream,
    whole,
)
from tests.eventstream import chunk, event
from tests.process import Gateway, gateway

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-lite-v1:0"
ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2"
MESSAGE: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_bdrk_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 9, "output_tokens": 1},
        },
    },
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": ""},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Grüße\u2028!"},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 4},
    },
    {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9},
    },
]
PAYLOADS = [json.dumps(each, ensure_ascii=False).encode() for each in MESSAGE]
SSE = b"".join(
    b"event: %b\ndata: %b\n\n" % (each["type"].encode(), payload)
    for each, payload in zip(MESSAGE, PAYLOADS, strict=True)
)
USAGE = {"inputTokens": 9, "outputTokens": 4, "totalTokens": 13}
TEXT = [
    event("messageStart", {"role": "assistant"}),
    event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}}),
    event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": " you"}}),
    event("contentBlockStop", {"contentBlockIndex": 0}),
    event("messageStop", {"stopReason": "end_turn"}),
    event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}}),
]
THROTTLED = event("!throttlingException", {"message": "Too many tokens."})


@asynccontextmanager
async def running(
    *answers: Answer, **members: Any
) -> AsyncIterator[tuple[Fake, Gateway, aiohttp.ClientSession]]:
    """Yield a fake Bedrock, the gateway before it, and a client."""
    async with fake(*answers) as bedrock:
        backend = {"api_base_url": bedrock.url, **(members or signed())}
        config = {"backends": {"bedrock": backend}, "default_backend": "bedrock"}
        environ = bedrock.environ
        async with gateway(config, env=environ) as process:
            async with aiohttp.ClientSession(process.url) as client:
                yield bedrock, process, client


def signed() -> dict[str, Any]:
    keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET}
    return {"auth": {"region": REGION, **keys}}


def messages(model: str = CLAUDE, **members: Any) -> dict[str, Any]:
    question = [{"role": "user", "content": "Hello"}]
    return {
        "model": f"bedrock:{model}",
        "max_tokens": 50,
        "messages": question,
        **members,
    }


def chat(model: str = NOVA, **members: Any) -> dict[str, Any]:
    question = [{"role": "user", "content": "Hello"}]
    return {"model": f"bedrock:{model}", "messages": question, **members}


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[i : i + size] for i in range(0, len(body), size)]


# -- Messages, passed on


@pytest.mark.parametrize("size", [7, 100000])
async def test_messages_stream(size: int) -> None:
    """The events that a client gets are Claude's own, byte by byte."""
    body = b"".join(map(chunk, PAYLOADS))
    async with running(stream(*cut(body, size))) as (bedrock, process, client):
        async with client.post(
            "/v1/messages?beta=true",
            json=messages(stream=True),
            headers={
                "anthropic-beta": "one-2025-01-01,two-2025-01-01",
                "anthropic-version": "2023-06-01",
            },
        ) as answer:
            told = await answer.read()
        line = await process.event("exchange.done")

    received = bedrock.requests[0]
    assert (answer.status, told) == (200, SSE)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert received.path == (
        f"/model/{CLAUDE.replace(':', '%3A')}/invoke-with-response-stream"
    )
    assert received.json == {
        "anthropic_beta": ["one-2025-01-01", "two-2025-01-01"],
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    assert not {"anthropic-beta", "anthropic-version"} & received.headers.keys()
    assert (line["input_tokens"], line["output_tokens"]) == (9, 4)
    assert line["outcome"] == "completed"


async def test_messages_whole() -> None:
    message = {
        **MESSAGE[0]["message"],
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi"}],
    }
    async with running(whole(message)) as (bedrock, _, client):
        async with client.post("/v1/messages", json=messages()) as answer:
            assert await answer.json() == message
    assert bedrock.requests[0].path.endswith("/invoke")


async def test_messages_broken_off() -> None:
    """A cut stays a cut: the client is told in Anthropic's own words."""
    body = b"".join(map(chunk, PAYLOADS[:4]))
    async with running(stream(body, cut=True)) as (_, process, client):
        async with client.post("/v1/messages", json=messages(stream=True)) as answer:
            told = await answer.read()
        line = await process.event("exchange.done")

    assert told.startswith(SSE[: SSE.index(b"event: message_delta")])
    assert b"event: error\n" in told
    assert b"message_stop" not in told
    assert line["outcome"] != "completed"


async def test_messages_exception_in_the_middle() -> None:
    body = [chunk(PAYLOADS[0]), chunk(PAYLOADS[1]), THROTTLED]
    async with running(stream(*body)) as (_, process, client):
        async with client.post("/v1/messages", json=messages(stream=True)) as answer:
            told = await answer.read()
        line = await process.event("exchange.done")

    said = {"type": "rate_limit_error", "message": "Too many tokens."}
    last = told.rpartition(b"event: error\ndata: ")[2]
    assert json.loads(last) == {"type": "error", "error": said}
    assert line["outcome"] == "upstream_failed"


async def test_messages_exception_first() -> None:
    """Nothing was said yet: the answer has a status of its own."""
    async with running(stream(THROTTLED)) as (_, _, client):
        async with client.post("/v1/messages", json=messages(stream=True)) as answer:
            told = await answer.json()

    assert answer.status == 429
    assert told["error"]["type"] == "rate_limit_error"


# -- others, translated to Converse


@pytest.mark.parametrize("size", [7, 100000])
async def test_chat_stream(size: int) -> None:
    """A chat client hears what Converse says, and its words arrive."""
    body = b"".join(TEXT)
    asked = chat(stream=True, max_tokens=20, stream_options={"include_usage": True})
    async with running(stream(*cut(body, size))) as (bedrock, process, client):
        async with client.post("/v1/chat/completions", json=asked) as answer:
            told = (await answer.read()).decode()
        line = await process.event("exchange.done")

    chunks = [json.loads(part[6:]) for part in told.split("\n\n") if "{" in part]
    words = [c["choices"][0]["delta"].get("content") for c in chunks if c["choices"]]
    received = bedrock.requests[0]
    assert "".join(filter(None, words)) == "Hi you"
    assert told.endswith("data: [DONE]\n\n")
    assert chunks[-1]["usage"]["total_tokens"] == 13
    assert received.path == "/model/amazon.nova-lite-v1%3A0/converse-stream"
    assert received.json == {
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 20},
    }
    assert (line["outcome"], line["output_tokens"]) == ("completed", 4)


@pytest.mark.parametrize("model", [ARN, CLAUDE, NOVA])
async def test_chat_whole(model: str) -> None:
    """Ids with colons and ARNs with slashes arrive, and are signed as they arrive."""
    message = {"role": "assistant", "content": [{"text": "Hi"}]}
    reply = {
        "output": {"message": message},
        "stopReason": "end_turn",
        "usage": USAGE,
        "metrics": {"latencyMs": 5},
    }
    async with running(whole(reply)) as (bedrock, _, client):
        async with client.post("/v1/chat/completions", json=chat(model)) as answer:
            told = await answer.json()

    assert answer.status == 200
    assert told["choices"][0]["message"]["content"] == "Hi"
    quoted = model.replace(":", "%3A").replace("/", "%2F")
    assert bedrock.requests[0].path == f"/model/{quoted}/converse"


async def test_chat_exception_in_the_middle() -> None:
    async with running(stream(*TEXT[:3], THROTTLED)) as (_, process, client):
        async with client.post(
            "/v1/chat/completions", json=chat(stream=True)
        ) as answer:
            told = (await answer.read()).decode()
        line = await process.event("exchange.done")

    last = json.loads(told.rpartition("data: ")[2])
    assert last["error"]["message"] == "Too many tokens."
    assert "[DONE]" not in told
    assert line["error_code"] == "throttlingException"


async def test_chat_without_metadata() -> None:
    """An answer without its last message is no success."""
    async with running(stream(*TEXT[:5])) as (_, process, client):
        async with client.post(
            "/v1/chat/completions", json=chat(stream=True)
        ) as answer:
            told = (await answer.read()).decode()
        line = await process.event("exchange.done")

    assert "[DONE]" not in told
    assert '"finish_reason":"' not in told
    assert line["outcome"] == "truncated"


async def test_openai_model() -> None:
    """OpenAI's models speak OpenAI's protocol: what comes is passed on."""
    reply = {"id": "c1", "object": "chat.completion", "choices": []}
    async with running(whole(reply)) as (bedrock, _, client):
        asked = chat("openai.gpt-oss-20b-1:0")
        async with client.post("/v1/chat/completions", json=asked) as answer:
            assert await answer.json() == reply
    assert bedrock.requests[0].path == "/openai/v1/chat/completions"
    assert bedrock.requests[0].json["model"] == "openai.gpt-oss-20b-1:0"


# -- cancelling, errors, credentials


@pytest.mark.parametrize(
    ("path", "asked", "pieces"),
    [
        ("/v1/messages", messages(stream=True), [chunk(PAYLOADS[0])]),
        ("/v1/chat/completions", chat(stream=True), TEXT[:2]),
    ],
    ids=["passed", "translated"],
)
async def test_cancel(path: str, asked: dict[str, Any], pieces: list[bytes]) -> None:
    """A client that leaves frees the upstream at once."""
    async with running(stream(*pieces, hang=True)) as (bedrock, process, client):
        async with client.post(path, json=asked) as answer:
            await answer.content.readany()
            assert bedrock.open == 1
            answer.close()
        async with asyncio.timeout(2):
            await bedrock.closed.wait()
        await process.idle()


REFUSED = {
    "throttled": (429, "ThrottlingException", "Too many requests."),
    "forbidden": (403, "AccessDeniedException", "You don't have access."),
    "unknown": (404, "ResourceNotFoundException", "No such model."),
    "wrong": (400, "ValidationException", "Malformed input request."),
    "failed": (424, "ModelErrorException", "The model failed."),
    "late": (408, "ModelTimeoutException", "Too slow."),
    "down": (503, "ServiceUnavailableException", "Not now."),
}
ASKS = {
    "messages": ("/v1/messages", messages()),
    "chat": ("/v1/chat/completions", chat()),
    "responses": ("/v1/responses", {"model": f"bedrock:{NOVA}", "input": "Hello"}),
    "gemini": (
        "/v1beta/models/nova:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
    ),
}


async def test_errors() -> None:
    """Status, kind, message and when to try again survive into every dialect."""
    async with running(whole({})) as (bedrock, process, client):
        for status, kind, message in REFUSED.values():
            bedrock.answers = [refusal(status, kind, message, **{"Retry-After": "7"})]
            for path, asked in ASKS.values():
                async with client.post(path, json=asked) as answer:
                    told = await answer.json()
                    request_id = answer.headers["x-request-id"]
                line = await process.done(request_id)
                assert answer.status == status
                assert told["error"]["message"].startswith(message)
                assert answer.headers["Retry-After"] == "7"
                assert line["error_code"] == kind
        assert len(bedrock.requests) == len(REFUSED) * len(ASKS)


async def test_api_key() -> None:
    """A Bedrock API key is sent as it is, and goes before all else."""
    async with running(stream(*TEXT), api_key=API_KEY) as (bedrock, _, client):
        async with client.post("/v1/chat/completions", json=chat()) as answer:
            await answer.read()
    assert bedrock.requests[0].headers["authorization"] == f"Bearer {API_KEY}"
    assert bedrock.issued == 0


async def test_found_credentials() -> None:
    """Many requests find credentials once; those that expire are found again."""
    members: dict[str, Any] = {"auth": {}}
    async with running(stream(*TEXT), **members) as (bedrock, process, client):

        async def ask() -> int:
            async with client.post(
                "/v1/chat/completions", json=chat(stream=True)
            ) as answer:
                await answer.read()
                return answer.status

        assert await asyncio.gather(*(ask() for _ in range(30))) == [200] * 30
        assert bedrock.issued == 1
        bedrock.expire()
        assert await ask() == 200
        assert bedrock.issued == 2
        assert "issued-secret" not in "".join(process.text)
        assert "issued-token" not in "".join(process.text)


async def test_signature_that_is_quoted() -> None:
    """AWS quotes the token when a signature is wrong; nobody else is shown it."""
    token = "session-token-that-is-long-enough"
    auth = {**signed()["auth"], "session_token": token}
    async with running(whole({}), auth=auth) as (bedrock, process, client):
        bedrock.accounts[KEY_ID] = ("another-secret-altogether", token)
        for path, asked in ASKS.values():
            async with client.post(path, json=asked) as answer:
                told = await answer.text()
            assert answer.status == 403
            assert "canonical string" in told
            assert token not in told
        assert token not in "".join(process.text)


async def test_counting() -> None:
    """Tokens are counted by Bedrock where it does so, else there is an estimate."""
    async with running(whole({"inputTokens": 11})) as (bedrock, _, client):
        asked = messages("anthropic.claude-3-5-haiku-20241022-v1:0")
        async with client.post("/v1/messages/count_tokens", json=asked) as answer:
            assert await answer.json() == {"input_tokens": 11}
        async with client.post("/v1/messages/count_tokens", json=messages()) as answer:
            assert (await answer.json())["input_tokens"] > 0
            assert answer.headers["x-gateway-estimate"] == "true"
    assert [r.path.rpartition("/")[2] for r in bedrock.requests] == ["count-tokens"]
    assert bedrock.requests[0].json == {
        "input": {
            "converse": {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
        }
    }


async def test_profile_that_is_known_to_be_claude() -> None:
    """An ARN does not tell; who configures it can, and has Claude's own protocol."""
    body = b"".join(map(chunk, PAYLOADS))
    members = {**signed(), "extra": {"speaks": "anthropic"}}
    async with running(stream(body), **members) as (bedrock, _, client):
        async with client.post(
            "/v1/messages", json=messages(ARN, stream=True)
        ) as answer:
            told = await answer.read()

    assert (answer.status, told) == (200, SSE)
    assert bedrock.requests[0].path.endswith("%2Fa1b2/invoke-with-response-stream")


async def test_as_anthropics_own_client() -> None:
    """What the client for Anthropic's API sends arrives as that for Bedrock says it."""
    from anthropic import AsyncAnthropic, AsyncAnthropicBedrock

    said: Any = {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "extra_headers": {"anthropic-beta": "one-2025-01-01"},
    }
    body = b"".join(map(chunk, PAYLOADS))
    async with running(stream(body)) as (bedrock, process, _):
        ours = AsyncAnthropic(base_url=process.url, api_key="k", max_retries=0)
        theirs = AsyncAnthropicBedrock(
            base_url=bedrock.url, api_key=API_KEY, aws_region=REGION, max_retries=0
        )
        async with ours, theirs:
            for client, model in ((ours, f"bedrock:{CLAUDE}"), (theirs, CLAUDE)):
                async with await client.messages.create(model=model, **said) as events:
                    assert [event.type async for event in events][-1] == "message_stop"

    first, second = bedrock.requests
    assert first.json == second.json
