"""Listeners of finished exchanges: slow ones, many, and none."""

from __future__ import annotations

import pytest
import structlog

from gateway.gauges import Board
from gateway.journal import BACKLOG, Journal
from gateway.ledger import Ledger, Outcome
from gateway.secret import Secret


@pytest.fixture
def board() -> Board:
    return Board(1)


@pytest.fixture
def journal(board: Board) -> Journal:
    return Journal(board.row(0))


def test_everybody_is_told(journal: Journal) -> None:
    with journal.listen() as one, journal.listen() as other:
        journal.deliver({"request_id": "a"})

        assert one.get_nowait() == other.get_nowait() == {"request_id": "a"}


def test_slow_listener(journal: Journal) -> None:
    """It misses exchanges, but not the end, and holds up nobody."""
    with journal.listen() as queue:
        for number in range(BACKLOG * 3):
            journal.deliver({"request_id": str(number)})
        journal.end()

        seen = [queue.get_nowait() for _ in range(queue.qsize())]

    assert len(seen) <= BACKLOG + 1
    assert seen[-1] is None
    assert all(seen[:-1])


def test_listeners_are_counted(journal: Journal, board: Board) -> None:
    with journal.listen():
        assert board.total("listeners") == 1
        with journal.listen():
            assert board.total("listeners") == 2
    assert board.total("listeners") == 0


def test_told_in_all_ways(journal: Journal) -> None:
    """One account for the log, the listeners here, and those elsewhere."""
    ledger = Ledger("r-1", "openai_chat", "chat")
    ledger.end(Outcome.COMPLETED)
    passed_on: list[object] = []
    journal.elsewhere = passed_on.append

    with structlog.testing.capture_logs() as logged, journal.listen() as queue:
        journal.tell(ledger)
        heard = queue.get_nowait()

    (line,) = logged
    assert heard == passed_on[0]
    assert heard is not None
    assert line["event"] == "exchange.done"
    assert heard == {name: line[name] for name in heard}


def test_secrets_are_not_shown(journal: Journal) -> None:
    """An upstream may quote a key where nobody expects it."""
    key = Secret("planted-key-0123456789")

    with journal.listen() as queue:
        journal.deliver({"error_code": key.reveal(), "bytes": 5, "finish": []})

        assert queue.get_nowait() == {"error_code": "***", "bytes": 5, "finish": []}
