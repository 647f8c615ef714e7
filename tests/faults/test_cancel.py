"""A caller that leaves frees the upstream at once, at any moment, in any way."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import Caller
from tests.stage import stalled
from tests.streams import text_chunk
from tests.upstream import (
    CHUNKED,
    JSON_HEADERS,
    SSE_HEADERS,
    End,
    Script,
    Step,
    chunk,
    head,
    open_stream,
    stream,
)

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMISED = 0.05
ALLOWED = 0.25  # what a busy machine may add

WAYS: dict[str, Callable[[Caller], float]] = {
    "fin": Caller.leave,
    "reset": Caller.leave_by_reset,
    "half-close": Caller.leave_half,
}


def endless() -> Iterator[Step]:
    yield head(200, SSE_HEADERS, CHUNKED)
    for number in itertools.count():
        yield chunk(text_chunk(f"{number} " + "x" * 8000))


MOMENTS: dict[str, tuple[Script, dict[str, Any]]] = {
    "before the head": ([End.HANG], {}),
    "before the first event": ([head(200, SSE_HEADERS, CHUNKED), End.HANG], {}),
    "after a comment": ([*open_stream(b": wait\n\n"), End.HANG], {}),
    "in half an event": ([*open_stream(text_chunk("a")[:9]), End.HANG], {}),
    "not streaming, no head": ([End.HANG], {"stream": False}),
    "not streaming, half a body": (
        [head(200, JSON_HEADERS, CHUNKED), chunk(b'{"id":'), End.HANG],
        {"stream": False},
    ),
}


@pytest.fixture(scope="module")
def delays(figure: Callable[[str], None]) -> Iterator[list[float]]:
    """Seconds from leaving to the upstream's connection being closed."""
    seconds: list[float] = []
    yield seconds
    if seconds:
        seconds.sort()
        middle, last = seconds[len(seconds) // 2] * 1e3, seconds[-1] * 1e3
        kept = sum(delay <= PROMISED for delay in seconds)
        figure(
            f"upstream closed {middle:.1f} ms after the client left (median), "
            f"{last:.1f} ms (worst), {kept} of {len(seconds)} within 50 ms"
        )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_before_the_first_event(
    stage: Stage, delays: list[float], moment: str, way: str
) -> None:
    """Nobody is there to read: the upstream may stop before it has begun."""
    script, members = MOMENTS[moment]
    async with stage.scene(script, **members) as scene:
        request = await scene.request()
        await asyncio.sleep(0.02)  # let the upstream's first bytes arrive
        left = WAYS[way](scene.caller)
        delay = await request.gone() - left
        line = await scene.done()

    delays.append(delay)
    assert 0 <= delay < ALLOWED
    assert line["outcome"] == "client_gone"
    await stage.gateway.idle()


@pytest.mark.parametrize("way", WAYS)
async def test_in_the_middle(stage: Stage, delays: list[float], way: str) -> None:
    """A user presses stop: the model stops."""
    script = [*open_stream(text_chunk("a"), text_chunk("b")), End.HANG]
    async with stage.scene(script) as scene:
        await scene.caller.head()
        await scene.caller.take(len(text_chunk("a") + text_chunk("b")))
        request = await scene.request()
        left = WAYS[way](scene.caller)
        delay = await request.gone() - left
        line = await scene.done()

    delays.append(delay)
    assert 0 <= delay < ALLOWED
    assert line["outcome"] == "client_gone"
    assert line["status"] == 200
    assert line["events"] == 2
    await stage.gateway.idle()


@pytest.mark.parametrize("way", WAYS)
async def test_while_not_reading(stage: Stage, delays: list[float], way: str) -> None:
    """With every buffer full the leaving is seen, too."""
    async with stage.scene(lambda _: endless(), receive_buffer=16384) as scene:
        request = await scene.request()
        await stalled(lambda: request.sent)
        left = WAYS[way](scene.caller)
        delay = await request.gone() - left
        line = await scene.done()

    delays.append(delay)
    assert 0 <= delay < ALLOWED
    assert line["outcome"] == "client_gone"
    await stage.gateway.idle()


async def test_after_the_end(stage: Stage) -> None:
    """A caller that has everything and closes did not break anything off."""
    body = text_chunk("a") + b"data: [DONE]\n\n"
    async with stage.scene(stream([body])) as scene:
        await scene.caller.head()
        await scene.caller.take(len(body))
        await scene.caller.rest()
        scene.caller.leave()
        line = await scene.done()

    assert line["outcome"] == "completed"


async def test_while_the_request_is_sent(stage: Stage) -> None:
    """Leaving in the middle of one's own body asks no upstream."""
    before = len(stage.upstream.requests)
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(headers={"content-length": "1000"})
        caller.writer.write(b'{"model":')
        await asyncio.sleep(0.05)
        caller.leave()
        await asyncio.sleep(0.1)

    assert len(stage.upstream.requests) == before
    await stage.gateway.idle()


async def test_connection_refused_and_gone(stage: Stage) -> None:
    """Hundred callers that come and go at once leave nothing behind."""

    async def come_and_go(number: int) -> None:
        async with stage.scene([End.HANG]) as scene:
            await asyncio.sleep(number % 10 / 100)
            [*WAYS.values()][number % 3](scene.caller)
            # No await for the upstream: some leave before it was even asked.

    before = stage.upstream.accepted
    await asyncio.gather(*(come_and_go(number) for number in range(100)))

    await stage.gateway.idle()
    await no_open(stage)
    assert stage.upstream.accepted > before


async def no_open(stage: Stage) -> None:
    for request in stage.upstream.requests[-100:]:
        await request.gone(2)


async def test_nothing_unhandled(stage: Stage) -> None:
    """Leaving is everyday life, and no error in the log."""
    loud = [line for line in stage.gateway.lines if line.get("level") == "error"]
    assert loud == []
    stage.gateway.assert_no_alarm()
