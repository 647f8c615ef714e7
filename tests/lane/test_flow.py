"""A source that is held back holds back its upstream, and nothing but that."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gateway.domain.errors import LLMProxyError
from tests.stage import stalled
from tests.upstream import (
    CHUNKED,
    LAST_CHUNK,
    SSE_HEADERS,
    Pause,
    Step,
    Upstream,
    chunk,
    head,
    reply,
)

if TYPE_CHECKING:
    from tests.lane.asking import Asked, Side

MiB = 1024 * 1024
SSE = head(200, SSE_HEADERS, CHUNKED)
KINDS = ["length", "chunks", "deflate"]
NOISE = random.Random(5).randbytes(6 * MiB)


def endless() -> Iterator[Step]:
    yield SSE
    for number in itertools.count():
        yield chunk(b"%08d" % number + b"x" * 8000)


def answer_of(body: bytes, kind: str) -> list[Step]:
    if kind == "length":
        return [head(200, {"content-length": str(len(body))}), body]
    headers = {"content-encoding": "deflate"} if kind == "deflate" else {}
    sent = zlib.compress(body, 0) if kind == "deflate" else body
    cuts = [sent[at : at + 60_000] for at in range(0, len(sent), 60_000)]
    return [head(200, SSE_HEADERS, CHUNKED, headers), *map(chunk, cuts), LAST_CHUNK]


class Taker:
    """Takes pieces, and holds the source back after each *every* bytes, as a client."""

    def __init__(self, asked: Asked, every: int) -> None:
        self.asked = asked
        self.every = every
        self.got = bytearray()
        self.held = 0
        self._since = 0
        self._loop = asyncio.get_running_loop()

    async def run(self) -> bytes:
        self.source = await self.asked.open()
        try:
            while not await self.source.deliver(self.take):
                await asyncio.sleep(0)
        finally:
            self.source.close()
        return bytes(self.got)

    def take(self, piece: bytes) -> bool:
        self.got += piece
        self._since += len(piece)
        if self._since >= self.every:
            self._since = 0
            self.held += 1
            self.source.pause()
            self._loop.call_later(0.0005, self.source.resume)
        return len(self.got) % 7 == 0  # now and then something is waited for


@pytest.mark.parametrize("kind", KINDS)
async def test_in_gulps(side: Side, kind: str) -> None:
    """However often it is held back, within the call too, every byte comes once."""
    body = NOISE
    async with Upstream(answer_of(body, kind)) as up, side.asking(up.url) as asked:
        taker = Taker(asked, 200_000)
        assert await asyncio.wait_for(taker.run(), 10) == body
        assert taker.held > 5


@pytest.mark.parametrize("kind", KINDS)
async def test_held_at_the_end(side: Side, kind: str) -> None:
    """A connection that goes back while its client is slow reads on for the next."""
    first, *rest = answer_of(b"x" * 3000, kind)
    end = b"".join(step for step in rest if isinstance(step, bytes))
    answers = iter([[first, Pause(0.02), end], reply(b"next")])
    async with (
        Upstream(lambda _: next(answers)) as up,
        side.asking(up.url) as asked,
    ):
        source = await asked.open()
        got = bytearray()

        def take(piece: bytes) -> bool:
            got.extend(piece)
            source.pause()
            return False

        asyncio.get_running_loop().call_later(0.05, source.resume)
        async with asyncio.timeout(2):
            while not await source.deliver(take):
                pass
        source.pause()
        source.close()
        source.resume()
        following = await asyncio.wait_for(asked.got(), 1)

    assert bytes(got) == b"x" * 3000
    assert following.body == b"next"
    assert up.accepted == 1


@pytest.mark.parametrize("kind", ["endless", "deflate"])
@pytest.mark.parametrize("push", [False, True], ids=["pull", "push"])
async def test_stalled(side: Side, kind: str, push: bool) -> None:
    """Nobody takes anything: the upstream stalls, and what has piled up is little."""
    script = endless() if kind == "endless" else answer_of(NOISE * 3, kind)
    taken = 0

    async with Upstream(lambda _: script) as up, side.asking(up.url) as asked:
        source = await asked.open()

        def take(piece: bytes) -> bool:
            nonlocal taken
            taken += len(piece)
            if taken > 100_000:
                source.pause()
            return False

        waiting = asyncio.create_task(source.deliver(take)) if push else None
        (request,) = up.requests
        sent = await stalled(lambda: request.sent, quiet=0.1)
        if waiting is not None:
            # One read, and what a decompressor makes of what had come before.
            assert taken < 1 * MiB
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        source.close()
        await request.gone(1)

    assert sent < 12 * MiB  # the kernel's buffers, not ours


@pytest.mark.parametrize("kind", KINDS)
async def test_taker_that_fails(side: Side, kind: str) -> None:
    """A mistake of ours ends the one answer, not the loop's call, and frees both."""
    async with (
        Upstream(answer_of(NOISE, kind)) as up,
        side.asking(up.url) as asked,
    ):
        source = await asked.open()

        def take(piece: bytes) -> bool:
            source.pause()
            raise KeyError("a mistake")

        with pytest.raises(KeyError):
            await source.deliver(take)
        source.close()
        await up.requests[0].gone(1)
        assert not asked.idle


async def test_closed_within_the_call(lane: Side) -> None:
    """Who takes a piece may let go of the source right then, at its end too."""
    for script in (reply(b"all"), [SSE, chunk(b"some")]):
        async with Upstream(script) as up, lane.asking(up.url) as asked:
            source = await asked.open()

            def take(piece: bytes) -> bool:
                source.close()  # noqa: B023
                return False

            with contextlib.suppress(LLMProxyError):
                await asyncio.wait_for(source.deliver(take), 1)
            await asked.settled()
