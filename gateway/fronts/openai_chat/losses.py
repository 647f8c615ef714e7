"""What of an answer a client of this dialect cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import dropped, unsaid_members
from gateway.domain.parts import Media, Opaque, Thinking, ToolResult
from gateway.wire.openai_chat import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.loss import Loss
    from gateway.domain.parts import Extras, Part

# Who reads more than this reads no list.
_MOST = 100


class Losses:
    """The losses of one answer: each once, and not without end."""

    def __init__(self) -> None:
        self.found: list[Loss] = []
        self._paths: set[str] = set()

    def add(self, path: str, why: str) -> None:
        if path not in self._paths and len(self.found) < _MOST:
            self._paths.add(path)
            self.found.append(dropped(path, why))

    def extras(self, path: str, extras: Extras) -> None:
        """Add what only other dialects know."""
        if extras:
            self.all(unsaid_members(path, extras, PROTOCOL))

    def all(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            self.add(loss.path, loss.why)

    def part(self, path: str, part: Part) -> None:
        """Add what is lost of a part: all of it, its extras, its seal."""
        if not is_said(part):
            self.add(path, "Chat Completions has no such part in an answer")
            return
        if not (isinstance(part, Thinking) and part.signature is not None):
            self.extras(path, part.extras)
        if isinstance(part, Media) and part.signature is not None:
            self.add(f"{path}.signature", "Chat Completions has no place for it")


def is_said(part: Part) -> bool:
    """Tell whether this dialect's answers can hold *part*."""
    match part:
        case Opaque() | ToolResult():
            return False
        case Media(kind=kind):
            return kind in ("image", "audio")
    return True
