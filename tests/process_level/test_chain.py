"""A Sluicegate behind a Sluicegate: every dialect goes through both untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.client import Answer, ask
from tests.process import gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

HI = [{"role": "user", "content": "over and out"}]
# What is asked of a model that says what it hears.
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": HI}),
    "responses": ("/v1/responses", {"input": "over and out", "store": False}),
    "messages": ("/v1/messages", {"max_tokens": 99, "messages": HI}),
    "gemini": (
        "/v1beta/models/{model}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "over and out"}]}]},
    ),
}


def config(inner: Gateway, **members: Any) -> dict[str, Any]:
    hub = {"type": "sluicegate", "api_base_url": inner.url, **members}
    return {"backends": {"hub": hub}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inner() -> AsyncIterator[Gateway]:
    settings = {"server": {"max_hops": 1}, "backends": {"demo": {}}}
    async with gateway(settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outer(inner: Gateway) -> AsyncIterator[Gateway]:
    async with gateway(config(inner)) as running:
        yield running


async def say(g: Gateway, door: str, *, stream: bool) -> Answer:
    path, body = DOORS[door]
    model = "hub:demo:echo"
    if door == "gemini":
        path = path.replace("{model}", model)
        if stream:
            path = path.replace(":generate", ":streamGenerate") + "?alt=sse"
        return await ask(g.port, body, path)
    return await ask(g.port, {"model": model, "stream": stream, **body}, path)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("door", DOORS)
async def test_every_dialect(
    inner: Gateway, outer: Gateway, door: str, stream: bool
) -> None:
    """The second gateway is asked in the client's own dialect, and answers in it."""
    answer = await say(outer, door, stream=stream)
    passed = await outer.done(answer.header("x-request-id") or "")
    done = await inner.done(passed["upstream_request_id"])

    assert answer.status == 200, answer.body
    assert b"out" in answer.body
    assert answer.complete
    assert (passed["backend"], passed["outcome"]) == ("hub", "completed")
    assert (done["backend"], done["outcome"]) == ("demo", "completed")
    # What the second one's client spoke is what the first one's did.
    assert passed["front"] == done["front"]


async def test_counting(outer: Gateway) -> None:
    """Tokens are counted by whoever has the model."""
    body = {"model": "hub:demo:echo", "messages": HI}

    answer = await ask(outer.port, body, "/v1/messages/count_tokens")

    assert answer.status == 200, answer.body
    assert answer.json["input_tokens"] > 0


async def test_not_on_purpose() -> None:
    """A gateway that was not told of it takes no request of another one."""
    async with (
        gateway({"backends": {"demo": {}}}) as inner,
        gateway(config(inner, models=["demo:echo"])) as outer,
    ):
        answer = await say(outer, "chat", stream=False)

    assert answer.status == 508
    assert answer.error["code"] == "request_loop_detected"
