"""Whether events hold what their types promise: a reader may not pass on a 5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.domain.events import (
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    RefusalDelta,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Media, ToolCall


def mistyped(events: Iterable[Event]) -> list[str]:
    """Return the members that are of another type than declared."""
    return [
        f"{type(event).__name__}.{name} is a {type(value).__name__}"
        for event in events
        for name, value, types in _members(event)
        if not isinstance(value, types) or (isinstance(value, bool))
    ]


_TEXT = (str,)
_MAYBE_TEXT = (str, type(None))
_MAYBE_NUMBER = (int, type(None))


def _members(event: Event) -> Iterator[tuple[str, Any, tuple[type, ...]]]:
    holder: Any = event
    names = _TYPES.get(type(event), {})
    match event:
        case SignatureDelta():
            holder = event.signature
        case CitationDelta():
            holder = event.citation
        case UsageUpdate():
            holder = event.usage
        case ChoiceEnd():
            holder = event.finish
        case Fault():
            holder = event.error
        case BlockStart():
            holder, names = event.part, _PARTS.get(type(event.part), {})
    for name, types in names.items():
        yield name, getattr(holder, name), types


_WORDS: dict[str, tuple[type, ...]] = {"text": _TEXT}
_TYPES: dict[type, dict[str, tuple[type, ...]]] = {
    ReplyStart: {"id": _MAYBE_TEXT, "model": _MAYBE_TEXT, "created": _MAYBE_NUMBER},
    **dict.fromkeys((TextDelta, ThinkingDelta, RefusalDelta, ToolInputDelta), _WORDS),
    SignatureDelta: {"value": _TEXT},
    MediaDelta: {"data": _TEXT, "transcript": _TEXT, "media_type": _MAYBE_TEXT},
    CitationDelta: {
        **dict.fromkeys(("url", "title", "quote"), _MAYBE_TEXT),
        **dict.fromkeys(("start", "end"), _MAYBE_NUMBER),
    },
    ChoiceEnd: {"raw": _MAYBE_TEXT, "sequence": _MAYBE_TEXT},
    UsageUpdate: dict.fromkeys(
        ("input", "cache_read", "cache_write", "output", "reasoning"), _MAYBE_NUMBER
    ),
    Foreign: {"name": _TEXT},
    Fault: {"message": _TEXT},
}
_PARTS: dict[type, dict[str, tuple[type, ...]]] = {
    ToolCall: {"id": _TEXT, "name": _TEXT},
    Media: {"media_type": _MAYBE_TEXT},
}
