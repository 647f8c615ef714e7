"""Runs somebody else's code, which may hang, end the process, or write where we do."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from gateway.secret import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds that somebody else's code has, where it should need none: a guess.
PATIENCE = 10.0
# Characters of an exception's text; the rest is for a traceback.
LONGEST_REASON = 300


def told(exc: BaseException) -> str:
    """Return what *exc* says, on one line, without a secret."""
    text = " ".join(str(exc).split())
    if len(text) > LONGEST_REASON:
        text = text[:LONGEST_REASON] + "..."
    name = type(exc).__name__.lstrip("_")
    return redact(f"{name}: {text}" if text else name)


class _TooSlowError(BaseException):
    """No child of `Exception`, which somebody else's code may catch."""


@contextmanager
def guarded(seconds: float = PATIENCE) -> Iterator[None]:
    """
    Run somebody else's code so that it cannot hang, nor write where we do.

    Raises:
        BaseException: what the code raised, or that it took too long; that is only
            found out in the main thread.
    """
    with redirect_stdout(sys.stderr):
        if threading.current_thread() is threading.main_thread():
            with _alarm(seconds):
                yield
        else:
            yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _TooSlowError(f"not done after {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, ring)
    began = time.monotonic()
    # Again and again: it may be caught.
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if handler is not None:  # else it was not set from Python
            signal.signal(signal.SIGALRM, handler)
        if left:  # somebody else's clock goes on
            left = max(left - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
