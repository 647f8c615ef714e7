"""Whoever is cancelled goes at once, and what is left behind is looked after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway import detached
from gateway.detached import Detachable


def yes() -> bool:
    return True


def no() -> bool:
    return False


def nothing() -> None:
    pass


class Case:
    """A call that cleans up after itself, for as long as it is told."""

    def __init__(self, *, stubborn: int = 0) -> None:
        self.began = asyncio.Event()
        self.cleaning = asyncio.Event()
        self.finish = asyncio.Event()
        self.over = asyncio.Event()
        self.cancelled = 0
        self._stubborn = stubborn

    async def call(self) -> str:
        try:
            self.began.set()
            await asyncio.Event().wait()
            return "never"
        finally:
            self.cleaning.set()
            await self._clean()
            self.over.set()

    async def _clean(self) -> None:
        while not self.finish.is_set():
            try:
                await self.finish.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                if self.cancelled > self._stubborn:
                    self.over.set()
                    raise


async def left(case: Case, gone: Callable[[], bool] = yes) -> asyncio.Task[str]:
    """Return a task that was cancelled in the middle of the call."""

    async def run() -> str:
        return await Detachable(case.call(), gone, nothing)

    task = asyncio.create_task(run())
    await case.began.wait()
    task.cancel()
    await case.cleaning.wait()
    return task


async def test_result() -> None:
    async def call() -> str:
        await asyncio.sleep(0)
        return "well"

    assert await Detachable(call(), yes, nothing) == "well"


async def test_without_waiting() -> None:
    async def call() -> str:
        return "well"

    assert await Detachable(call(), yes, nothing) == "well"


async def test_error() -> None:
    async def call() -> None:
        await asyncio.sleep(0)
        raise ValueError("theirs")

    with pytest.raises(ValueError, match="theirs"):
        await Detachable(call(), yes, nothing)


async def test_error_of_what_it_waits_for() -> None:
    """It is thrown where the call waits, which may catch it."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def call() -> str:
        try:
            await future
        except ValueError:
            await asyncio.sleep(0)
            return "caught"
        return "not"

    asyncio.get_running_loop().call_soon(future.set_exception, ValueError("x"))

    assert await Detachable(call(), no, nothing) == "caught"


async def test_who_is_cancelled_goes() -> None:
    """The cleaning up goes on without."""
    case = Case()

    task = await left(case)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)

    assert not case.over.is_set()
    case.finish.set()
    await asyncio.wait_for(case.over.wait(), 1)
    assert case.cancelled == 0


async def test_who_still_waits_stays() -> None:
    """Where somebody waits for the answer, a cancellation may be a time-out in it."""
    case = Case()

    task = await left(case, no)
    await asyncio.sleep(0.02)
    assert not task.done()
    case.finish.set()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_time_out_inside() -> None:
    """It is the call's own matter."""

    async def call() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            await asyncio.sleep(0)
            return "handled"
        return "not"

    assert await Detachable(call(), no, nothing) == "handled"


@pytest.mark.parametrize("stubborn", [0, 1])
async def test_too_late(monkeypatch: pytest.MonkeyPatch, stubborn: int) -> None:
    """What takes too long is told, and cancelled once more."""
    monkeypatch.setattr(detached, "CLEANING_UP", 0.01)
    case, told = Case(stubborn=stubborn), []

    async def run() -> str:
        return await Detachable(case.call(), yes, lambda: told.append("late"))

    task = asyncio.create_task(run())
    await case.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while not case.cancelled:
        await asyncio.sleep(0.005)

    assert told == ["late"]
    case.finish.set()
    await asyncio.wait_for(case.over.wait(), 1)


async def test_generator() -> None:
    """One that is left in the middle of a piece can be closed when it is ready."""
    case = Case()

    async def pieces() -> AsyncIterator[str]:
        yield await case.call()

    generator: Any = pieces()

    async def run() -> object:
        return await Detachable(anext(generator), yes, nothing)

    task = asyncio.create_task(run())
    await case.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(RuntimeError, match="already running"):
        await generator.aclose()
    case.finish.set()
    await case.over.wait()
    await asyncio.sleep(0)
    await generator.aclose()
