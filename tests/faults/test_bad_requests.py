"""What is wrong with a request is said in OpenAI's shape, and names the member."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import CHAT, Answer, Caller, ask, chat
from tests.upstream import chunk, reply

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 64 * 1024
STAGE: dict[str, Any] = {
    "server": {"max_body": LIMIT, "body_timeout": "400ms", "header_timeout": "400ms"},
    "models": ["gpt-4o-mini", "claude-sonnet"],
    "top": {
        "default_backend": None,
        "routes": [{"model": "fast", "to": "up:gpt-4o-mini"}],
    },
}


def assert_shape(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer
    assert answer.complete
    assert (answer.header("content-type") or "").startswith("application/json")
    assert answer.header("x-request-id")
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert answer.error["message"]
    return answer.error


MALFORMED = {
    "empty": b"",
    "not JSON": b"hello",
    "half": b'{"model":"up:m',
    "two values": b'{"model":"up:m1"}{}',
    "a list": b"[]",
    "a string": b'"up:m1"',
    "null": b"null",
    "single quotes": b"{'model':'up:m1'}",
    "bad bytes": b'{"model":"\xff\xfe"}',
    "NaN": b'{"model":"up:m1","stream":NaN}',
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed(stage: Stage, name: str) -> None:
    answer = await ask(stage.gateway.port, MALFORMED[name])

    error = assert_shape(answer, 400)
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"messages":[]}', "model"),
        (b'{"model":null}', "model"),
        (b'{"model":""}', "model"),
        (b'{"model":5}', "model"),
        (b'{"model":["fast"]}', "model"),
        (b'{"model":"fast","stream":"true"}', "stream"),
        (b'{"model":"fast","stream":1}', "stream"),
        (b'{"model":"fast","stream":{}}', "stream"),
    ],
)
async def test_wrong_type(stage: Stage, body: bytes, param: str) -> None:
    """The error says which member it is."""
    answer = await ask(stage.gateway.port, body)

    error = assert_shape(answer, 400)
    assert error["param"] == param
    assert param in error["message"]
    assert not stage.upstream.requests


async def test_refusals_are_logged(stage: Stage) -> None:
    """A refused request is an exchange, too."""
    await ask(stage.gateway.port, b"{}", headers={"x-request-id": "refused-1"})

    line = await stage.gateway.done("refused-1")
    assert line["outcome"] == "refused"
    assert line["status"] == 400
    assert line["backend"] is None


@pytest.mark.parametrize(
    ("model", "close"),
    [
        ("up:gpt-4o-mimi", "gpt-4o-mini"),
        ("gpt-4o-mni", "gpt-4o-mini"),
        ("fst", "fast"),
        ("upp:gpt-4o-mini", "up"),
    ],
)
async def test_unknown_model(stage: Stage, model: str, close: str) -> None:
    """A 404 that names what was probably meant."""
    answer = await ask(stage.gateway.port, chat(model=model))

    error = assert_shape(answer, 404)
    assert error["param"] == "model"
    assert error["code"] == "model_not_found"
    assert close in error["message"]


async def test_unknown_model_far_from_all(stage: Stage) -> None:
    """A name is quoted back in bounds, whatever it is."""
    answer = await ask(stage.gateway.port, chat(model="zzz" * 1000))

    assert len(assert_shape(answer, 404)["message"]) < 1000


async def test_too_large_by_length(stage: Stage) -> None:
    """The length alone tells: the answer does not wait for the body."""
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(headers={"content-length": str(LIMIT + 1)})
        begun = time.monotonic()
        answer = await caller.answer()

    assert_shape(answer, 413)
    assert time.monotonic() - begun < 0.3


async def test_too_large_but_sent(stage: Stage) -> None:
    """A caller that sends on before it reads still gets to read the answer."""
    body = b'{"model":"fast","x":"' + b"y" * (LIMIT * 20) + b'"}'

    answer = await ask(stage.gateway.port, body)

    assert_shape(answer, 413)


async def test_too_large_in_chunks(stage: Stage) -> None:
    """Without a length the bytes are counted."""
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(headers={"transfer-encoding": "chunked"})
        for _ in range(5):
            caller.writer.write(chunk(b"y" * (LIMIT // 4)))
        answer = await caller.answer()

    assert_shape(answer, 413)


async def test_just_small_enough(stage: Stage) -> None:
    start = b'{"model":"fast","x":"'
    body = start + b"y" * (LIMIT - len(start) - 2) + b'"}'
    stage.upstream.scripts[""] = reply({"choices": []})

    answer = await ask(stage.gateway.port, body)

    assert len(body) == LIMIT
    assert answer.status == 200


async def test_stalled_body(stage: Stage) -> None:
    """A caller that stops in the middle does not hold its place for ever."""
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(headers={"content-length": "100"})
        caller.writer.write(b'{"model":')
        begun = time.monotonic()
        answer = await caller.answer()
        took = time.monotonic() - begun
        await caller.ended(1)

    assert_shape(answer, 408)
    assert 0.3 < took < 1.5


async def test_stalled_chunked_body(stage: Stage) -> None:
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(headers={"transfer-encoding": "chunked"})
        caller.writer.write(b"5\r\n{")
        answer = await caller.answer()

    assert_shape(answer, 408)


@pytest.mark.parametrize(
    "start", [b"", b"POST /v1/chat/compl", b"POST /v1/chat/completions HTTP/1.1\r\nho"]
)
async def test_stalled_head(stage: Stage, start: bytes) -> None:
    """A connection without a request is closed."""
    async with Caller(stage.gateway.port) as caller:
        caller.writer.write(start)
        begun = time.monotonic()
        await caller.ended(3)
        took = time.monotonic() - begun

    assert 0.2 < took < 2


async def test_trickled_head(stage: Stage) -> None:
    """A byte now and then does not wind the clock: the whole head has one."""
    async with Caller(stage.gateway.port) as caller:
        begun = time.monotonic()
        for byte in b"POST /v1/chat/completions HTTP/1.1\r\nx: " + b"y" * 200:
            if caller.reader.at_eof():
                break
            caller.writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        took = time.monotonic() - begun

    assert took < 2.5


async def test_kept_connection_outlives_the_head_clock(stage: Stage) -> None:
    """A pool keeps its connections between requests for longer than a head takes."""
    async with Caller(stage.gateway.port) as caller:
        await caller.send(path="/livez", method="GET")
        await caller.answer()
        await asyncio.sleep(1.0)
        await caller.send(path="/livez", method="GET")
        assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/chat/completion", "/chat/completions/x", "/nope"]
)
async def test_wrong_path(stage: Stage, path: str) -> None:
    answer = await ask(stage.gateway.port, chat(), path)

    assert_shape(answer, 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_wrong_method(stage: Stage, method: str) -> None:
    answer = await ask(stage.gateway.port, path=CHAT, method=method)

    assert_shape(answer, 405)
    assert "POST" in (answer.header("allow") or "")


@pytest.mark.parametrize(
    "line",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
async def test_no_http(stage: Stage, line: bytes) -> None:
    """Scanners and TLS on the plain port: a 400 or a close, and no word of error."""
    async with Caller(stage.gateway.port) as caller:
        caller.writer.write(line + b"\r\n\r\n")
        raw = await caller.reader.read(4096)

    assert raw == b"" or raw[9:12] in (b"400", b"505")


@pytest.mark.parametrize("size", [9_000, 100_000])
async def test_huge_headers(stage: Stage, size: int) -> None:
    """A head beyond all measure is not read to its end."""
    try:
        answer = await ask(stage.gateway.port, chat(), headers={"x-big": "y" * size})
    except ConnectionError:
        return  # closed with some of it unread, which resets the connection

    assert answer.status in (400, 431)


async def test_request_smuggling(stage: Stage) -> None:
    """Two lengths are no length."""
    before = len(stage.upstream.requests)
    async with Caller(stage.gateway.port) as caller:
        caller.writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: 5\r\n"
            b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n"
        )
        raw = await caller.reader.read(65536)

    assert raw == b"" or raw[9:12] == b"400"
    assert len(stage.upstream.requests) == before
