"""What the load generator is told, and how it samples the CPU of what it loads."""

from __future__ import annotations

import time
from typing import Any, TypeAlias

from attrs import define, field, frozen

from bench import procfs

Json: TypeAlias = dict[str, Any]


@frozen
class Plan:
    """
    One piece of work.

    Attributes:
        do: ``loop``, ``pace``, ``hold`` or ``release``.
        watch: pids whose CPU is wanted, by the name under which it is.
        connections: requests (or streams) at the same time.
        warm: seconds before the window.
        seconds: the length of the window.
        opening: seconds over which paced streams are opened; they come before the
            window.
        rate: events a second in each paced stream.
        exact: answers must be the upstream's, byte for byte, or in its words where
            they are translated.
        dialect: that the client speaks, where the answer is translated.
        words: how many there are in a translated stream that is not paced.
        untimed: how many of the upstream's paced events carry no time; if there are
            any, they do not count, since others may say them with more events.
        headers: that a candidate wants beside the usual ones.
    """

    do: str
    port: int = 0
    model: str = "m1"
    script: str = "whole"
    connections: int = 1
    warm: float = 0.0
    seconds: float = 0.0
    opening: float = 1.0
    rate: float = 20.0
    exact: bool = True
    dialect: str | None = None
    words: int = 0
    untimed: int = 0
    headers: dict[str, str] = field(factory=dict)
    watch: dict[str, list[int]] = field(factory=dict)


class LoadError(Exception):
    """The proxy under test did not do what is being measured."""


@define
class Window:
    """What happened between two moments: time, CPU by name, and the machine's CPU."""

    watch: dict[str, list[int]]
    _began: float = 0.0
    _cpu: dict[str, float] = field(factory=dict)

    def open(self) -> None:
        self._cpu = self._sample()
        self._began = time.monotonic()

    def close(self) -> Json:
        """Return ``{"seconds": s, "cpu": {name: s}, "each": {pid: s}}``."""
        seconds = time.monotonic() - self._began
        cpu = {name: now - self._cpu[name] for name, now in self._sample().items()}
        each = {name: cpu.pop(name) for name in list(cpu) if name.isdecimal()}
        return {"seconds": seconds, "cpu": cpu, "each": each}

    def _sample(self) -> dict[str, float]:
        sample = {"load": time.process_time(), "machine": procfs.machine_busy_seconds()}
        for name, pids in self.watch.items():
            each = {str(pid): procfs.cpu_seconds(pid) for pid in pids}
            sample |= each
            sample[name] = sum(each.values())
        return sample


def percentile(ordered: list[float] | list[int], percent: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
