"""What the kernel says about processes: CPU, memory, descendants."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """Return *pid* and its descendants that live."""
    pids = [pid]
    for parent in pids:
        for children in _PROC.glob(f"{parent}/task/*/children"):
            try:
                pids += map(int, children.read_text().split())
            except OSError:  # the thread has ended meanwhile
                continue
    return pids


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process and its threads; steps of 10 ms."""
    text = (_PROC / str(pid) / "stat").read_text()
    # The second field is the program's name in brackets and may contain anything.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def machine_busy_seconds() -> float:
    """Return what all cores have worked for processes since boot, steal included."""
    line = (_PROC / "stat").read_text().partition("\n")[0]
    user, nice, system, _idle, _iowait, _irq, _softirq, steal = map(
        int, line.split()[1:9]
    )
    return (user + nice + system + steal) / _TICKS


def memory_kb(pid: int) -> dict[str, int]:
    """
    Return ``rss`` and ``pss`` of the process tree.

    RSS counts a page shared by two processes twice; PSS shares it out, also among
    processes that are not in the tree.
    """
    total = {"rss": 0, "pss": 0}
    for member in tree(pid):
        for line in (_PROC / str(member) / "smaps_rollup").read_text().splitlines():
            name = line.partition(":")[0].lower()
            if name in total:
                total[name] += int(line.split()[1])
    return total
