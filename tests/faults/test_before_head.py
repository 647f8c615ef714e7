"""Until the first event a failure has a real status, in the caller's own shape."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import ask, chat
from tests.process import UPSTREAM_KEY, config_for, gateway
from tests.streams import DONE, chat_stream, data, text_chunk
from tests.upstream import (
    CHUNKED,
    JSON_HEADERS,
    LAST_CHUNK,
    SSE_HEADERS,
    End,
    Script,
    Step,
    Upstream,
    chunk,
    head,
    open_stream,
    reply,
    stream,
)

if TYPE_CHECKING:
    from tests.client import Answer
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


STAGE: dict[str, Any] = {
    "more": {
        "refused": {"api_base_url": f"http://127.0.0.1:{closed_port()}/v1"},
        "nowhere": {"api_base_url": "http://nowhere.invalid/v1"},
    }
}


def assert_error(answer: Answer, *statuses: int) -> dict[str, Any]:
    """The answer is an OpenAI error with a code; return its object."""
    assert answer.status in statuses, answer
    assert answer.complete
    assert (answer.header("content-type") or "").startswith("application/json")
    error = answer.error
    assert error["message"]
    assert error["type"]
    assert error["code"]
    assert "param" in error
    return error


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("backend", ["refused", "nowhere"])
async def test_unreachable(stage: Stage, backend: str, streaming: bool) -> None:
    """No connection, no name: the caller learns that it is not its own mistake."""
    answer, line = await stage.exchange(model=f"{backend}:m1", stream=streaming)

    error = assert_error(answer, 502, 503)
    assert line["outcome"] == "upstream_failed"
    assert line["error_code"] == error["code"]
    assert line["status"] == answer.status
    assert line["backend"] == backend


FIRST = text_chunk("a")
GARBAGE: dict[str, Script] = {
    "reset before the head": [End.RST],
    "closed before the head": [End.FIN],
    "not HTTP": [b"SSH-2.0-OpenSSH_9.2p1\r\n", End.FIN],
    "binary": [bytes(range(256)) * 4, End.FIN],
    "half a head": [b"HTTP/1.1 200 OK\r\ncontent-ty", End.FIN],
    "bad status": [b"HTTP/1.1 two hundred OK\r\n\r\n", End.FIN],
    "one huge header": [head(200, {"x-big": "b" * 70_000}), End.FIN],
    "very many headers": [head(200, {f"x-{i}": "v" for i in range(5000)}), End.FIN],
    "bad chunk at once": [head(200, SSE_HEADERS, CHUNKED) + b"zz\r\n", End.FIN],
    "no event": stream([]),
    "no event, length 0": reply(b"", 200, SSE_HEADERS),
    "only comments": stream([b": waiting\n\n", b": still\n\n"]),
    "half an event": [*open_stream(FIRST[:20]), End.FIN],
    "half an event, reset": [*open_stream(FIRST[:20]), End.RST],
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_no_answer(stage: Stage, name: str) -> None:
    """Whatever is no answer becomes a 502 or its kin, not a 200 and not a 400."""
    answer, line = await stage.exchange(GARBAGE[name])

    error = assert_error(answer, 502, 503, 504)
    assert line["outcome"] in ("upstream_failed", "truncated")
    assert line["error_code"] == error["code"]
    assert b"[DONE]" not in answer.body


@pytest.mark.parametrize(
    "name",
    ["reset before the head", "closed before the head", "not HTTP", "half a head"],
)
async def test_no_answer_without_streaming(stage: Stage, name: str) -> None:
    answer, line = await stage.exchange(GARBAGE[name], stream=False)

    assert_error(answer, 502, 503)
    assert line["outcome"] in ("upstream_failed", "truncated")


@pytest.mark.parametrize(
    "script",
    [
        [head(200, JSON_HEADERS, {"content-length": "500"}) + b'{"id":', End.FIN],
        [head(200, JSON_HEADERS, CHUNKED), chunk(b'{"id":'), End.FIN],
        [head(200, JSON_HEADERS, CHUNKED), chunk(b'{"id":'), End.RST],
        [head(200, JSON_HEADERS, CHUNKED), chunk(b'{"id":'), b"zz\r\n", End.FIN],
    ],
    ids=["short", "no last chunk", "reset", "bad chunk"],
)
async def test_half_a_whole_answer(stage: Stage, script: Script) -> None:
    """A caller that does not stream never gets half a JSON as a success."""
    answer, line = await stage.exchange(script, stream=False)

    assert line["outcome"] in ("truncated", "upstream_failed")
    assert answer.status >= 500 or not answer.complete


async def test_empty_answer(stage: Stage) -> None:
    """An empty 200 is no completion."""
    answer, line = await stage.exchange(reply(b""), stream=False)

    assert_error(answer, 502)
    assert line["outcome"] in ("upstream_failed", "truncated")


RATE_LIMITED = {"error": {"message": "slow down", "code": 429}}
FIRST_FRAME_ERRORS: dict[str, tuple[list[bytes], int]] = {
    "data with a numeric code": ([data(RATE_LIMITED)], 429),
    "and then DONE": ([data(RATE_LIMITED), DONE], 429),
    "event: error": ([b"event: error\n" + data({"error": {"message": "no"}})], 502),
    "event: error with a status": (
        [b"event: error\n" + data({"error": {"message": "no", "status_code": 400}})],
        400,
    ),
    "raw JSON": ([json.dumps(RATE_LIMITED).encode()], 429),
    "raw JSON over lines": ([json.dumps(RATE_LIMITED, indent=1).encode() + b"\n"], 429),
    "after a comment": ([b": waiting\n\n", data(RATE_LIMITED)], 429),
}


@pytest.mark.parametrize("name", FIRST_FRAME_ERRORS)
async def test_error_as_first_frame(stage: Stage, name: str) -> None:
    """Some upstreams say 200 and then fail; the caller gets the status meant."""
    pieces, status = FIRST_FRAME_ERRORS[name]

    answer, line = await stage.exchange(stream(pieces))

    assert answer.status == status
    assert (answer.header("content-type") or "").startswith("application/json")
    assert answer.error["message"] in ("slow down", "no")
    assert line["outcome"] == "upstream_failed"
    assert line["status"] == status


async def test_error_object_in_a_whole_answer(stage: Stage) -> None:
    """The same without streaming."""
    answer, line = await stage.exchange(reply(RATE_LIMITED), stream=False)

    assert answer.status == 429
    assert answer.error["message"] == "slow down"
    assert line["outcome"] == "upstream_failed"


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 408, 409, 422, 429, 500, 503, 529]
)
async def test_upstream_error(stage: Stage, status: int, streaming: bool) -> None:
    """An upstream's own error keeps status, body, and when to come back."""
    body = b'{ "error" : {"message":"\\u00e9 no", "type":"t", "new": 1} }'
    headers = {**JSON_HEADERS, "retry-after": "17", "x-request-id": "req_up"}

    answer, line = await stage.exchange(reply(body, status, headers), stream=streaming)

    assert (answer.status, answer.body) == (status, body)
    assert answer.header("retry-after") == "17"
    assert line["outcome"] == "upstream_failed"
    assert line["status"] == status


async def test_upstream_error_that_is_no_json(stage: Stage) -> None:
    """A proxy's HTML page in front of the upstream keeps its status."""
    page = b"<html><body>502 Bad Gateway</body></html>"

    answer, _ = await stage.exchange(reply(page, 502, {"content-type": "text/html"}))

    assert answer.status == 502


@pytest.mark.parametrize("streaming", [True, False])
async def test_key_in_an_error(stage: Stage, streaming: bool) -> None:
    """An upstream that quotes our key back does not give it to the caller."""
    body = {"error": {"message": f"Incorrect API key provided: {UPSTREAM_KEY}."}}

    answer, _ = await stage.exchange(reply(body, 401), stream=streaming)

    assert answer.status == 401
    assert UPSTREAM_KEY.encode() not in answer.body
    assert "Incorrect API key" in answer.error["message"]
    assert UPSTREAM_KEY not in "".join(stage.gateway.text)


async def test_key_in_a_first_frame(stage: Stage) -> None:
    body = {"error": {"message": f"bad key {UPSTREAM_KEY}", "code": 401}}

    answer, _ = await stage.exchange(stream([data(body)]))

    assert UPSTREAM_KEY.encode() not in answer.body


async def test_tls_garbage() -> None:
    """An upstream that does not speak TLS where TLS is configured."""
    async with Upstream([b"HTTP/1.1 400 Bad Request\r\n\r\n", End.FIN], raw=True) as up:
        url = up.url.replace("http:", "https:")
        async with gateway(config_for(url)) as g:
            answer = await ask(g.port, chat())

    assert_error(answer, 502, 503)


async def test_stale_connection(stage: Stage) -> None:
    """A kept connection that the upstream has just closed is tried anew, once."""
    whole = {"choices": [{"index": 0, "finish_reason": "stop"}]}
    accepted = stage.upstream.accepted
    for _ in range(5):
        # Answers, says nothing of closing, and closes: as servers with a short
        # keep-alive do.
        answer, line = await stage.exchange([*reply(whole), End.FIN], stream=False)

        assert answer.status == 200
        assert line["outcome"] == "completed"
    assert stage.upstream.accepted >= accepted + 4


async def test_stale_connection_race() -> None:
    """The close crosses the next request on the wire; the caller sees a 200."""
    whole = {"choices": [{"index": 0, "finish_reason": "stop"}]}
    served: dict[int, int] = {}

    def once_per_connection(request: Any) -> list[Any]:
        link = id(request.link)
        served[link] = served.get(link, 0) + 1
        return list(reply(whole)) if served[link] == 1 else [End.RST]

    async with Upstream(once_per_connection) as up, gateway(config_for(up.url)) as g:
        for _ in range(4):
            answer = await ask(g.port, chat(stream=False))
            assert answer.status == 200, answer
        assert up.accepted >= 4


async def test_failing_upstream_is_not_asked_for_ever() -> None:
    """A connection that breaks every time is given up: no storm of retries."""
    async with Upstream([End.RST]) as up, gateway(config_for(up.url)) as g:
        answer = await ask(g.port, chat())

        assert answer.status in (502, 503)
        assert len(up.requests) <= 2


async def test_head_is_not_early(stage: Stage) -> None:
    """The head waits for the first event, so that a failure can still be told."""
    event = asyncio.Event()
    script: list[Step] = [head(200, SSE_HEADERS, CHUNKED), event]
    script += [chunk(piece) for piece in chat_stream()] + [LAST_CHUNK]
    async with stage.scene(script) as scene:
        await scene.request()
        with pytest.raises(TimeoutError):
            await scene.caller.head(timeout=0.2)
        event.set()
        line = await scene.done()

    assert line["status"] == 200
