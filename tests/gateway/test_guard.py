"""Somebody else's code, in bounds."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from gateway.guard import guarded, told


def test_clock_of_somebody_else() -> None:
    """A timer that was set before goes on, and rings where it did."""
    rung: list[float] = []
    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    left = signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with guarded(5):
            time.sleep(0.05)
        while not rung and time.monotonic() < began + 5:
            signal.sigtimedwait([], 0.01)
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *left)

    assert 0.15 < rung[0] - began < 1


def test_clock_that_ran_out_meanwhile() -> None:
    """It rings at once then, and not never."""
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    left = signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        with guarded(5):
            time.sleep(0.05)
        deadline = time.monotonic() + 5
        while not rung and time.monotonic() < deadline:
            signal.sigtimedwait([], 0.01)
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *left)

    assert rung


def test_in_another_thread() -> None:
    """There is no clock, and no failure for want of one."""
    done: list[Any] = []

    def run() -> None:
        with guarded(0.01):
            done.append(1)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert done == [1]


def test_exceptions_pass() -> None:
    with pytest.raises(ZeroDivisionError), guarded():
        _ = 1 / 0


def test_without_a_text() -> None:
    assert told(ValueError()) == "ValueError"
    assert told(ValueError("a\n  b")) == "ValueError: a b"
