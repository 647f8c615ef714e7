"""Bytes that are passed on in the call in which they come, at the wrong moments."""

from __future__ import annotations

import asyncio
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import CHAT, Caller, chat
from tests.stage import Stage, stalled
from tests.streams import (
    DONE,
    KEEP_ALIVE,
    finish_chunk,
    frame_json,
    frames,
    random_cuts,
    text_chunk,
)
from tests.upstream import (
    CHUNKED,
    LAST_CHUNK,
    SSE_HEADERS,
    End,
    Step,
    chunk,
    head,
    reply,
    stream,
)
from tests.ways import WAY

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.asyncio(loop_scope="module")

MiB = 1024 * 1024
# The upstream's clocks are shorter than a slow caller takes.
STAGE = {
    "server": {"keep_alive": "100ms", "open_after": "100ms", "send_timeout": "10s"},
    "timeouts": {"first_event": "1s", "idle": "400ms"},
}
TAIL = finish_chunk() + DONE
WORDS = b"".join(text_chunk(f"{n} " + "x" * 4000) for n in range(2000))
BODY = WORDS + TAIL
SOME = text_chunk("x" * 4000) * 2


def without_comments(body: bytes) -> bytes:
    return body.replace(KEEP_ALIVE, b"")


def cut(body: bytes, *, close: bool = False, zipped: bool = False) -> list[Step]:
    """Return *body* as an event stream, in pieces that fit nothing."""
    said = zlib.compress(body, 0) if zipped else body
    pieces = random_cuts(said, seed=4, longest=90_000)
    encoding = {"content-encoding": "deflate"} if zipped else {}
    if close:
        return [head(200, SSE_HEADERS, encoding), *pieces, End.FIN]
    return stream(pieces, {**SSE_HEADERS, **encoding})


ENDS: dict[str, list[Step]] = {
    "last chunk": cut(BODY),
    "close": cut(BODY, close=True),
    "last chunk, compressed": cut(BODY, zipped=True),
    "close, compressed": cut(BODY, close=True, zipped=True),
}


@pytest.mark.parametrize("case", ENDS)
async def test_ended_before_the_caller_reads(stage: Stage, case: str) -> None:
    """
    The upstream has said all, and its clock has run out, before anybody reads.

    All of it comes, and both connections serve the next request.
    """
    async with stage.scene(ENDS[case], receive_buffer=65536) as scene:
        request = await scene.request()
        await stalled(lambda: request.sent, quiet=0.5)
        answer = await scene.caller.answer()
        line = await scene.done()
        await scene.caller.send(chat(stage.add(reply({})), stream=False))
        after = await scene.caller.answer(2)

    assert answer.complete
    assert without_comments(answer.body) == BODY
    assert line["outcome"] == "completed"
    assert after.status == 200
    await stage.gateway.idle()


@pytest.mark.parametrize("end", [End.FIN, b"zz\r\n"], ids=["cut", "malformed"])
async def test_broken_before_the_caller_reads(stage: Stage, end: Step) -> None:
    """All that was good comes first, then what went wrong."""
    script = [*cut(WORDS)[:-1], end]
    async with stage.scene(script, receive_buffer=65536) as scene:
        request = await scene.request()
        await stalled(lambda: request.sent)
        answer = await scene.caller.answer()
        line = await scene.done()

    *frames_before, last = frames(without_comments(answer.body))
    good = b"".join(frames_before)
    assert answer.complete
    # aiohttp's client drops what it has when the connection breaks.
    assert good == WORDS or (WAY != "fast" and WORDS.startswith(good.rstrip()))
    assert frame_json(last)["error"]["code"] == line["error_code"]
    assert line["outcome"] == "truncated"
    await stage.gateway.idle()


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
async def test_in_gulps(stage: Stage, path: str) -> None:
    """A caller that stops and goes on at random gets each byte once, in order."""
    dice = random.Random(3)
    case = stage.add(cut(BODY))
    got = bytearray()
    named: dict[str, Any] = {"metadata": {"user_id": case}, "max_tokens": 9}
    if path == CHAT:
        named = {}
    else:  # where the upstream sees no case, the next one is meant
        stage.upstream.scripts[""] = cut(BODY)
    async with Caller(stage.gateway.port, receive_buffer=16384) as caller:
        await caller.send(chat(case, **named), path, headers={"x-request-id": case})
        await caller.head()
        while piece := await caller.piece():
            got += piece
            if dice.random() < 0.02:
                await asyncio.sleep(dice.random() * 0.05)
        line = await stage.gateway.done(case)

    assert line["outcome"] == "completed"
    body = without_comments(bytes(got))
    if path == CHAT:
        assert body == BODY
    else:
        assert body.count(b"x" * 4000) == 2000
        assert b"message_stop" in body


PIECES: dict[str, list[Step]] = {
    "all at once": [b"".join(s for s in stream([BODY]) if isinstance(s, bytes))],
    "head, then all": [
        head(200, SSE_HEADERS, CHUNKED),
        chunk(BODY) + LAST_CHUNK,
    ],
    "all but the end": [
        head(200, SSE_HEADERS, CHUNKED) + chunk(BODY),
        LAST_CHUNK,
    ],
    "all and the close": [head(200, SSE_HEADERS) + BODY, End.FIN],
    "one event": [head(200, SSE_HEADERS, CHUNKED) + chunk(DONE) + LAST_CHUNK],
}


@pytest.mark.parametrize("case", PIECES)
async def test_in_few_pieces(stage: Stage, case: str) -> None:
    """Beginning, middle and end in one read of the network are still all three."""
    answer, line = await stage.exchange(PIECES[case])

    assert answer.complete
    assert answer.body == (DONE if case == "one event" else BODY)
    assert line["outcome"] == "completed"


async def pipelined(stage: Stage, scripts: Iterable[tuple[list[Step], bool]]) -> Any:
    async with Caller(stage.gateway.port) as caller:
        for script, streams in scripts:
            await caller.send(chat(stage.add(script), stream=streams))
        return [await caller.answer() for _ in scripts]


async def test_pipelined(stage: Stage) -> None:
    """Requests that come before the answers are answered in order, each whole."""
    small = text_chunk("a") + TAIL
    whole = b'{"choices":[]}'
    no = reply({"error": {"message": "no"}}, 500)
    one, two, three, four, five = await pipelined(
        stage,
        [
            (stream([small[:9], small[9:]]), True),
            (reply(whole), False),
            (cut(BODY), True),
            (no, True),
            (reply(whole), False),
        ],
    )

    assert one.body == small
    assert two.body == five.body == whole
    assert without_comments(three.body) == BODY
    assert four.status == 500
    await stage.gateway.idle()


@pytest.mark.parametrize("streams", [True, False])
async def test_caller_who_closes_after(stage: Stage, streams: bool) -> None:
    """``Connection: close`` is kept, whoever writes the answer."""
    body = text_chunk("a") + TAIL if streams else b'{"choices":[]}'
    case = stage.add(stream([body]) if streams else reply(body))
    async with Caller(stage.gateway.port) as caller:
        await caller.send(chat(case, stream=streams), headers={"connection": "close"})
        answer = await caller.answer()
        await caller.ended(1)

    assert answer.header("connection") == "close"
    assert answer.body == body
    assert answer.complete


async def test_caller_who_leaves_while_held(stage: Stage) -> None:
    """Many that stop reading and then leave: no upstream is left waiting for them."""

    async def stop_and_leave(number: int) -> None:
        async with stage.scene(cut(BODY), receive_buffer=16384) as scene:
            await scene.request()
            await asyncio.sleep(0.05 + number / 100)
            (scene.caller.leave, scene.caller.leave_by_reset)[number % 2]()
            line = await scene.done()
            assert line["outcome"] == "client_gone"

    await asyncio.gather(*(stop_and_leave(number) for number in range(20)))
    await stage.gateway.idle()


KEPT: dict[str, list[Step]] = {
    "all at once": [b"".join(s for s in stream([SOME + TAIL]) if isinstance(s, bytes))],
    "end in a piece of its own": stream([SOME, TAIL]),
    "byte by byte": stream([bytes([byte]) for byte in text_chunk("a") + TAIL]),
    "no last word": stream([text_chunk("a"), finish_chunk()]),
}


@pytest.mark.parametrize("case", KEPT)
async def test_kept_before_it_ends(stage: Stage, case: str) -> None:
    """Who hears the last event of a response can ask for it in the next moment."""
    named = stage.add(None)
    stage.upstream.scripts[""] = KEPT[case]
    body = {"model": "up:m1", "input": "hello", "stream": True}
    async with (
        Caller(stage.gateway.port) as caller,
        Caller(stage.gateway.port) as other,
    ):
        await caller.send(body, "/v1/responses", headers={"x-request-id": named})
        await caller.head()
        said = await caller.until(b"event: response.completed")
        said += await caller.until(b"\n\n") if not said.endswith(b"\n\n") else b""
        name = frame_json(frames(said)[-1])["response"]["id"]
        await other.send(path=f"/v1/responses/{name}", method="GET")
        found = await other.answer(2)
        rest, complete = await caller.rest()

    assert found.status == 200
    assert found.json["id"] == name
    assert complete
    assert rest == b""
