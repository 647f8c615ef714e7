"""How many connections a process of this run may have."""

from __future__ import annotations

import resource

_ROOM = 200  # for files, pipes, listeners and what is pooled


def raise_limit() -> int:
    """Raise the limit of descriptors to the hardest one; processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1_048_576
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def most_streams(limit: int, wanted: int) -> int:
    """Return how many of *wanted* streams a proxy can hold, which takes two each."""
    return min(wanted, (limit - _ROOM) // 2)
