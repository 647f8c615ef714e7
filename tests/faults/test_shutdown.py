"""SIGTERM: no new callers, the old ones finish, nobody waits for ever."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.client import Caller, ask
from tests.process import Gateway, config_for, gateway
from tests.stage import Stage
from tests.streams import DONE, finish_chunk, frame_json, frames, text_chunk
from tests.upstream import LAST_CHUNK, End, Script, Upstream, chunk, open_stream

FIRST = text_chunk("a")
TAIL = finish_chunk() + DONE


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as up:
        yield up


def config(upstream: Upstream, grace: str) -> dict[str, Any]:
    return config_for(upstream.url, server={"shutdown_grace": grace})


async def refused(port: int, within: float) -> None:
    """Wait until nobody listens on *port*."""
    async with asyncio.timeout(within):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                return
            writer.transport.abort()
            await asyncio.sleep(0.01)


async def finished(g: Gateway, within: float) -> float:
    """Wait for the process to end with code 0; return the seconds it took."""
    begun = time.monotonic()
    assert await g.exit_code(within) == 0
    return time.monotonic() - begun


async def test_live_streams(upstream: Upstream) -> None:
    """The short stream ends whole, the long one with an error frame, in time."""
    go_on = asyncio.Event()
    whole: Script = [*open_stream(FIRST), go_on, chunk(TAIL), LAST_CHUNK]
    async with gateway(config(upstream, "1s")) as g:
        stage = Stage(upstream, g)
        async with (
            stage.scene(whole) as short,
            stage.scene([*open_stream(FIRST), End.HANG]) as long,
        ):
            for scene in (short, long):
                await scene.caller.head()
                await scene.caller.take(len(FIRST))
            g.signal()
            begun = time.monotonic()
            await refused(g.port, within=0.5)
            go_on.set()
            told, _ = await short.caller.rest()
            assert time.monotonic() - begun < 0.9
            broken, _ = await long.caller.rest()
            waited = time.monotonic() - begun
            request = await long.request()
            await request.gone(1)
            short_line, long_line = await short.done(), await long.done()
        await finished(g, 3)

    assert told == TAIL
    assert short_line["outcome"] == "completed"
    (error,) = frames(broken)
    assert frame_json(error)["error"]["code"] == long_line["error_code"]
    assert long_line["outcome"] == "shutdown"
    assert 0.8 < waited < 2.5


async def test_before_the_first_event(upstream: Upstream) -> None:
    """Who has no head yet gets a status instead of a frame."""
    async with gateway(config(upstream, "300ms")) as g:
        async with Stage(upstream, g).scene([End.HANG]) as scene:
            await scene.request()
            g.signal()
            answer = await scene.caller.answer()
            line = await scene.done()
        await finished(g, 3)

    assert answer.status == 503
    assert answer.error["code"]
    assert line["outcome"] == "shutdown"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_nothing_to_wait_for(upstream: Upstream, number: signal.Signals) -> None:
    """An idle gateway ends at once, its kept connections with it."""
    async with gateway(config(upstream, "20s")) as g, Caller(g.port) as kept:
        await kept.send(path="/livez", method="GET")
        assert (await kept.answer()).status == 200
        g.signal(number)
        await kept.ended(1)
        took = await finished(g, 3)

    assert took < 2


async def test_kept_connection_of_a_finished_stream(upstream: Upstream) -> None:
    """After its stream a caller's connection is closed while others go on."""
    go_on = asyncio.Event()
    whole: Script = [*open_stream(FIRST), go_on, chunk(TAIL), LAST_CHUNK]
    async with gateway(config(upstream, "3s")) as g:
        stage = Stage(upstream, g)
        async with (
            stage.scene(whole) as first,
            stage.scene([*open_stream(FIRST), End.HANG]) as other,
        ):
            await other.caller.head()
            await first.caller.head()
            g.signal()
            await refused(g.port, within=0.5)
            go_on.set()
            await first.caller.rest()
            await first.caller.ended(1.5)
        await finished(g, 5)


async def test_second_signal(upstream: Upstream) -> None:
    """Whoever asks twice does not want to wait."""
    async with gateway(config(upstream, "30s")) as g:
        script = [*open_stream(FIRST), End.HANG]
        async with Stage(upstream, g).scene(script) as scene:
            await scene.caller.head()
            g.signal()
            await refused(g.port, within=0.5)
            await asyncio.sleep(0.1)
            assert g.process.returncode is None
            g.signal()
            rest, _ = await scene.caller.rest()
            took = await finished(g, 5)

    assert took < 1.5
    assert b'"error"' in rest
    assert b"[DONE]" not in rest


async def test_event_feed_does_not_hold_it_up(upstream: Upstream) -> None:
    """A page that watches the live feed is no reason to stay."""
    async with gateway(config(upstream, "20s")) as g, Caller(g.port) as feed:
        await feed.send(path="/admin/events", method="GET")
        status, _ = await feed.head()
        g.signal()
        took = await finished(g, 4)

    assert status == 200
    assert took < 3


async def test_ready_until_told(upstream: Upstream) -> None:
    """Readiness is what a balancer asks before."""
    async with gateway(config(upstream, "1s")) as g:
        answer = await ask(g.port, path="/readyz", method="GET")
        assert answer.status == 200
