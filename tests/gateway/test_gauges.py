"""Numbers that several processes see."""

from __future__ import annotations

import os

import pytest

from gateway.gauges import EXCHANGES, NAMES, Board


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_apart(name: str) -> None:
    """Each worker writes its own number; the total is of all."""
    board = Board(3)
    for worker in range(3):
        board.row(worker).set(NAMES.index(name), 10**worker)
    board.row(2).add(NAMES.index(name), -1)

    assert board.total(name) == 110
    assert {board.total(other) for other in NAMES if other != name} == {0}


def test_dead_worker() -> None:
    """What it was doing is forgotten; what it has done stays."""
    board = Board(2)
    for worker in (0, 1):
        for name in NAMES:
            board.row(worker).set(NAMES.index(name), 5)

    board.clear(0)

    done = {"exchanges", "losses"}
    for name in NAMES:
        assert board.total(name) == (10 if name in done else 5)


def test_other_process() -> None:
    """A number that a forked process writes is seen here."""
    board = Board(2)
    pid = os.fork()
    if not pid:
        board.row(1).add(EXCHANGES, 7)
        os._exit(0)
    os.waitpid(pid, 0)

    assert board.total("exchanges") == 7
