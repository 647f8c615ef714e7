"""
``--profile``: where a process spends its CPU time, as a picture for a bug report.

A timer of the kernel interrupts the process in steps of its CPU time, and the functions
that are being run are counted: so a process that waits has nothing to tell, and the
price is below a hundredth. See ``docs/decisions/0012-profile.md`` for what else there
is. Names of modules and functions are all that gets out: no path, no value, no line.
"""

from __future__ import annotations

import platform
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gateway
from gateway import flame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType, FrameType

# Seconds of CPU time; the kernel may round it up to its own ticks, of up to 10 ms.
INTERVAL = 0.005
# A gateway runs some hundreds of different stacks; plugins may recurse.
_DEEPEST = 200
_MOST = 50_000


class Sampler:
    """Counts the stacks of the main thread, where the event loop runs."""

    def __init__(self) -> None:
        self.samples = 0
        self._counts: dict[tuple[CodeType, ...], int] = {}
        self._names: dict[CodeType, str] = {}

    def start(self) -> None:
        """Call it in the main thread: only there may signals be set."""
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        # The default is to end the process, and one may still be on its way.
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def stacks(self) -> flame.Stacks:
        """Return what was seen, the outermost function first."""
        found: dict[tuple[str, ...], int] = {}
        for codes, count in self._counts.items():
            # Two functions may have one name.
            names = tuple(self._names[code] for code in reversed(codes))
            found[names] = found.get(names, 0) + count
        return found

    def _take(self, _number: int, frame: FrameType | None) -> None:
        self.samples += 1
        codes: list[CodeType] = []
        while frame is not None and len(codes) < _DEEPEST:
            code = frame.f_code
            if code not in self._names:
                module = frame.f_globals.get("__name__", "?")
                self._names[code] = f"{module}:{code.co_qualname}"
            codes.append(code)
            frame = frame.f_back
        stack = tuple(codes)
        if stack in self._counts or len(self._counts) < _MOST:
            self._counts[stack] = self._counts.get(stack, 0) + 1


@contextmanager
def profiled(file: Path) -> Iterator[None]:
    """Write to *file*, at the end, what was done meanwhile."""
    sampler = Sampler()
    began, cpu = time.monotonic(), time.process_time()
    sampler.start()
    try:
        yield
    finally:
        sampler.stop()
        about = _about(
            sampler.samples, time.monotonic() - began, time.process_time() - cpu
        )
        draw = flame.svg if file.suffix == ".svg" else flame.html
        _write(file, draw(sampler.stacks(), f"sluicegate {gateway.__version__}", about))


def of_worker(file: Path, number: int) -> Path:
    """Return the file of one of several workers: ``flame.0.svg``."""
    return file.with_suffix(f".{number}{file.suffix}")


def _about(samples: int, seconds: float, cpu: float) -> tuple[str, str]:
    loop = "uvloop" if "uvloop" in sys.modules else "asyncio"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    seen = f"{cpu:.1f} s of CPU time in {seconds:.1f} s, seen {samples:,} times"
    return (
        f"{seen}; what waits is not seen, and C functions count for their callers",
        f"{python}, {loop}, {platform.system()} {platform.machine()}",
    )


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as exc:
        print(f"sluicegate: --profile: {exc}", file=sys.stderr)
    else:
        print(f"sluicegate: wrote {file}", file=sys.stderr)
