"""What of an answer could not be said, gathered while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import unsaid_event, unsaid_members

if TYPE_CHECKING:
    from gateway.domain.events import Foreign
    from gateway.domain.loss import Loss
    from gateway.domain.parts import Extras

# Who reads more than this reads no list.
MOST = 100


class Losses:
    """
    The losses of one answer: each place once, and not without end.

    Args:
        dialect: that of the writer, whose own members are none.
    """

    def __init__(self, dialect: str) -> None:
        self.found: list[Loss] = []
        self._dialect = dialect
        self._paths: set[str] = set()

    def note(self, *losses: Loss) -> None:
        for loss in losses:
            if loss.path not in self._paths and len(self.found) < MOST:
                self._paths.add(loss.path)
                self.found.append(loss)

    def members(self, path: str, extras: Extras) -> None:
        """Note the members at *path* that only other dialects know."""
        if extras:
            self.note(*unsaid_members(path, extras, self._dialect))

    def event(self, event: Foreign) -> None:
        """Note what an upstream of another dialect said outside all blocks."""
        self.note(*unsaid_event(event, self._dialect))
