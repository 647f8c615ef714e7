"""What an upstream may say, and what is made of it, by either way."""

from __future__ import annotations

import gzip
import zlib

import pytest

from tests.lane.asking import Side
from tests.upstream import (
    CHUNKED,
    JSON_HEADERS,
    LAST_CHUNK,
    SSE_HEADERS,
    End,
    Pause,
    Step,
    Upstream,
    chunk,
    head,
)

WORDS = b'{"words": "' + b"la " * 40 + b'"}'
LENGTH = {"content-length": str(len(WORDS))}
OK = b"HTTP/1.1 200 OK\r\n"
GZIP = {"content-encoding": "gzip"}
DEFLATE = {"content-encoding": "deflate"}
ZIPPED, DEFLATED = gzip.compress(WORDS), zlib.compress(WORDS)


def of_length(body: bytes) -> dict[str, str]:
    return {"content-length": str(len(body))}


# Answers that are right, and whether their connection may be used again.
RIGHT: dict[str, tuple[list[Step], int, bytes, bool]] = {
    "length": ([head(200, JSON_HEADERS, LENGTH) + WORDS], 200, WORDS, True),
    "length 0": ([head(200, {"content-length": "0"})], 200, b"", True),
    "an error": ([head(500, JSON_HEADERS, LENGTH) + WORDS], 500, WORDS, True),
    "chunks": (
        [head(200, CHUNKED), chunk(WORDS[:50]), chunk(WORDS[50:]) + LAST_CHUNK],
        200,
        WORDS,
        True,
    ),
    "chunks in one piece": (
        [head(200, CHUNKED) + chunk(WORDS[:9]) + chunk(WORDS[9:]) + LAST_CHUNK],
        200,
        WORDS,
        True,
    ),
    "chunk extensions": (
        [head(200, CHUNKED), b'2;a=1;b="c"\r\nok\r\n0;last\r\n\r\n'],
        200,
        b"ok",
        True,
    ),
    "trailers": (
        [head(200, CHUNKED), b"2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n"],
        200,
        b"ok",
        True,
    ),
    "says close": (
        [head(200, LENGTH, {"connection": "close"}) + WORDS, End.FIN],
        200,
        WORDS,
        False,
    ),
    "close tells the end": ([head(200) + WORDS, End.FIN], 200, WORDS, False),
    "HTTP/1.0": ([b"HTTP/1.0 200 OK\r\n\r\n" + WORDS, End.FIN], 200, WORDS, False),
    "HTTP/1.0, length": (
        [b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", End.FIN],
        200,
        b"ok",
        False,
    ),
    "HTTP/1.0, kept": (
        [b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok"],
        200,
        b"ok",
        True,
    ),
    "interim": (
        [b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n", head(200, LENGTH) + WORDS],
        200,
        WORDS,
        True,
    ),
    "204": ([head(204)], 204, b"", True),
    "304": ([head(304, LENGTH)], 304, b"", True),
    "gzip": ([head(200, GZIP, of_length(ZIPPED)) + ZIPPED], 200, WORDS, True),
    "gzip in chunks": (
        [
            head(200, GZIP, CHUNKED, SSE_HEADERS),
            chunk(ZIPPED[:20]),
            chunk(ZIPPED[20:]),
            LAST_CHUNK,
        ],
        200,
        WORDS,
        True,
    ),
    "deflate": (
        [head(200, DEFLATE, CHUNKED), chunk(DEFLATED) + LAST_CHUNK],
        200,
        WORDS,
        True,
    ),
    "gzip until the close": ([head(200, GZIP) + ZIPPED, End.FIN], 200, WORDS, False),
    "headers of 7 kB": (
        [head(200, LENGTH, {"x-big": "x" * 7000}) + WORDS],
        200,
        WORDS,
        True,
    ),
}


@pytest.mark.parametrize("push", [False, True], ids=["pull", "push"])
@pytest.mark.parametrize("case", RIGHT)
async def test_right(side: Side, case: str, push: bool) -> None:
    """The answer is whole, and the connection is used again if it may be."""
    script, status, body, kept = RIGHT[case]
    async with Upstream(script) as up, side.asking(up.url) as asked:
        first = await asked.got(push=push)
        await asked.settled()
        second = await asked.got(push=push)

    for got in (first, second):
        assert (got.status, got.body, got.code) == (status, body, "")
    assert up.accepted == (1 if kept else 2)


@pytest.mark.parametrize("case", RIGHT)
async def test_byte_by_byte(lane: Side, case: str) -> None:
    """However the network cuts it, it is the same answer."""
    script, status, body, _ = RIGHT[case]
    said = b"".join(step for step in script if isinstance(step, bytes))
    ends = [step for step in script if isinstance(step, End)]
    pieces: list[Step] = [bytes([byte]) for byte in said]
    async with Upstream([*pieces, *ends]) as up, lane.asking(up.url) as asked:
        got = await asked.got(push=True)

    assert (got.status, got.body, got.code) == (status, body, "")


# What is no answer: nothing of it may reach the client as one. Where the ordinary
# way makes something of it that is safe in itself, the lane alone refuses.
NO_ANSWER: dict[str, tuple[list[Step], bool]] = {
    "two lengths": ([OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc"], True),
    "length and chunks": (
        [
            OK + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n0\r\n\r\n"
        ],
        False,
    ),
    "a length with a sign": ([OK + b"content-length: +3\r\n\r\nabc"], True),
    "chunked twice": (
        [OK + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n"],
        False,
    ),
    "a folded line": ([OK + b"x-a: b\r\n c: d\r\ncontent-length: 0\r\n\r\n"], False),
    "blank before the colon": ([OK + b"content-length : 0\r\n\r\n"], False),
    "bare LF": ([b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok"], False),
    "NUL in a value": ([OK + b"x-a: b\x00c\r\ncontent-length: 0\r\n\r\n"], True),
    "CR in a value": ([OK + b"x-a: b\rset-cookie: c\r\n\r\n"], True),
    "no name": ([OK + b": b\r\ncontent-length: 0\r\n\r\n"], True),
    "101": (
        [
            b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            End.HANG,
        ],
        False,
    ),
    "no status": ([b"HTTP/1.1 OK\r\n\r\n"], True),
    "another protocol": ([b"SSH-2.0-OpenSSH_9.2\r\n"], True),
    "HTTP/2": ([b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03"], True),
    "a head without end": ([OK, b"x-a: " + b"b" * 200_000, End.HANG], True),
    "headers without end": ([OK, b"x-a: b\r\n" * 20_000, End.HANG], False),
    "hints without end": ([b"HTTP/1.1 103 X\r\n\r\n" * 50, End.HANG], False),
    "cut in the head": ([OK + b"content-le", End.FIN], False),
}


@pytest.mark.parametrize("case", NO_ANSWER)
async def test_no_answer(lane: Side, case: str) -> None:
    """It is refused before any head reaches the client, and the connection closed."""
    script, _ = NO_ANSWER[case]
    async with Upstream([*script, End.HANG]) as up, lane.asking(up.url) as asked:
        got = await asked.got()
        await up.requests[0].gone(1)
        assert not asked.idle

    assert got.status is None
    assert got.code in ("upstream_protocol", "upstream_connection_lost"), got
    assert len(up.requests) == 1


@pytest.mark.parametrize(
    "case", [case for case, (_, both) in NO_ANSWER.items() if both]
)
async def test_no_answer_ordinarily(case: str) -> None:
    """aiohttp's client refuses this as well."""
    script, _ = NO_ANSWER[case]
    async with (
        Upstream([*script, End.HANG]) as up,
        Side("aiohttp").asking(up.url) as asked,
    ):
        got = await asked.got()

    assert got.status is None
    assert got.code in ("upstream_protocol", "upstream_connection_lost"), got


SSE = head(200, SSE_HEADERS, CHUNKED) + chunk(b"abc")
# What is good, what breaks it, and the body's bytes before that.
BROKEN: dict[str, tuple[bytes, bytes, End, bytes]] = {
    "cut short of its length": (
        head(200, {"content-length": "10"}),
        b"abc",
        End.FIN,
        b"abc",
    ),
    "cut in a chunk": (SSE, b"5\r\nde", End.FIN, b"abcde"),
    "cut between chunks": (SSE, b"", End.FIN, b"abc"),
    "reset between chunks": (SSE, b"", End.RST, b"abc"),
    "no CRLF behind a chunk": (SSE, b"2\r\ndeXX", End.HANG, b"abcde"),
    "a size that is none": (SSE, b"0x5\r\nabcde\r\n", End.HANG, b"abc"),
    "a size with a sign": (SSE, b"-1\r\nabcde\r\n", End.HANG, b"abc"),
    "a size without end": (SSE, b"1" * 200, End.HANG, b"abc"),
    "LF in an extension": (SSE, b"2;a\nb\r\nde\r\n", End.HANG, b"abc"),
    "CR in an extension": (SSE, b"2;a\rb\r\nde\r\n", End.HANG, b"abc"),
    "an answer in an answer": (SSE, head(200, LENGTH) + WORDS, End.HANG, b"abc"),
    "a trailer that would frame": (
        SSE,
        b"0\r\ncontent-length: 5\r\n\r\n",
        End.HANG,
        b"abc",
    ),
}
# aiohttp's parser reads over these, or loses the good bytes in the same piece.
LENIENT = {"CR in an extension", "LF in an extension", "a trailer that would frame"}
BROKEN_FOR_BOTH = [case for case in BROKEN if case not in LENIENT]


async def break_off(side: Side, case: str, steps: list[Step], *, push: bool) -> None:
    *_, end, before = BROKEN[case]
    async with Upstream([*steps, end]) as up, side.asking(up.url) as asked:
        got = await asked.got(push=push)
        await up.requests[0].gone(1)
        assert not asked.idle

    assert got.status == 200
    # A reset may overtake what was sent before it.
    assert got.body == before or (end is End.RST and before.startswith(got.body))
    assert got.code == "upstream_connection_lost", got


@pytest.mark.parametrize("push", [False, True], ids=["pull", "push"])
@pytest.mark.parametrize("case", BROKEN_FOR_BOTH)
async def test_broken(side: Side, case: str, push: bool) -> None:
    """What was good comes, then the error: never the end of a whole answer."""
    good, bad, *_ = BROKEN[case]
    await break_off(side, case, [good, Pause(0.01), bad], push=push)


@pytest.mark.parametrize("push", [False, True], ids=["pull", "push"])
@pytest.mark.parametrize("case", BROKEN)
async def test_broken_in_one_piece(lane: Side, case: str, push: bool) -> None:
    """Good bytes are not lost over what stands behind them."""
    good, bad, *_ = BROKEN[case]
    await break_off(lane, case, [good + bad], push=push)


@pytest.mark.parametrize("case", BROKEN)
async def test_broken_byte_by_byte(lane: Side, case: str) -> None:
    good, bad, *_ = BROKEN[case]
    pieces: list[Step] = [bytes([byte]) for byte in good + bad]
    await break_off(lane, case, pieces, push=True)


async def test_control_characters(side: Side) -> None:
    """A header that no writer would take makes no answer fail after it was read."""
    headers = {"x-request-id": "a\x01b", "retry-after": "\t3", "x-ratelimit-a": "\xff"}
    script = [head(200, LENGTH, headers) + WORDS]
    async with Upstream(script) as up, side.asking(up.url) as asked:
        got = await asked.got()

    if side.fast:
        assert (got.status, got.code) == (None, "upstream_protocol")
    else:
        assert got.body == WORDS
        assert got.headers is not None
        assert "x-request-id" not in got.headers
        assert got.headers["Retry-After"] == "3"


async def test_hidden_answer() -> None:
    """A second answer behind the first is nobody's, by either way."""
    hidden = head(200, LENGTH) + WORDS
    script = [head(200, {"content-length": "2"}) + b"ok" + hidden]
    for side in (Side("fast"), Side("aiohttp")):
        async with Upstream(script) as up, side.asking(up.url) as asked:
            got = [await asked.got() for _ in range(3)]

        assert {(one.status, one.body, one.code) for one in got} == {(200, b"ok", "")}
        assert up.accepted == 3
