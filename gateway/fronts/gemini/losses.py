"""What of a streamed answer could not be said, gathered while it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import unsaid_members
from gateway.wire.gemini import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.loss import Loss
    from gateway.domain.parts import Extras

# Whoever reads them has learned enough by then.
MOST = 100


class Losses:
    """Adds to *found*, each path once."""

    def __init__(self, found: list[Loss]) -> None:
        self._found = found
        self._paths: set[str] = set()

    def add(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            if loss.path not in self._paths and len(self._found) < MOST:
                self._paths.add(loss.path)
                self._found.append(loss)

    def of_extras(self, path: str, extras: Extras) -> None:
        """Add the members of other dialects; ``None`` says nothing."""
        if extras:
            self.add(unsaid_members(path, extras, PROTOCOL))
