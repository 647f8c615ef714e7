"""Thousands of requests, many of which end as they should not: nothing is left."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.client import Caller
from tests.faults import soak
from tests.streams import DONE, finish_chunk, text_chunk
from tests.upstream import (
    CHUNKED,
    LAST_CHUNK,
    SSE_HEADERS,
    Pause,
    Request,
    Step,
    chunk,
    head,
)

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAMS = 1000
WAVES = 3
EVENTS = 8
# `make soak` makes more of them.
MIXED = 1500
MiB = 1024 * 1024
BODY = text_chunk("token ") * EVENTS + finish_chunk() + DONE
WAYS = (Caller.leave, Caller.leave_by_reset, Caller.leave_half)


def paced(_: Request) -> Iterator[Step]:
    yield head(200, SSE_HEADERS, CHUNKED)
    for _event in range(EVENTS):
        yield chunk(text_chunk("token "))
        yield Pause(0.08)
    yield chunk(finish_chunk() + DONE) + LAST_CHUNK


async def visit(stage: Stage, dice: random.Random) -> bool:
    """Read one stream to its end, or leave it; return whether it was read."""
    leaves = dice.random() < 0.1
    async with stage.scene(paced) as scene:
        if leaves:
            await asyncio.sleep(dice.random() * 0.8)
            dice.choice(WAYS)(scene.caller)
            await asyncio.sleep(0.01)
            return False
        answer = await scene.caller.answer(30)
        assert answer.complete
        assert answer.body == BODY
    return True


@pytest.mark.timeout(90)
async def test_waves(stage: Stage, figure: Callable[[str], None]) -> None:
    """Gauges fall to zero after each wave, and memory does not climb with them."""
    dice = random.Random(1)
    memory: list[int] = []
    begun = time.monotonic()
    for _ in range(WAVES):
        read = await asyncio.gather(*(visit(stage, dice) for _ in range(STREAMS)))
        assert 0.8 * STREAMS < sum(read) < STREAMS
        await stage.gateway.idle()
        memory.append(stage.gateway.rss())

    figure(
        f"{WAVES} waves of {STREAMS} streams in {time.monotonic() - begun:.1f} s; "
        f"memory after each: {', '.join(f'{m / MiB:.0f}' for m in memory)} MiB"
    )
    assert memory[-1] - memory[1] < 6 * MiB
    await asyncio.sleep(0.2)  # the log is written in batches
    outcomes = [line["outcome"] for line in stage.gateway.found("exchange.done")]
    assert set(outcomes) <= {"completed", "client_gone"}
    assert 0.8 < outcomes.count("completed") / len(outcomes) < 1
    assert len(outcomes) >= WAVES * STREAMS - _never_heard(outcomes)
    stage.gateway.assert_no_alarm()


def _never_heard(outcomes: list[str]) -> int:
    """A caller that resets at once may be gone before its request was read."""
    return WAVES * STREAMS // 100


@pytest.mark.timeout(90)
async def test_everything_at_once(figure: Callable[[str], None]) -> None:
    """Whatever callers and upstreams do: one true account each, and nothing left."""
    begun = time.monotonic()

    ended = await soak.run(MIXED, 1, soak.SHORT)

    figure(
        f"{MIXED} requests of all kinds in {time.monotonic() - begun:.1f} s: "
        + ", ".join(f"{n} {name}" for name, n in ended.outcomes.most_common())
    )
    assert not ended.wrong, "\n".join(ended.wrong[:10])
    assert set(ended.outcomes) >= {"completed", "truncated", "client_gone"}
