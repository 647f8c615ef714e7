"""Numbers that show what is going on now, readable across worker processes."""

from __future__ import annotations

import mmap

NAMES = ("open_upstreams", "active_exchanges", "exchanges", "listeners")
_WIDTH = 8


class Board:
    """
    Memory that is shared by all workers: a row of numbers for each.

    Made before the workers are forked; each writes only its own row.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._memory = mmap.mmap(-1, workers * len(NAMES) * _WIDTH)
        self._numbers = memoryview(self._memory).cast("q")

    def row(self, worker: int) -> Gauges:
        start = worker * len(NAMES)
        return Gauges(self._numbers[start : start + len(NAMES)])

    def total(self, name: str) -> int:
        return sum(self._numbers[NAMES.index(name) :: len(NAMES)])

    def clear(self, worker: int) -> None:
        """Forget what a worker that has died was doing."""
        row = self.row(worker)
        row.open_upstreams = row.active_exchanges = row.listeners = 0


def _number(index: int) -> property:
    def read(gauges: Gauges) -> int:
        return gauges.numbers[index]

    def write(gauges: Gauges, value: int) -> None:
        gauges.numbers[index] = value

    return property(read, write)


class Gauges:
    """The numbers of one worker."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: memoryview[int]) -> None:
        self.numbers = numbers

    open_upstreams = _number(0)
    active_exchanges = _number(1)
    exchanges = _number(2)
    listeners = _number(3)
