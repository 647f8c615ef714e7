"""Starting, pinning, talking to and ending the processes of one run, and only those."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from bench import procfs

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parent.parent
_ENDS_IN = 5.0  # seconds between SIGTERM and SIGKILL


class BenchError(Exception):
    """The benchmark could not go on; the text says what was expected."""


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Start processes on *cores*: a child inherits the affinity of its parent."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(
    command: list[str],
    cores: set[int],
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = subprocess.DEVNULL,
    stderr: IO[bytes] | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start *command* on *cores*, with *environment* beside what there is."""
    if environment is None:
        environment = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with pinned(cores):
        return subprocess.Popen(
            command,
            env=os.environ | environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End *process* and its descendants, by their pids."""
    pids = procfs.tree(process.pid)[1:] if process.poll() is None else []
    process.terminate()
    try:
        process.wait(_ENDS_IN)
    except subprocess.TimeoutExpired:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait(_ENDS_IN)


class Partner:
    """A module of this package as a process that answers in lines of JSON."""

    def __init__(self, module: str, cores: set[int], *arguments: str) -> None:
        self._name = module
        self._process = start(
            [sys.executable, "-m", module, *arguments],
            cores,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._pending = b""
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stop(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def tell(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def hear(self, seconds: float) -> dict[str, Any]:
        """
        Return the next answer.

        Raises:
            BenchError: none came within *seconds*, or it says ``error``.
        """
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                if not selector.select(seconds):
                    raise BenchError(f"{self._name} gave no answer in {seconds} s")
                received = os.read(descriptor, 65536)
                if not received:
                    raise BenchError(f"{self._name} ended")
                self._pending += received
        line, _, self._pending = self._pending.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchError(answer["error"])
        return answer
