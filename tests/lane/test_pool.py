"""A connection serves one request after the other, and never two at once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Self

import pytest

from tests.lane.asking import BODY, Asked, Side
from tests.upstream import (
    CHUNKED,
    LAST_CHUNK,
    SSE_HEADERS,
    End,
    Pause,
    Request,
    Step,
    Upstream,
    chunk,
    head,
    reply,
)

POISON = head(200, {"content-length": "6"}) + b"poison"


def numbered(after: Iterable[Step] = ()) -> Callable[[Request], Iterable[Step]]:
    """Answer each request with its number, and then do what *after* says."""
    numbers = iter(range(1, 1000))

    def script(_: Request) -> Iterable[Step]:
        yield from reply(b"%d" % next(numbers))
        yield from after

    return script


async def drained(asked: Asked, seconds: float = 1.0) -> None:
    """Wait until no idle connection is good any more."""
    async with asyncio.timeout(seconds):
        while any(p.is_connected() and not p.should_close for p in asked.idle):
            await asyncio.sleep(0.002)


async def test_kept_alive(side: Side) -> None:
    async with Upstream(numbered()) as up, side.asking(up.url) as asked:
        got = [(await asked.got()).body for _ in range(5)]

    assert got == [b"1", b"2", b"3", b"4", b"5"]
    assert up.accepted == 1


async def test_kept_alive_by_both_in_turn() -> None:
    """What aiohttp's reader has left behind is no matter to the lane."""
    zipped = {"content-encoding": "deflate"}
    body = zlib.compress(b"ch")
    scripts = [
        reply(body, headers=zipped),
        reply(b"plain"),
        reply(body, headers=zipped),
    ]
    answers = iter(scripts * 2)
    async with (
        Upstream(lambda _: next(answers)) as up,
        Side("fast").asking(up.url) as asked,
    ):
        got = [(await asked.got()).body for _ in range(6)]

    assert got == [b"ch", b"plain", b"ch"] * 2
    assert up.accepted == 1


# -- what comes over an idle connection

UNASKED: dict[str, bytes] = {
    "a whole answer": POISON,
    "two answers": POISON + POISON,
    "half a head": POISON[:25],
    "a head": POISON[:-6],
    "a line end": b"\r\n",
    "one byte": b"H",
    "garbage": b"\x00\xffgarbage\r\n\r\n",
    "400, as some say before they close": head(400, {"content-length": "0"}),
}


@pytest.mark.parametrize("case", UNASKED)
async def test_unasked(side: Side, case: str) -> None:
    """What nobody has asked for is no answer to the next request, nor a part of it."""
    script = numbered([Pause(0.01), UNASKED[case]])
    async with Upstream(script) as up, side.asking(up.url) as asked:
        first = await asked.got()
        await drained(asked)
        second = await asked.got()

    assert [first.body, second.body] == [b"1", b"2"]
    assert up.accepted == 2


@pytest.mark.parametrize("case", UNASKED)
async def test_unasked_behind_a_stream(side: Side, case: str) -> None:
    """Likewise in the piece in which an answer ends."""
    said = chunk(b"ok") + LAST_CHUNK + UNASKED[case]
    script: list[Step] = [head(200, SSE_HEADERS, CHUNKED), Pause(0.005), said]
    async with Upstream(script) as up, side.asking(up.url) as asked:
        first = await asked.got(push=True)
        if side.fast:  # aiohttp's parser forgets less than a head
            await drained(asked)
        second = await asked.got(push=True)

    for got in (first, second):
        assert (got.status, got.body, got.code) == (200, b"ok", "")
    assert up.accepted == 2 or not side.fast


@pytest.mark.parametrize("case", UNASKED)
async def test_unasked_behind_a_compressed_answer(side: Side, case: str) -> None:
    """Where aiohttp has read the answer, its parser must not keep what came then."""
    body = zlib.compress(b"ok")
    said = reply(body, headers={"content-encoding": "deflate"})
    script: list[Step] = [*said, Pause(0.01), UNASKED[case]]
    async with Upstream(script) as up, side.asking(up.url) as asked:
        first = await asked.got()
        await drained(asked)
        second = await asked.got()

    assert [first.body, second.body] == [b"ok", b"ok"]
    assert up.accepted == 2


# -- stale connections

STALE: dict[str, list[Step]] = {
    "closed": [Pause(0.01), End.FIN],
    "reset": [Pause(0.01), End.RST],
    "half closed": [Pause(0.01), End.HALF_CLOSE],
}


@pytest.mark.parametrize("case", STALE)
async def test_closed_while_idle(side: Side, case: str) -> None:
    """The next request goes over another one."""
    async with Upstream(numbered(STALE[case])) as up, side.asking(up.url) as asked:
        first = await asked.got()
        await drained(asked)
        second = await asked.got()

    assert [first.body, second.body] == [b"1", b"2"]
    assert up.accepted == 2


def once_then(*steps: Step) -> Callable[[Request], Iterable[Step]]:
    """Answer the first request of each connection; to the second do *steps*."""
    seen: set[object] = set()

    def script(request: Request) -> Iterable[Step]:
        if request.link in seen:
            return steps
        seen.add(request.link)
        return reply(b"ok")

    return script


@pytest.mark.parametrize("end", [End.FIN, End.RST], ids=str)
async def test_closed_on_the_request(side: Side, end: End) -> None:
    """A race between our request and its closing: sent again, once, over a new one."""
    async with Upstream(once_then(end)) as up, side.asking(up.url) as asked:
        first = await asked.got()
        second = await asked.got()

    assert [first.body, second.body] == [b"ok", b"ok"]
    assert len(up.requests) == 3
    assert up.accepted == 2


async def test_retried_once(side: Side) -> None:
    """Not for ever, nor over a second pooled connection."""
    go_on = asyncio.Event()
    ends: list[Step] = []

    def script(_: Request) -> Iterable[Step]:
        return ends or [go_on, *reply(b"ok")]

    async with Upstream(script) as up, side.asking(up.url) as asked:
        three = [asyncio.create_task(asked.got()) for _ in range(3)]
        while len(up.requests) < 3:
            await asyncio.sleep(0.001)
        go_on.set()
        await asyncio.gather(*three)
        assert len(asked.idle) == 3
        ends.append(End.FIN)
        got = await asked.got()

    assert (got.status, got.code) == (None, "upstream_connection_lost")
    assert len(up.requests) == 3 + 2
    assert up.accepted == 4


BEGUN: dict[str, list[Step]] = {
    "one byte": [b"H", Pause(0.005), End.FIN],
    "half a head": [head(200)[:-4], Pause(0.005), End.RST],
    "an interim answer": [b"HTTP/1.1 103 X\r\n\r\n", Pause(0.005), End.FIN],
}


@pytest.mark.parametrize("case", BEGUN)
async def test_begun(lane: Side, case: str) -> None:
    """Where something was received the request was heard: it is not sent again."""
    async with Upstream(once_then(*BEGUN[case])) as up, lane.asking(up.url) as asked:
        first = await asked.got()
        second = await asked.got()

    assert first.body == b"ok"
    assert (second.status, second.code) == (None, "upstream_connection_lost")
    assert len(up.requests) == 2


async def test_new_connection_is_not_retried(side: Side) -> None:
    """It was no stale one: the upstream does not want the request."""
    async with Upstream([End.FIN]) as up, side.asking(up.url) as asked:
        got = await asked.got()

    assert (got.status, got.code) == (None, "upstream_connection_lost")
    assert len(up.requests) == 1


# -- a request that is long on its way

# aiohttp's client says that it takes long.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body")
BIG = b'{"x":"' + b"x" * 60_000_000 + b'"}'


async def test_slow_reader_of_a_big_body(side: Side) -> None:
    """All of it comes, as it is."""
    async with Upstream(reply(b"ok")) as up, side.asking(up.url) as asked:
        got = await asked.got(BIG)

    assert got.body == b"ok"
    assert up.requests[0].body == BIG


class Early:
    """An upstream that answers when it has seen the head, and reads no body."""

    def __init__(self, answer: bytes, *, reads: bool = False) -> None:
        self.answer = answer
        self.reads = reads
        self.accepted = 0
        self.closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.accepted += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].split(b"\r")[0])
                writer.write(self.answer)
                await writer.drain()
                if length > 1000:
                    await asyncio.sleep(0.05)
                await reader.readexactly(length)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.closed.set()
            writer.transport.abort()


REFUSED = b'{"error":{"message":"too large"}}'
TOO_LARGE = head(413, {"content-length": str(len(REFUSED))}) + REFUSED


async def test_answered_before_the_body_was_read(side: Side) -> None:
    """The refusal is heard, and the next request does not wait behind the rest."""
    async with Early(TOO_LARGE) as up, side.asking(up.url) as asked:
        got = await asked.got(BIG)
        await asked.settled(2)
        again = await asyncio.wait_for(asked.got(BODY), 1)

    assert (got.status, got.body) == (413, REFUSED)
    assert again.status == 413


class Stuck(asyncio.Protocol):
    """Answers the first bytes with *said*, and reads no more until it is told."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.gone = asyncio.Event()
        self.received = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.said:
            self.transport.pause_reading()
            self.transport.write(self.said)
            self.said = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


NEVER_READ = {
    "kept alive": TOO_LARGE,
    "closing": head(413, {"connection": "close", "content-length": "2"}) + b"no",
    "malformed": b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    "malformed body": head(200, CHUNKED) + b"2\r\nabcd",
    "compressed": reply(zlib.compress(b"no"), headers={"content-encoding": "deflate"})[
        0
    ],
}


@pytest.mark.parametrize("case", NEVER_READ)
async def test_answered_and_never_read(lane: Side, case: str) -> None:
    """Neither the rest of a body that nobody reads stays, nor its connection."""
    said = NEVER_READ[case]
    assert isinstance(said, bytes)
    made: list[Stuck] = []

    def make() -> Stuck:
        made.append(Stuck(said))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, lane.asking(url) as asked:
        await asked.got(BIG)
        await asked.settled()
        (stuck,) = made
        stuck.transport.resume_reading()  # or else a reset is not seen
        async with asyncio.timeout(1):
            await stuck.gone.wait()

    assert stuck.received < len(BIG) / 2
