"""What a caller says to the gateway stays there, and what the upstream says too."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.client import Caller, ask, chat
from tests.process import UPSTREAM_KEY
from tests.streams import chat_stream
from tests.upstream import JSON_HEADERS, SSE_HEADERS, End, reply, stream

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = {"choices": [{"index": 0, "finish_reason": "stop"}]}
SECRET = "caller-secret-9f8e7d6c"
PRIVATE = {
    "authorization": f"Bearer {SECRET}",
    "x-api-key": SECRET,
    "api-key": SECRET,
    "x-goog-api-key": SECRET,
    "cookie": f"session={SECRET}",
    "proxy-authorization": f"Basic {SECRET}",
    "x-forwarded-for": "203.0.113.7",
    "forwarded": "for=203.0.113.7",
    "te": "trailers",
    "upgrade": "h2c",
    "origin": "http://127.0.0.1",
    "referer": f"http://127.0.0.1/?{SECRET}",
}


@pytest.mark.parametrize("streaming", [True, False])
async def test_credentials_stay_here(stage: Stage, streaming: bool) -> None:
    """The upstream sees the gateway's key and not a word of the caller's."""
    script = stream(chat_stream()) if streaming else reply(WHOLE)

    _, line = await stage.exchange(script, headers=PRIVATE, stream=streaming)

    request = await stage.upstream.request(line["request_id"])
    told = dict(request.headers)
    assert told["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert SECRET not in json.dumps(request.headers)
    assert not (set(PRIVATE) - {"authorization"}) & set(told)
    assert SECRET not in "".join(stage.gateway.text)
    assert UPSTREAM_KEY not in "".join(stage.gateway.text)


async def test_what_the_upstream_is_told(stage: Stage) -> None:
    """JSON, its exact length, no compression that would hold a stream back."""
    _, line = await stage.exchange(stream(chat_stream()))

    request = await stage.upstream.request(line["request_id"])
    assert request.method == "POST"
    assert request.path == "/v1/chat/completions"
    assert (request.header("content-type") or "").startswith("application/json")
    assert request.header("content-length") == str(len(request.body))
    assert request.header("accept-encoding") in (None, "identity")
    names = [name for name, _ in request.headers]
    assert len(names) == len(set(names))


UPSTREAM_PRIVATE = {
    "set-cookie": "__cf_bm=upstream; path=/",
    "server": "cloudflare-upstream",
    "via": "1.1 upstream",
    "alt-svc": 'h3=":443"',
    "keep-alive": "timeout=5, max=77",
    "proxy-authenticate": "Basic",
    "trailer": "x-t",
    "strict-transport-security": "max-age=1",
    "access-control-allow-origin": "https://upstream.example",
    "www-authenticate": "Bearer upstream",
    "x-powered-by": "upstream",
}
UPSTREAM_PUBLIC = {
    "retry-after": "7",
    "retry-after-ms": "7000",
    "x-should-retry": "true",
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-requests": "6ms",
    "openai-processing-ms": "17",
    "openai-version": "2020-10-01",
}


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("streaming", [True, False])
async def test_upstream_headers(stage: Stage, streaming: bool, status: int) -> None:
    """Limits and request ids pass, by name; cookies and hosts do not."""
    headers = {**UPSTREAM_PRIVATE, **UPSTREAM_PUBLIC, "x-request-id": "req_upstream"}
    if streaming and status == 200:
        script = stream(chat_stream(), {**SSE_HEADERS, **headers})
    else:
        script = reply(WHOLE, status, {**JSON_HEADERS, **headers})

    answer, line = await stage.exchange(script, stream=streaming)

    told = dict(answer.headers)
    assert {name: told.get(name) for name in UPSTREAM_PUBLIC} == UPSTREAM_PUBLIC
    private = set(UPSTREAM_PRIVATE.items()) & set(told.items())
    assert not private
    assert "set-cookie" not in told
    assert "upstream" not in told.get("server", "")
    assert told["x-request-id"] == line["request_id"]
    assert line["upstream_request_id"] == "req_upstream"
    assert "req_upstream" in told.values()


async def test_stream_headers(stage: Stage) -> None:
    """Proxies on the way are asked not to hold the stream back."""
    headers = {**SSE_HEADERS, "cache-control": "max-age=60"}

    answer, _ = await stage.exchange(stream(chat_stream(), headers))

    assert answer.header("x-accel-buffering") == "no"
    assert answer.header("cache-control") == "no-cache, no-transform"
    assert (answer.header("content-type") or "").startswith("text/event-stream")
    assert answer.header("content-encoding") is None
    assert answer.header("content-length") is None


async def test_stream_without_a_content_type(stage: Stage) -> None:
    """Some compatible servers forget the type; the caller's SDK needs it."""
    answer, line = await stage.exchange(stream(chat_stream(), {}))

    assert (answer.header("content-type") or "").startswith("text/event-stream")
    assert line["outcome"] == "completed"


async def test_request_id_accepted(stage: Stage) -> None:
    """The caller's own id is used, returned and logged."""
    script = reply(WHOLE)

    answer, line = await stage.exchange(script, stream=False)

    assert answer.header("x-request-id") == line["request_id"]


@pytest.mark.parametrize("bad", ["", "x" * 500, "a b", "a\tb", '"><script>', "\xe9"])
async def test_request_id_made(stage: Stage, bad: str) -> None:
    """None, or one that is unfit for a log: the gateway makes its own."""
    case = stage.add(reply(WHOLE))

    answer = await ask(
        stage.gateway.port, chat(case, stream=False), headers={"x-request-id": bad}
    )

    made = answer.header("x-request-id") or ""
    assert re.fullmatch(r"[\w.:-]{8,128}", made)
    assert made != bad
    await stage.gateway.done(made)


async def test_request_id_on_errors(stage: Stage) -> None:
    """An error without an id cannot be looked up."""
    for path, method in (("/nothing", "GET"), ("/v1/chat/completions", "GET")):
        answer = await ask(stage.gateway.port, path=path, method=method)
        assert answer.header("x-request-id")


async def test_pipelined_and_kept(stage: Stage) -> None:
    """Many requests on one connection, each with an answer of its own."""
    async with Caller(stage.gateway.port) as caller:
        for number in range(5):
            script = stream(chat_stream(str(number)))
            await caller.send(chat(stage.add(script)))
            answer = await caller.answer()
            assert answer.complete
            assert answer.body == b"".join(chat_stream(str(number)))


async def test_upstream_1xx(stage: Stage) -> None:
    """Early hints of the upstream are no answer."""
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n"

    answer, line = await stage.exchange([hints, *stream(chat_stream())])

    assert answer.status == 200
    assert line["outcome"] == "completed"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect(stage: Stage, status: int) -> None:
    """The key is never carried to where an upstream points."""
    location = {"location": stage.upstream.url + "/elsewhere", "content-length": "0"}
    before = len(stage.upstream.requests)

    answer, line = await stage.exchange(reply(b"", status, location), stream=False)

    assert len(stage.upstream.requests) == before + 1
    assert answer.status >= 500
    assert answer.header("location") is None
    assert line["outcome"] == "upstream_failed"


async def test_upstream_closes_after_answer(stage: Stage) -> None:
    """``connection: close`` of the upstream is not the caller's."""
    async with Caller(stage.gateway.port) as caller:
        for _ in range(2):
            script = stream(chat_stream(), {**SSE_HEADERS, "connection": "close"})
            await caller.send(chat(stage.add([*script, End.FIN])))
            answer = await caller.answer()
            assert answer.complete
            assert answer.header("connection") != "close"
