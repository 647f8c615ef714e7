"""Waits for somebody else's code without being held by it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# What is left of a call that was cancelled may take so long, in seconds, before it is
# cancelled once more.
CLEANING_UP = 5.0

# Kept from the garbage collector while they clean up.
_left: set[asyncio.Task[None]] = set()


class Detachable(Generic[T]):
    """
    Awaits *call*; where nobody waits for it any more, who is cancelled goes at once.

    A task that is cancelled has to wait for all that the code below it does in its
    ``finally``, which may be for ever. Here the rest of that is run by a task of its
    own. It costs little, since nothing is made before it comes to that.

    Args:
        gone: whether it is over; a cancellation alone may be a time-out inside *call*.
        late: called if cleaning up takes too long.
    """

    __slots__ = ("_call", "_gone", "_late")

    def __init__(
        self, call: Awaitable[T], gone: Callable[[], bool], late: Callable[[], None]
    ) -> None:
        self._call = call
        self._gone = gone
        self._late = late

    def __await__(self) -> Generator[Any, None, T]:
        inner: Any = self._call.__await__()
        try:
            waits_for = next(inner)
            while True:
                try:
                    yield waits_for
                except BaseException as exc:
                    waits_for = inner.throw(exc)
                    if isinstance(exc, asyncio.CancelledError) and self._gone():
                        _leave(inner, waits_for, self._late)
                        raise
                else:
                    waits_for = next(inner)
        except StopIteration as done:
            found: T = done.value
            return found


class _Rest:
    """What is left of an await that waits for *waits_for* now."""

    def __init__(self, inner: Any, waits_for: Any) -> None:
        self._inner = inner
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, None, None]:
        waits_for = self._waits_for
        with suppress(StopIteration):
            while True:
                try:
                    yield waits_for
                except BaseException as exc:
                    waits_for = self._inner.throw(exc)
                else:
                    waits_for = next(self._inner)


def _leave(inner: Any, waits_for: Any, late: Callable[[], None]) -> None:
    async def run() -> None:
        # It is over one way or another; who asked for it has gone.
        with suppress(Exception, SystemExit, asyncio.CancelledError):
            await _Rest(inner, waits_for)

    def remind() -> None:
        late()
        task.cancel()

    task = asyncio.create_task(run())
    _left.add(task)
    reminder = asyncio.get_running_loop().call_later(CLEANING_UP, remind)

    def over(_: asyncio.Task[None]) -> None:
        reminder.cancel()
        _left.discard(task)

    task.add_done_callback(over)
