"""What the contract's tests keep a backend from, and how they listen to it."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from structlog.testing import capture_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://docs.python.org/3/library/audit_events.html
_TOUCHING = ("socket.__new__", "socket.connect", "socket.getaddrinfo")
_STARTING = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system")

_watching: list[list[str]] = []
_installed: list[bool] = []


class ContractError(AssertionError):
    """A backend does not keep to the contract; the message says which part."""


def expect(kept: object, otherwise: str) -> None:
    """Fail with *otherwise*, a sentence about the backend, unless *kept*."""
    if not kept:
        raise ContractError(otherwise)


class UntouchableSession:
    """In place of a ``ClientSession``, for code that must not use one yet."""

    def __init__(self) -> None:
        self.touched: list[str] = []

    def __getattr__(self, name: str) -> NoReturn:
        self.touched.append(name)
        raise ContractError(f"the client session is used ({name}) before it may be")


@contextmanager
def no_io() -> Iterator[list[str]]:
    """Note, and stop, what opens a socket or starts a program in this block."""
    if not _installed:
        sys.addaudithook(_hook)  # cannot be taken away again
        _installed.append(True)
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


def _hook(event: str, _: Any) -> None:
    if _watching and event in (*_TOUCHING, *_STARTING):
        _watching[-1].append(event)
        raise ContractError(f"{event} before it may be")


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Gather all that is logged in this block, at whatever level."""
    lines: list[str] = []
    listener = _Listener(lines)
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        with capture_logs() as events:
            yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(listener)
        lines += [repr(event) for event in events]


class _Listener(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
