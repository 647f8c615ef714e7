"""Dialects in a provider's wrapping: bodies are edited, streams unwrapped."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from connectors import anthropic
from connectors.auth import bearer
from connectors.edits import default, drop
from gateway.api import build
from gateway.gauges import Board
from gateway.plugin import Connector, Dialect
from gateway.registry import Registry
from gateway.secret import Secret
from gateway.server import make_site
from gateway.settings import Backend, Responses, Settings
from tests.upstream import SSE_HEADERS, Upstream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TYPE = {"content-type": "application/x-wrapped"}
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 1},
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
        "delta": {"type": "text_delta", "text": "Grüße"},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 4},
    },
    {"type": "message_stop"},
]


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


class Unwrapping:
    """Each line of the stream is one event in base64."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return b"".join(base64.b64decode(line) for line in lines)

    def eof(self) -> bytes:
        return b": cut\n\n" if self._rest else b""


def wrapped(events: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64encode(sse(event)) + b"\n" for event in events)


def noting(body: bytes, headers: dict[str, str], operation: str) -> bytes:
    """Show what an edit is told."""
    headers["x-operation"] = operation
    return body


DIALECT = Dialect(
    "anthropic",
    {"chat": "/models/{model}:raw", "chat_stream": "/models/{model}:streamRaw"},
    translator=anthropic.DIALECT.translator,
    edits=(drop("model"), default("anthropic_version", "wrapped-1"), noting),
    decoder=Unwrapping,
    own_errors=False,
)
WRAPPED = Connector(
    "wrapped", "https://own.example/v1", (DIALECT,), bearer, ("W_KEY",), models_path=""
)


@asynccontextmanager
async def site(upstream: Upstream) -> AsyncIterator[TestClient[Any, Any]]:
    registry = Registry()
    assert registry.register("wrapped", WRAPPED)
    backend = Backend(
        type="wrapped", api_base_url=upstream.url, api_key=Secret("sk-w"), models=("m",)
    )
    settings = Settings(backends={"w": backend}, responses=Responses(file="none"))
    made = make_site(settings, registry, Board(1), 0)
    async with TestClient(TestServer(build(made), handler_cancellation=True)) as client:
        yield client
    await made.close()


BODY = (
    b'{ "model": "w:m", "max_tokens": 5 , "odd": 1e400,'
    b' "messages": [{"role": "user", "content": "hi"}] }'
)


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_stream_passes(size: int) -> None:
    """The client gets the protocol's own bytes, however the wrapping is cut."""
    raw = wrapped(EVENTS)
    cut = [raw[i : i + size] for i in range(0, len(raw), size)]
    body = BODY.replace(b'"odd"', b'"stream": true, "odd"')
    async with Upstream(stream(cut, TYPE)) as up, site(up) as client:
        answer = await client.post("/v1/messages", data=body)
        said = await answer.read()

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert said == b"".join(map(sse, EVENTS))
    [request] = up.requests
    assert request.path == "/v1/models/m:streamRaw"
    assert request.header("x-operation") == "chat_stream"
    assert request.body == (
        b'{"anthropic_version":"wrapped-1", "max_tokens": 5 , "stream": true,'
        b' "odd": 1e400, "messages": [{"role": "user", "content": "hi"}] }'
    )


async def test_cut_stream_is_a_failure() -> None:
    """What is missing inside the wrapping is missing for the client, who is told."""
    raw = wrapped(EVENTS)[:-20]
    body = BODY.replace(b'"odd"', b'"stream": true, "odd"')
    async with Upstream(stream([raw], TYPE)) as up, site(up) as client:
        said = await (await client.post("/v1/messages", data=body)).read()

    assert b"event: error" in said
    assert b"message_stop" not in said


async def test_translated() -> None:
    """Who speaks another dialect gets the same words; the edits are made, too."""
    ask = {"model": "w:m", "messages": [{"role": "user", "content": "hi"}]}
    async with Upstream(stream([wrapped(EVENTS)], TYPE)) as up, site(up) as client:
        answer = await client.post("/v1/chat/completions", json=ask | {"stream": True})
        said = await answer.text()

    texts = [
        json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
        for line in said.splitlines()
        if line.startswith("data: {") and json.loads(line[6:])["choices"]
    ]
    assert "".join(texts) == "Grüße"
    assert said.endswith("data: [DONE]\n\n")
    [request] = up.requests
    assert request.path == "/v1/models/m:streamRaw"
    assert request.json["anthropic_version"] == "wrapped-1"
    assert "model" not in request.json


async def test_it_streams_unasked() -> None:
    """A whole answer is made of a wrapped stream."""
    ask = {"model": "w:m", "messages": [{"role": "user", "content": "hi"}]}
    raw = wrapped(EVENTS)
    async with Upstream(reply(raw, 200, SSE_HEADERS)) as up, site(up) as client:
        answer = await client.post("/v1/chat/completions", json=ask)
        json_ = await answer.json()

    assert json_["choices"][0]["message"]["content"] == "Grüße"


async def test_errors_in_another_shape() -> None:
    """A client is told in its own dialect, with status, message and time to wait."""
    refusal = {"message": "Too many requests, please wait."}
    script = reply(refusal, 429, {"retry-after": "3"})
    async with Upstream(script) as up, site(up) as client:
        answer = await client.post("/v1/messages", data=BODY)
        json_ = await answer.json()

    assert (answer.status, answer.headers["retry-after"]) == (429, "3")
    assert json_["type"] == "error"
    assert json_["error"]["type"] == "rate_limit_error"
    assert "Too many requests" in json_["error"]["message"]
