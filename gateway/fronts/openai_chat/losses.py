"""What of a part a client of this dialect cannot be told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.domain.loss import dropped, unsaid_members
from gateway.domain.parts import Media, Opaque, Thinking, ToolResult
from gateway.wire.openai_chat import PROTOCOL

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.parts import Part


def part_losses(path: str, part: Part) -> Iterator[Loss]:
    """Yield what is lost of a part: all of it, its extras, its seal."""
    if not is_said(part):
        yield dropped(path, "Chat Completions has no such part in an answer")
        return
    if not (isinstance(part, Thinking) and part.signature is not None):
        yield from unsaid_members(path, part.extras, PROTOCOL)
    if isinstance(part, Media) and part.signature is not None:
        yield unsealed(path)


def unsealed(path: str) -> Loss:
    return dropped(f"{path}.signature", "Chat Completions has no place for it")


def is_said(part: Part) -> bool:
    """Tell whether this dialect's answers can hold *part*."""
    match part:
        case Opaque() | ToolResult():
            return False
        case Media(kind=kind):
            return kind in ("image", "audio")
    return True
