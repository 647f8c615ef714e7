"""A slow caller slows its upstream; it does not fill the gateway's memory."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator

import pytest

from tests.process import config_for, gateway
from tests.stage import Stage, stalled
from tests.streams import DONE, cuts, frame_json, frames, text_chunk
from tests.upstream import (
    CHUNKED,
    SSE_HEADERS,
    End,
    Step,
    Upstream,
    chunk,
    head,
    open_stream,
    stream,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

MiB = 1024 * 1024


def endless(size: int) -> Iterator[Step]:
    yield head(200, SSE_HEADERS, CHUNKED)
    for number in itertools.count():
        yield chunk(text_chunk(f"{number} " + "x" * size))


@pytest.mark.parametrize("size", [200, 60_000])
async def test_slow_caller(
    stage: Stage, size: int, figure: Callable[[str], None]
) -> None:
    """The upstream stalls, memory stays, and what is read later is in order."""
    before = stage.gateway.rss()
    async with stage.scene(lambda _: endless(size), receive_buffer=16384) as scene:
        request = await scene.request()
        sent = await stalled(lambda: request.sent)
        growth = stage.gateway.rss() - before
        await scene.caller.head()
        body = await scene.caller.take(2 * MiB)

    figure(
        f"events of {size} bytes, client not reading: upstream stalled after "
        f"{sent / MiB:.1f} MiB, gateway grew {growth / MiB:.1f} MiB"
    )
    assert growth < 30 * MiB
    assert sent < 60 * MiB
    assert_in_order(body)


def assert_in_order(body: bytes) -> None:
    whole = frames(body)[:-1]  # the last may be cut by our reading
    texts = [frame_json(frame)["choices"][0]["delta"]["content"] for frame in whole]
    numbers = [int(text.partition(" ")[0]) for text in texts]
    assert numbers == list(range(len(numbers)))
    assert numbers


async def test_large_event(stage: Stage) -> None:
    """Images come as one event of megabytes."""
    body = text_chunk("x" * 5 * MiB) + DONE

    answer, line = await stage.exchange(stream(cuts(body, 60_000)))

    assert answer.body == body
    assert line["events"] == 2


async def test_endless_event(stage: Stage) -> None:
    """An event without an end is no event: memory has a limit."""
    before = stage.gateway.rss()
    script = [*open_stream(text_chunk("a")), *[chunk(b"y" * MiB)] * 80, End.HANG]

    answer, line = await stage.exchange(script)

    assert frame_json(frames(answer.body)[-1])["error"]["code"] == line["error_code"]
    assert line["outcome"] == "upstream_failed"
    assert stage.gateway.rss() - before < 120 * MiB


async def test_twenty_slow_callers(stage: Stage) -> None:
    """Memory is bounded per stream, and other callers are served meanwhile."""
    before = stage.gateway.rss()

    async def hold(stop: asyncio.Event) -> None:
        async with stage.scene(lambda _: endless(8000), receive_buffer=16384) as scene:
            request = await scene.request()
            await stalled(lambda: request.sent)
            await stop.wait()

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(hold(stop))
        await asyncio.sleep(1.5)
        growth = stage.gateway.rss() - before
        answer, _ = await stage.exchange([head(503, {"content-length": "0"})])
        stop.set()

    assert growth < 30 * MiB
    assert answer.status == 503
    await stage.gateway.idle()


async def test_caller_that_never_reads() -> None:
    """A caller that takes nothing for ``send_timeout`` is let go, and its upstream."""
    async with (
        Upstream(lambda _: endless(8000)) as up,
        gateway(config_for(up.url, server={"send_timeout": "500ms"})) as g,
    ):
        async with Stage(up, g).scene(receive_buffer=16384) as scene:
            request = await up.request()
            begun = time.monotonic()
            await request.gone(5)
            took = time.monotonic() - begun
            line = await scene.done()
        await g.idle()

    assert 0.4 < took < 3
    assert line["outcome"] == "client_stalled"
