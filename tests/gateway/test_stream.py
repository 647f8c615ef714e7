"""The pump and the outlet together, between a scripted answer and a real client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest
from aiohttp import ClientPayloadError, ClientSession
from aiohttp.web import (
    Application,
    Request,
    Response,
    StreamResponse,
    TCPSite,
)
from attrs import define, field, frozen

from connectors.openai_chat import TRANSLATOR
from gateway.answers import Pulled
from gateway.domain.errors import LLMProxyError
from gateway.failures import UpstreamAnswerError
from gateway.fronts.base import EVENT_STREAM, Ask, Context
from gateway.fronts.openai_chat.front import FRONT
from gateway.ledger import Ledger, Outcome
from gateway.outlet import Outlet
from gateway.passthrough import Passthrough
from gateway.protocol import Runner
from gateway.relay import Relay, StalledClientError
from gateway.rendering import Decoded, Rendering
from gateway.settings import Server, Timeouts
from gateway.stream import Stream
from gateway.watch import Ticker, Watch
from gateway.wire.sse import SseFramer
from gateway.writing import FAST, PLAIN
from tests.streams import (
    DONE,
    KEEP_ALIVE,
    chat_stream,
    data,
    finish_chunk,
    frame_json,
    frames,
    text_chunk,
)

Step: TypeAlias = "bytes | float | Exception"

ASK = Ask("m", stream=True)
CALM = Timeouts(9, 9, 9)
QUIET = Server(keep_alive=0, open_after=0)
PINGING = Server(keep_alive=0.05, open_after=0)
ERROR = data({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})
STREAM = b"".join(chat_stream())
PINGS: list[Step] = [0.04, b": ping\n\n"]


@pytest.fixture(autouse=True)
def short_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often than is worth while, so that tests are short."""
    monkeypatch.setattr("gateway.watch.TICK", 0.005)


class Chosen:
    """Who writes: every promise here is kept by both."""

    writing = FAST


@pytest.fixture(autouse=True, params=[FAST, PLAIN], ids=["fast", "aiohttp"])
def _writing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chosen, "writing", request.param)


def watching(clocks: Timeouts) -> Watch:
    return Watch(Ticker(), clocks)


@frozen
class Got:
    """What the client got, and what the ledger says of it."""

    status: int
    headers: dict[str, str]
    body: bytes
    ledger: Ledger
    seconds: float

    @property
    def error(self) -> str:
        code: str = frame_json(frames(self.body)[-1])["error"]["code"]
        return code


@define
class Play:
    """One exchange: an upstream's answer by its steps, pumped to one client."""

    steps: list[Step]
    settings: Server = QUIET
    clocks: Timeouts = CALM
    head_after: float = 0
    content_type: str | None = "text/event-stream"
    relay: Callable[[Ledger], Relay] = lambda ledger: Passthrough(ledger, FRONT, ASK)
    ledger: Ledger = field(factory=lambda: Ledger("req_1", "openai_chat", "chat"))
    left: Iterator[Step] = field(init=False)

    @left.default
    def _(self) -> Iterator[Step]:
        return iter(self.steps)

    async def read(self) -> bytes:
        for step in self.left:
            match step:
                case bytes() as piece:
                    return piece
                case float() as pause:
                    await asyncio.sleep(pause)
                case Exception() as exc:
                    raise exc
        return b""

    async def handle(self, request: Request) -> StreamResponse:
        watch = watching(self.clocks)
        relay = self.relay(self.ledger)
        headers = {"x-request-id": "1", "Content-Type": EVENT_STREAM}
        outlet = Outlet(
            request, self.settings, headers, watch, relay, KEEP_ALIVE, Chosen.writing
        )
        stream = Stream(relay, outlet, watch)
        try:
            await asyncio.sleep(self.head_after)
            stream.answered(self.content_type, {"retry-after": "3"})
            return await stream.pump(Pulled(self.read))
        except asyncio.CancelledError:
            caught = watch.caught()
            if caught is None:
                raise
            error: LLMProxyError = caught
        except LLMProxyError as exc:
            error = exc
        finally:
            watch.stop()
            outlet.abandon()
        if isinstance(error, StalledClientError):
            self.ledger.end(Outcome.CLIENT_STALLED, error.code)
            raise ConnectionAbortedError
        if await outlet.is_open():
            return await stream.end(relay.fail(error))
        body = FRONT.write_error(error)
        if isinstance(error, UpstreamAnswerError):
            body = error.body
        return Response(status=error.status_code, body=body)

    async def run(self) -> Got:
        start = time.monotonic()
        status, headers, body = await fetched(self.handle)
        return Got(status, headers, body, self.ledger, time.monotonic() - start)


async def fetched(
    handle: Callable[[Request], Awaitable[StreamResponse]],
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of one answer by *handle*."""
    async with (
        listening(handle) as port,
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/") as response,
    ):
        headers = {k.lower(): v for k, v in response.headers.items()}
        return response.status, headers, await response.read()


@asynccontextmanager
async def listening(
    handle: Callable[[Request], Awaitable[StreamResponse]],
) -> AsyncIterator[int]:
    """Serve with *handle* on the port that is given."""
    app = Application()
    app.router.add_get("/", handle)
    runner = Runner(
        app,
        head_timeout=10,
        direct=lambda _: None,
        handler_cancellation=True,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    await TCPSite(runner, "127.0.0.1", 0).start()
    try:
        port: int = runner.addresses[0][1]
        yield port
    finally:
        await runner.cleanup()


async def test_whole_stream() -> None:
    got = await Play([*chat_stream()]).run()

    assert (got.status, got.body) == (200, STREAM)
    assert got.ledger.outcome is Outcome.COMPLETED
    assert got.ledger.first_event is not None
    assert got.ledger.status == 200


async def test_head() -> None:
    """Nothing between us and the browser may hold the stream back or keep it."""
    got = await Play([STREAM]).run()

    assert got.headers["content-type"] == "text/event-stream"
    assert got.headers["cache-control"] == "no-cache, no-transform"
    assert got.headers["x-accel-buffering"] == "no"
    assert got.headers["x-request-id"] == "1"
    assert got.headers["retry-after"] == "3"


@pytest.mark.parametrize("before", [[], [b": wait\n\n"], [b"data: ", 0.01]])
async def test_error_first(before: list[Step]) -> None:
    """As nothing is out yet, the error has its own status and its own words."""
    rest = ERROR.removeprefix(b"data: ") if b"data: " in before else ERROR

    got = await Play([*before, rest, text_chunk("late")]).run()

    assert got.status == 429
    assert got.body + b"\n\n" == ERROR.removeprefix(b"data: ")
    assert got.ledger.first_event is not None


async def test_error_first_without_a_blank_line() -> None:
    """It is as good an error as with one."""
    got = await Play([ERROR.rstrip()]).run()

    assert got.status == 429
    assert b"slow down" in got.body


async def test_error_later_in_the_first_read() -> None:
    """Only a first event becomes a status; what came before it was an answer."""
    body = text_chunk("one") + ERROR

    got = await Play([body]).run()

    assert (got.status, got.body) == (200, body)
    assert got.ledger.outcome is Outcome.UPSTREAM_FAILED


@pytest.mark.parametrize(
    ("steps", "status", "code"),
    [
        ([], 502, "upstream_empty"),
        ([b"\n\n"], 502, "upstream_empty"),
        ([b": wait\n\n"], 502, "upstream_truncated"),
        ([b"data: {"], 502, "upstream_truncated"),
        ([b"<html>"], 502, "upstream_truncated"),
        ([b'{"a": 1}'], 502, "upstream_truncated"),
        ([b'{"error": {"message": "m", "code": 503}}\n'], 503, ""),
        ([ClientPayloadError("cut")], 502, "upstream_connection_lost"),
        ([0.5], 504, "upstream_timeout"),
    ],
    ids=repr,
)
async def test_no_answer(steps: list[Step], status: int, code: str) -> None:
    """What has no event in it is no answer: a status says so, not an empty 200."""
    play = Play(steps, clocks=Timeouts(9, 0.1, 9))

    got = await play.run()

    assert got.status == status
    assert code.encode() in got.body
    if not code:
        assert got.body == b'{"error": {"message": "m", "code": 503}}'


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (ClientPayloadError("cut"), "upstream_connection_lost"),
        (ConnectionResetError("reset"), "upstream_connection_lost"),
        (0.5, "upstream_idle_timeout"),
        (b"", "upstream_truncated"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("half", [b"", b"data: {"])
async def test_breaks_off(step: Step, code: str, half: bytes) -> None:
    """The head is out, so the stream itself says that it is broken."""
    play = Play([text_chunk("one") + half, step], clocks=Timeouts(9, 9, 0.1))

    got = await play.run()

    assert got.status == 200
    assert got.body.startswith(text_chunk("one") + half)
    assert got.error == got.ledger.error_code == code
    assert got.ledger.outcome is Outcome.TRUNCATED


async def test_upstreams_comments_do_not_count() -> None:
    """A proxy's signs of life do not keep a dead model's stream open."""
    got = await Play(
        [text_chunk("one"), *PINGS * 10], clocks=Timeouts(9, 9, 0.15)
    ).run()

    assert got.error == "upstream_idle_timeout"


async def test_keep_alive_before_the_first_event() -> None:
    """A model that thinks for long does not lose its client to a proxy."""
    got = await Play([0.3, STREAM], PINGING).run()

    pings, rest = got.body[: -len(STREAM)], got.body[-len(STREAM) :]
    assert rest == STREAM
    assert pings == KEEP_ALIVE * (len(pings) // len(KEEP_ALIVE))
    assert 3 <= len(pings) // len(KEEP_ALIVE) <= 6


async def test_keep_alive_between_events() -> None:
    got = await Play([text_chunk("one"), 0.2, DONE], PINGING).run()

    assert got.body.replace(KEEP_ALIVE, b"") == text_chunk("one") + DONE
    assert got.body.count(KEEP_ALIVE) >= 2


async def test_no_keep_alive_within_an_event() -> None:
    """It would become part of it."""
    one = text_chunk("one")

    got = await Play([one, one[:20], 0.2, one[20:] + DONE], PINGING).run()

    assert got.body == one + one + DONE


async def test_error_after_keep_alive_is_in_the_stream() -> None:
    """The head is out, as 200; only the stream can tell now."""
    got = await Play([0.2, ERROR], PINGING).run()

    assert got.status == 200
    assert got.body.endswith(ERROR)
    assert got.ledger.outcome is Outcome.UPSTREAM_FAILED


@pytest.mark.parametrize("steps", [[0.2], [0.2, b"\n"]])
async def test_nothing_after_keep_alive(steps: list[Step]) -> None:
    got = await Play(steps, PINGING).run()

    assert got.status == 200
    assert got.ledger.outcome in {Outcome.TRUNCATED, Outcome.UPSTREAM_FAILED}
    assert b'"error"' in got.body


async def test_head_before_the_upstreams() -> None:
    """Where even its head is late, ours is sent for the proxies in between."""
    settings = Server(keep_alive=0.05, open_after=0.05)

    got = await Play([STREAM], settings, head_after=0.2, content_type=None).run()

    assert got.status == 200
    assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert got.body.endswith(STREAM)
    assert KEEP_ALIVE in got.body


async def test_comments_of_an_upstream_are_held_and_sent() -> None:
    """They come before ours, which open the stream for both."""
    got = await Play([b": wait\n\n", 0.12, STREAM], PINGING).run()

    assert got.body.startswith(b": wait\n\n" + KEEP_ALIVE)
    assert got.body.endswith(STREAM)


async def test_client_that_takes_nothing() -> None:
    """It is given up, and the upstream with it; and only it is to blame."""
    frame = data({"a": "x" * 65_536})
    play = Play([frame] * 500, Server(send_timeout=0.2), Timeouts(9, 9, 0.1))

    async with listening(play.handle) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        async with asyncio.timeout(10):
            while play.ledger.outcome is None:
                await asyncio.sleep(0.02)
        writer.transport.abort()
        await asyncio.sleep(0)

    assert play.ledger.outcome is Outcome.CLIENT_STALLED
    assert list(play.left)


async def test_lingering_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has said the last word and does not hang up is hung up on."""
    monkeypatch.setattr("gateway.stream.LINGER", 0.1)

    got = await Play([STREAM, 3.0]).run()

    assert got.body == STREAM
    assert got.ledger.outcome is Outcome.COMPLETED
    assert got.seconds < 2


async def test_upstream_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it help to go on with comments."""
    monkeypatch.setattr("gateway.stream.LINGER", 0.1)

    got = await Play([STREAM, *PINGS * 70]).run()

    assert got.body.startswith(STREAM)
    assert got.ledger.outcome is Outcome.COMPLETED
    assert got.seconds < 2


async def test_answer_with_no_first_event_but_an_end() -> None:
    """Some servers forget the last blank line, of the only event too."""
    body = finish_chunk().rstrip()

    got = await Play([body]).run()

    assert (got.status, got.body) == (200, body)
    assert got.ledger.outcome is Outcome.COMPLETED


async def test_head_must_be_out() -> None:
    """To end what has not begun is a mistake of ours."""
    mistakes: list[str] = []

    async def handle(request: Request) -> StreamResponse:
        watch = watching(CALM)
        relay = Passthrough(Ledger("1", "f", "chat"), FRONT, ASK)
        try:
            await Outlet(
                request, QUIET, {}, watch, relay, KEEP_ALIVE, Chosen.writing
            ).close()
        except RuntimeError as exc:
            mistakes.append(str(exc))
        finally:
            watch.stop()
        return Response()

    await fetched(handle)

    assert mistakes == ["the head is not out"]


async def test_head_is_forgotten() -> None:
    """A stream may last for hours: the request's headers do not last with it."""
    found: list[int] = []

    async def handle(request: Request) -> StreamResponse:
        found.append(len(request.headers))
        response = await Play([*chat_stream()]).handle(request)
        found.extend((len(request.headers), len(request.raw_headers)))
        return response

    await fetched(handle)

    assert found[0] > 0
    assert found[1:] == [0, 0]


def translating(ledger: Ledger) -> Relay:
    """Return what reads a chat upstream and writes to a chat client."""
    source = Decoded(SseFramer(), TRANSLATOR.reader())
    return Rendering(ledger, source, FRONT.writer(Context(ASK, 1, "name")))


@pytest.mark.parametrize("cut", [None, 30])
async def test_end_without_a_word(cut: int | None) -> None:
    """An answer of no words is one, wherever the network cuts it."""
    choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
    end = data({"id": "1", "model": "m", "choices": [choice]})
    steps = [end] if cut is None else [end[:cut], end[cut:]]

    got = await Play([*steps], relay=translating).run()

    assert got.status == 200
    assert got.ledger.outcome is Outcome.COMPLETED
