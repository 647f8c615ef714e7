"""One timer for all clocks, on a real loop with short times."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.errors import APITimeoutError, BackendError, LLMProxyError
from gateway.settings import Timeouts
from gateway.watch import Ticker, Watch

SHORT = Timeouts(connect=9, first_event=0.1, idle=0.05)
LONG = 5.0


@pytest.fixture(autouse=True)
def ticker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often than is worth while, so that tests are short."""
    monkeypatch.setattr("gateway.watch.TICK", 0.005)


def watching(clocks: Timeouts) -> Watch:
    return Watch(Ticker(), clocks)


async def interrupted(watch: Watch, seconds: float = LONG) -> LLMProxyError | None:
    """Sleep until *watch* interrupts, and return with what."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return watch.caught()
    raise AssertionError("nobody interrupted")


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_first_event() -> None:
    watch, start = watching(SHORT), now()

    error = await interrupted(watch)

    assert isinstance(error, APITimeoutError)
    assert error.code == "upstream_timeout"
    assert 0.09 <= now() - start < 1
    watch.stop()


async def test_idle() -> None:
    """From the first event on it is the silence in between that counts."""
    watch, start = watching(SHORT), now()
    watch.begin()

    error = await interrupted(watch)

    assert error is not None
    assert error.code == "upstream_idle_timeout"
    assert 0.045 <= now() - start < 1
    watch.stop()


async def test_hearing_postpones() -> None:
    """An assignment is enough; no timer is made for each event."""
    watch, start = watching(SHORT), now()
    watch.begin()

    for _ in range(8):
        await asyncio.sleep(0.02)
        watch.heard = now()
    error = await interrupted(watch)

    assert error is not None
    assert now() - start >= 0.2
    watch.stop()


async def test_slow_client_stops_the_clock() -> None:
    """While nobody takes what came, the upstream's silence is not its fault."""
    watch = watching(SHORT)
    watch.begin()
    watch.blocked = True

    await asyncio.sleep(0.2)
    watch.blocked = False
    error = await interrupted(watch)

    assert error is not None
    assert error.code == "upstream_idle_timeout"
    watch.stop()


async def test_limit() -> None:
    watch, start = watching(Timeouts(9, 9, 9)), now()
    watch.limit(0.05)

    assert await interrupted(watch) is not None
    assert now() - start < 1
    watch.stop()


async def test_first_interruption_counts() -> None:
    watch = watching(SHORT)
    first, second = BackendError("first"), BackendError("second")

    watch.interrupt(first)
    watch.interrupt(second)

    assert await interrupted(watch) is first
    assert watch.caught() is None
    watch.stop()


async def test_leaving_client_is_not_ours() -> None:
    """A cancellation of somebody else's is not eaten."""
    seen: list[LLMProxyError | None] = []

    async def exchange() -> None:
        watch = watching(Timeouts(9, 9, 9))
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            seen.append(watch.caught())
            raise
        finally:
            watch.stop()

    task = asyncio.create_task(exchange())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [None]


async def test_both_at_once() -> None:
    """Who is cancelled from outside too must go, whatever the watch said."""
    seen: list[LLMProxyError | None] = []

    async def exchange() -> None:
        watch = watching(Timeouts(9, 9, 9))
        watch.interrupt(BackendError("ours"))
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            seen.append(watch.caught())
            raise
        finally:
            watch.stop()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(exchange())
    assert seen == [None]


async def test_goes_on_after_an_interruption() -> None:
    """The exchange has still to tell its client; nothing is left of the cancel."""
    watch = watching(SHORT)
    watch.interrupt(BackendError("x"))

    assert await interrupted(watch) is not None
    await asyncio.sleep(0.01)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    watch.stop()


async def test_stopped() -> None:
    """After its end an exchange's task belongs to the next request."""
    watch = watching(SHORT)
    watch.stop()

    watch.interrupt(BackendError("late"))
    await asyncio.sleep(0.15)

    assert watch.caught() is None


class Pulse:
    """Something due every *every* seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._next = now() + every
        self.acted = 0

    def due(self) -> float:
        return self._next

    def act(self) -> None:
        self.acted += 1
        self._next = now() + self._every


async def test_others_on_the_same_timer() -> None:
    watch, pulse = watching(Timeouts(9, 0.3, 9)), Pulse(0.02)
    watch.serve(pulse)

    error = await interrupted(watch)

    assert error is not None
    assert pulse.acted >= 5
    watch.stop()


async def test_nobody_else_is_woken_after_the_end() -> None:
    watch, pulse = watching(Timeouts(9, 9, 9)), Pulse(0.01)
    watch.serve(pulse)

    watch.stop()
    await asyncio.sleep(0.05)

    assert pulse.acted == 0
