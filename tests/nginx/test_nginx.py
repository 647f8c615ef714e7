"""What nginx can spoil: pace, back-pressure, leaving, silence."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import Caller, ask, chat
from tests.nginx.proxy import nginx
from tests.process import Gateway, config_for, gateway
from tests.streams import (
    DONE,
    KEEP_ALIVE,
    chat_stream,
    finish_chunk,
    frame_json,
    frames,
    text_chunk,
)
from tests.upstream import (
    LAST_CHUNK,
    End,
    Pause,
    Script,
    Upstream,
    chunk,
    open_stream,
    stream,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("nginx")

SOON = 0.5  # seconds; it takes a few milliseconds, a busy machine more
READ_TIMEOUT = 1.0  # of nginx, in seconds


@contextlib.asynccontextmanager
async def behind_nginx(
    folder: Path, url: str, *, unix: bool = False, **server: Any
) -> AsyncIterator[tuple[Gateway, int]]:
    """
    Run a gateway in front of *url*, and nginx in front of the gateway.

    Yields the gateway and nginx's port.
    """
    path = f"unix:{folder}/http.sock"
    listen = ["127.0.0.1:0", *([path] if unix else [])]
    config = config_for(url, server={"listen": listen, "keep_alive": "300ms", **server})
    config["backends"]["demo"] = {}
    async with gateway(config) as g:
        address = path if unix else f"127.0.0.1:{g.port}"
        async with nginx(folder, address) as port:
            yield g, port


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
async def test_each_event_at_once(tmp_path: Path, unix: bool) -> None:
    """No event waits for the next: the upstream says one when the last was heard."""
    heard = [asyncio.Event() for _ in range(5)]
    steps: list[Any] = [*open_stream()]
    for number, event in enumerate(heard):
        steps += [chunk(text_chunk(f"word{number}")), event]
    ending = [chunk(finish_chunk()), chunk(DONE), LAST_CHUNK]

    async with (
        Upstream([*steps, *ending]) as up,
        behind_nginx(tmp_path, up.url, unix=unix) as (_, port),
        Caller(port) as client,
    ):
        await client.send(chat())
        status, headers = await client.head()
        for number, event in enumerate(heard):
            await client.until(b"word%d" % number, timeout=2)
            event.set()
        rest = await client.until(DONE, timeout=2)

    assert status == 200
    assert dict(headers)["content-type"].startswith("text/event-stream")
    assert rest.endswith(DONE)


async def test_paced_demo(tmp_path: Path) -> None:
    """The demo's tokens arrive at the pace at which they are made."""
    async with (
        behind_nginx(tmp_path, "http://127.0.0.1:9/v1") as (_, port),
        Caller(port) as client,
    ):
        await client.send(chat(model="demo:lorem?tokens=20&rate=20"))
        await client.head()
        came = []
        body = b""
        while piece := await client.piece():
            came.append(time.monotonic())
            body += piece

    gaps = [late - early for early, late in itertools.pairwise(came)]
    assert body.endswith(DONE)
    assert came[-1] - came[0] > 0.6  # 19 gaps of 50 ms
    assert len(came) >= 15
    assert max(gaps) < 0.5


async def test_bytes_are_the_upstreams(tmp_path: Path) -> None:
    """Through both proxies the body is the upstream's, and one connection serves."""
    said = chat_stream(*(f"word{n} " for n in range(50)))

    async with (
        Upstream(stream(said)) as up,
        behind_nginx(tmp_path, up.url) as (_, port),
        Caller(port) as client,
    ):
        for _ in range(3):
            await client.send(chat())
            answer = await client.answer()
            assert answer.body == b"".join(said)

    assert up.accepted == 1


def without_end() -> Script:
    """Return a stream of 96 MB, more than kernel buffers can hold."""
    frame = chunk(text_chunk("x" * 65_000))
    return [*open_stream(), *([frame] * 1_500), End.HANG]


async def test_back_pressure(tmp_path: Path) -> None:
    """A client that does not read stops the upstream, not fills nginx's disk."""
    async with (
        Upstream(without_end()) as up,
        behind_nginx(tmp_path, up.url) as (g, port),
        Caller(port, receive_buffer=65_536) as client,
    ):
        await client.send(chat())
        request = await up.request()
        before = -1
        while request.sent != before:
            before = request.sent
            await asyncio.sleep(0.3)
        left = client.leave_by_reset()
        gone = await request.gone()
        await g.idle()

    assert request.sent < 48_000_000
    assert gone - left < SOON


LEAVE: list[Callable[[Caller], float]] = [Caller.leave, Caller.leave_by_reset]


@pytest.mark.parametrize("leave", LEAVE, ids=["fin", "reset"])
@pytest.mark.parametrize("script", ["stream", "no head", "whole"])
async def test_leaving(
    tmp_path: Path, leave: Callable[[Caller], float], script: str
) -> None:
    """A client that leaves nginx frees the upstream, whatever it waited for."""
    talking = script == "stream"
    steps = open_stream(text_chunk("one ")) if talking else []

    async with (
        Upstream([*steps, End.HANG]) as up,
        behind_nginx(tmp_path, up.url) as (g, port),
        Caller(port) as client,
    ):
        await client.send(chat(stream=script != "whole"))
        request = await up.request()
        if talking:
            await client.head()
            await client.until(b"one ")
        left = leave(client)
        gone = await request.gone()
        done = await g.event("exchange.done")
        await g.idle()

    assert gone - left < SOON
    assert done["outcome"] == "client_gone"


SILENCE = Pause(2 * READ_TIMEOUT)
ENDING = [chunk(piece) for piece in (text_chunk("two"), finish_chunk(), DONE)]
SILENCES: dict[str, list[Any]] = {
    "before the head": [SILENCE, *open_stream(text_chunk("one "))],
    "before the first token": [*open_stream(), SILENCE, chunk(text_chunk("one "))],
    "in the middle": [*open_stream(text_chunk("one ")), SILENCE],
}


@pytest.mark.parametrize("place", SILENCES)
async def test_silence(tmp_path: Path, place: str) -> None:
    """Comments keep a silent stream alive for longer than nginx would wait."""
    steps = [*SILENCES[place], *ENDING, LAST_CHUNK]

    async with (
        Upstream(steps) as up,
        behind_nginx(tmp_path, up.url, open_after="500ms") as (g, port),
    ):
        answer = await ask(port, chat())
        done = await g.event("exchange.done")

    body = answer.body.replace(KEEP_ALIVE, b"")
    said = [frame_json(frame) for frame in frames(body)]
    words = [s["choices"][0]["delta"].get("content", "") for s in said if s]
    assert (answer.status, answer.complete) == (200, True)
    assert "".join(words) == "one two"
    assert body.endswith(DONE)
    assert answer.body.count(KEEP_ALIVE) >= 4
    assert done["outcome"] == "completed"


async def test_silence_without_comments(tmp_path: Path) -> None:
    """Without them nginx cuts the stream, which is why there are comments."""
    steps = [*SILENCES["in the middle"], *ENDING, LAST_CHUNK]

    async with (
        Upstream(steps) as up,
        behind_nginx(tmp_path, up.url, keep_alive="0s") as (g, port),
    ):
        answer = await ask(port, chat())
        done = await g.event("exchange.done")

    assert not answer.complete
    assert done["outcome"] == "client_gone"


async def test_broken_stream(tmp_path: Path) -> None:
    """A cut upstream ends in an error frame behind nginx, too."""
    async with (
        Upstream([*open_stream(text_chunk("one ")), End.RST]) as up,
        behind_nginx(tmp_path, up.url) as (_, port),
    ):
        answer = await ask(port, chat())

    *_, last = frames(answer.body)
    assert answer.complete
    assert "error" in frame_json(last)
    assert DONE not in answer.body
