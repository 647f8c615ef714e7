"""Every failure is an exception of the SDK's, and of the right kind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.sdk.conftest import settings
from tests.sdk.written import HELLO, REPLY, hear, text_of
from tests.streams import chat_stream, data, text_chunk
from tests.upstream import (
    JSON_HEADERS,
    SSE_HEADERS,
    End,
    Request,
    Step,
    Upstream,
    head,
    open_stream,
    reply,
    stream,
)

if TYPE_CHECKING:
    from tests.process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATUSES = [
    (400, openai.BadRequestError),
    (401, openai.AuthenticationError),
    (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError),
    (409, openai.ConflictError),
    (422, openai.UnprocessableEntityError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
]


def told(code: str) -> dict[str, Any]:
    return {"message": "no luck", "type": "told", "param": "messages", "code": code}


async def ask(ai: AsyncOpenAI, model: str = "up:m1", **members: Any) -> Any:
    return await ai.chat.completions.create(model=model, messages=HELLO, **members)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_upstream_status(
    g: Gateway,
    up: Upstream,
    ai: AsyncOpenAI,
    status: int,
    kind: type[openai.APIStatusError],
    streamed: bool,
) -> None:
    """The upstream's status and body are the exception's, streamed or not."""
    case = f"status-{status}-{streamed}"
    up.scripts[case] = reply({"error": told(f"code_{status}")}, status)

    with pytest.raises(openai.APIStatusError) as caught:
        await ask(ai, stream=streamed, user=case)

    assert type(caught.value) is kind
    assert caught.value.status_code == status
    assert caught.value.body == told(f"code_{status}")
    assert caught.value.request_id is not None
    done = await g.done(caught.value.request_id)
    assert (done["outcome"], done["status"]) == ("upstream_failed", status)


async def test_retry_after(up: Upstream, ai: AsyncOpenAI) -> None:
    """A client that retries waits as long as the upstream says."""

    def second_time_lucky(request: Request) -> list[Step]:
        if len(up.of("retry")) > 1:
            return reply(REPLY)
        headers = {**JSON_HEADERS, "retry-after": "1"}
        return reply({"error": told("slow_down")}, 429, headers)

    up.scripts["retry"] = second_time_lucky

    start = time.monotonic()
    answer = await ask(ai.with_options(max_retries=1), user="retry")

    assert answer.choices[0].message.content == "three words said"
    assert len(up.of("retry")) == 2
    assert time.monotonic() - start >= 1.0  # by itself it waits half a second


async def test_rate_limit_headers(up: Upstream, ai: AsyncOpenAI) -> None:
    """Limits that the upstream tells can be read from the exception."""
    limits = {
        **JSON_HEADERS,
        "retry-after": "7",
        "retry-after-ms": "6500",
        "x-ratelimit-remaining-requests": "0",
        "set-cookie": "session=1",
    }
    up.scripts["limits"] = reply({"error": told("slow_down")}, 429, limits)

    with pytest.raises(openai.RateLimitError) as caught:
        await ask(ai, user="limits")

    headers = caught.value.response.headers
    assert headers["retry-after"] == "7"
    assert headers["retry-after-ms"] == "6500"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("streamed", [True, False])
async def test_unknown_model(ai: AsyncOpenAI, streamed: bool) -> None:
    """A model that no route leads to is not found, and close ones are named."""
    with pytest.raises(openai.NotFoundError) as caught:
        await ask(ai, "demo:helo", stream=streamed)

    assert caught.value.code == "model_not_found"
    assert "hello" in caught.value.message


async def test_unknown_model_is_not_retrieved(ai: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await ai.models.retrieve("nobody:knows")

    assert caught.value.code == "model_not_found"


async def test_wrong_key(g: Gateway) -> None:
    """A caller with a wrong key is told so, and reaches nobody."""
    async with AsyncOpenAI(**settings(g, api_key="sk-wrong")) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            await ask(stranger, "demo:hello")

    assert caught.value.code == "invalid_api_key"
    assert "sk-wrong" not in caught.value.message


async def test_bad_request(ai: AsyncOpenAI) -> None:
    """A request that the gateway cannot read is the caller's mistake."""
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(ai, extra_body={"model": 7})

    assert caught.value.param == "model"


@pytest.mark.parametrize("streamed", [True, False])
async def test_nobody_listens(g: Gateway, ai: AsyncOpenAI, streamed: bool) -> None:
    """An upstream that refuses connections is a server's error with a code."""
    with pytest.raises(openai.InternalServerError) as caught:
        await ask(ai, "dead:m1", stream=streamed)

    assert caught.value.status_code in {502, 503}
    assert caught.value.code == "upstream_unreachable"
    assert caught.value.request_id is not None
    done = await g.done(caught.value.request_id)
    assert done["outcome"] == "upstream_failed"


async def test_error_in_the_first_frame(up: Upstream, ai: AsyncOpenAI) -> None:
    """A failure behind a status of 200 gets a status of its own."""
    limited = {"message": "slow down", "type": "rate_limit_error", "code": 429}
    up.scripts["first-frame"] = stream([data({"error": limited})])

    with pytest.raises(openai.RateLimitError) as caught:
        await ask(ai, stream=True, user="first-frame")

    assert caught.value.status_code == 429
    assert "slow down" in caught.value.message


ENDINGS: dict[str, list[Step]] = {
    "reset": [*open_stream(text_chunk("one "), text_chunk("two")), End.RST],
    "closed": [*open_stream(text_chunk("one "), text_chunk("two")), End.FIN],
    "no-length": [
        head(200, SSE_HEADERS, {"connection": "close"}),
        text_chunk("one ") + text_chunk("two"),
        End.FIN,
    ],
    "no-done": stream([text_chunk("one "), text_chunk("two")]),
    "told": stream(
        [text_chunk("one "), text_chunk("two"), data({"error": told("gpu_on_fire")})]
    ),
}


@pytest.mark.parametrize("case", ENDINGS)
async def test_broken_stream_raises(
    g: Gateway, up: Upstream, ai: AsyncOpenAI, case: str
) -> None:
    """What came before is there; then the SDK raises rather than end as if well."""
    up.scripts[case] = ENDINGS[case]

    said = await ask(ai, stream=True, user=case)
    chunks, broken = await hear(said)

    done = await g.done(said.response.headers["x-request-id"])
    assert text_of(chunks) == "one two"
    assert type(broken) is openai.APIError
    assert broken.code
    assert done["outcome"] == ("upstream_failed" if case == "told" else "truncated")


async def test_good_after_bad(up: Upstream, ai: AsyncOpenAI) -> None:
    """A broken stream leaves the connection and the gateway fit for the next."""
    up.scripts["bad"] = [*open_stream(text_chunk("one ")), End.RST]
    up.scripts["good"] = stream(chat_stream("fine"))

    _, broken = await hear(await ask(ai, stream=True, user="bad"))
    chunks, error = await hear(await ask(ai, stream=True, user="good"))

    assert broken is not None
    assert error is None
    assert text_of(chunks) == "fine"
