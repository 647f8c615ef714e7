"""Numbers that show what is going on now, readable across worker processes."""

from __future__ import annotations

import mmap

NAMES = ("open_upstreams", "active_exchanges", "exchanges", "listeners", "losses")
OPEN_UPSTREAMS, ACTIVE_EXCHANGES, EXCHANGES, LISTENERS, LOSSES = range(len(NAMES))
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
        for index in (OPEN_UPSTREAMS, ACTIVE_EXCHANGES, LISTENERS):
            row.set(index, 0)


class Gauges:
    """The numbers of one worker; changed twice in each request."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: memoryview[int]) -> None:
        self._numbers = numbers

    def add(self, index: int, change: int) -> None:
        """Change the number that `NAMES` has at *index*."""
        self._numbers[index] += change

    def set(self, index: int, value: int) -> None:
        self._numbers[index] = value
