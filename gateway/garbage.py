"""When the interpreter looks for garbage: no more than starting and serving need."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is imported stays, except for what attrs leaves of each class that it makes. To
# look for that among what is new is enough, and saves a sixth of the start.
STARTING = (5_000, 1_000, 1_000)
# Most collections find nothing; requests leave no cycles behind.
SERVING = (50_000, 10, 10)


@contextmanager
def starting() -> Iterator[None]:
    """Look only at what is new, until all is loaded and `settle` is called."""
    before = gc.get_threshold()
    gc.set_threshold(*STARTING)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def keep() -> None:
    """
    Never look again at what there is now.

    Call it before a fork, too: a page that the collector has written to is no longer
    shared. There is no last look: it would take longer than any part of the start,
    with the first requests waiting, and find next to nothing.
    """
    gc.freeze()


def settle() -> None:
    """Call it when all that is needed for serving is there."""
    keep()
    gc.set_threshold(*SERVING)
