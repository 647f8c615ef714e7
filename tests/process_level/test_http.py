"""HTTP as old, lazy and careful clients speak it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.client import CHAT, Caller, ask, chat
from tests.streams import DONE, chat_stream, finish_chunk, text_chunk
from tests.upstream import reply, stream

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = {"id": "c", "choices": [{"index": 0, "finish_reason": "stop"}]}


def raw(body: bytes, *headers: str, version: str = "1.1", path: str = CHAT) -> bytes:
    lines = [f"POST {path} HTTP/{version}", "content-type: application/json"]
    lines += [f"content-length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def plain(stage: Stage) -> bytes:
    """Return the body of a request whose answer is one JSON object."""
    return json.dumps(chat(stage.add(reply(WHOLE)), stream=False)).encode()


def streamed(stage: Stage, *texts: str) -> bytes:
    return json.dumps(chat(stage.add(stream(chat_stream(*texts))))).encode()


async def test_several_on_one_connection(stage: Stage) -> None:
    """Streams, whole answers and errors leave the connection fit for the next."""
    seen = []
    async with Caller(stage.gateway.port) as caller:
        for body in (streamed(stage), b"{", plain(stage), streamed(stage, "x")):
            await caller.send(body)
            answer = await caller.answer()
            assert answer.complete
            seen.append(answer.status)
        for path in ("/nothing", "/livez", "/v1/models"):
            await caller.send(path=path, method="GET")
            seen.append((await caller.answer()).status)

    assert seen == [200, 400, 200, 200, 404, 200, 200]


async def test_pipelined(stage: Stage) -> None:
    """Requests sent ahead are answered in their order, and each in full."""
    bodies = [streamed(stage, "one"), plain(stage), streamed(stage, "three")]
    async with Caller(stage.gateway.port) as caller:
        caller.writer.write(b"".join(raw(body, "host: g") for body in bodies))
        answers = [await caller.answer() for _ in bodies]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[0].body == b"".join(chat_stream("one"))
    assert answers[1].json == WHOLE
    assert answers[2].body == b"".join(chat_stream("three"))


async def test_pipelined_and_left(stage: Stage) -> None:
    """Whoever leaves with requests in the pipe leaves nothing running."""
    held = stage.add([*stream(chat_stream())[:1], asyncio.Event()])
    first = json.dumps(chat(held)).encode()
    async with Caller(stage.gateway.port) as caller:
        caller.writer.write(raw(first, "host: g") + raw(plain(stage), "host: g"))
        await stage.upstream.request(held)
        caller.leave()
        await (await stage.upstream.request(held)).gone(2)

    await stage.gateway.idle()


async def test_http_1_0_stream(stage: Stage) -> None:
    """No chunks for a client that does not know them: it reads until the end."""
    async with Caller(stage.gateway.port) as caller:
        caller.writer.write(raw(streamed(stage), version="1.0"))
        status, headers = await caller.head()
        body = await asyncio.wait_for(caller.reader.read(), 5)

    assert status == 200
    assert "transfer-encoding" not in dict(headers)
    assert body == b"".join(chat_stream())


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_close_is_done(stage: Stage, version: str) -> None:
    """A whole answer has its length, and the connection ends when asked to."""
    headers = ["host: g", "connection: close"] if version == "1.1" else []
    async with Caller(stage.gateway.port) as caller:
        caller.writer.write(raw(plain(stage), *headers, version=version))
        answer = await caller.answer()
        await caller.ended(2)

    assert answer.json == WHOLE
    assert version == "1.0" or answer.header("connection") == "close"


async def test_close_after_a_stream(stage: Stage) -> None:
    async with Caller(stage.gateway.port) as caller:
        await caller.send(streamed(stage), headers={"connection": "close"})
        answer = await caller.answer()
        await caller.ended(2)

    assert answer.complete
    assert answer.body.endswith(DONE)


async def test_http_1_0_keep_alive(stage: Stage) -> None:
    """An old client that asks for it may send another request."""
    async with Caller(stage.gateway.port) as caller:
        for _ in range(2):
            caller.writer.write(
                raw(plain(stage), "connection: keep-alive", version="1.0")
            )
            assert (await caller.answer()).json == WHOLE


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/health", "/version", "/v1/models"]
)
async def test_head(stage: Stage, path: str) -> None:
    """The headers of GET and no body: the next answer is not misread."""
    async with Caller(stage.gateway.port) as caller:
        await caller.send(path=path, method="GET")
        full = await caller.answer()
        await caller.send(path=path, method="HEAD")
        status, headers = await caller.head()
        await caller.send(path="/livez", method="GET")
        after = await caller.answer()

    assert status == full.status == 200
    assert dict(headers)["content-length"] == str(len(full.body))
    assert dict(headers)["content-type"] == full.header("content-type")
    assert after.json == {"status": "ok"}


async def test_head_of_the_live_feed(stage: Stage) -> None:
    """It has no end, so asking for its head must not wait for one."""
    async with Caller(stage.gateway.port) as caller:
        await caller.send(path="/admin/events", method="HEAD")
        status, _ = await caller.head(timeout=2)

    assert status in (200, 405)
    await stage.gateway.idle()


async def test_expect_continue(stage: Stage) -> None:
    """curl asks before it sends a large body, and waits a second for the word."""
    body = plain(stage)
    async with Caller(stage.gateway.port) as caller:
        headers = {"content-length": str(len(body)), "expect": "100-continue"}
        await caller.send_head(headers=headers)
        interim, _ = await caller.head(timeout=1)
        caller.writer.write(body)
        answer = await caller.answer()

    assert interim == 100
    assert answer.json == WHOLE


async def test_unknown_expectation(stage: Stage) -> None:
    """What cannot be met is refused with 417, and nothing is sent upstream."""
    before = len(stage.upstream.requests)

    answer = await ask(
        stage.gateway.port, plain(stage), headers={"expect": "the-unexpected"}
    )

    assert answer.status == 417
    assert len(stage.upstream.requests) == before


async def test_chunked_request(stage: Stage) -> None:
    """A body of unknown length arrives whole, and goes on with a length."""
    body = plain(stage)
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(headers={"transfer-encoding": "chunked"})
        for at in range(0, len(body), 7):
            piece = body[at : at + 7]
            caller.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await caller.writer.drain()
        caller.writer.write(b"0\r\n\r\n")
        answer = await caller.answer()

    assert answer.json == WHOLE
    request = await stage.upstream.request(json.loads(body)["user"])
    assert request.body == body.replace(b'"up:m1"', b'"m1"')
    assert request.header("transfer-encoding") is None


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8", ""])
async def test_content_type(stage: Stage, kind: str) -> None:
    """Some clients forget to say that it is JSON."""
    answer = await ask(stage.gateway.port, plain(stage), headers={"content-type": kind})

    assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    ["/chat/completions", "/v1/chat/completions", "/v1/chat/completions?api-version=1"],
)
async def test_unprefixed_and_with_query(stage: Stage, path: str) -> None:
    """Base URLs are written with and without the version."""
    body = plain(stage)

    answer = await ask(stage.gateway.port, body, path)

    assert answer.json == WHOLE
    request = await stage.upstream.request(json.loads(body)["user"])
    assert request.path == "/v1/chat/completions"


@pytest.mark.parametrize("path", ["/completions", "/embeddings"])
async def test_other_operations_unprefixed(stage: Stage, path: str) -> None:
    for prefix in ("", "/v1"):
        case = stage.add(reply({"object": "list", "data": []}))
        body = {"model": "up:m1", "input": "a", "prompt": "a", "user": case}
        answer = await ask(stage.gateway.port, body, prefix + path)
        assert answer.status == 200
        request = await stage.upstream.request(case)
        assert request.path == "/v1" + path
        assert request.json["model"] == "m1"


async def test_gzip_offered(stage: Stage) -> None:
    """Compression would hold a stream back: not even those who offer it get it."""
    case = stage.add(stream([text_chunk("a"), finish_chunk(), DONE]))

    answer = await ask(
        stage.gateway.port, chat(case), headers={"accept-encoding": "gzip, br, zstd"}
    )

    assert answer.header("content-encoding") is None
    assert answer.body == text_chunk("a") + finish_chunk() + DONE
