"""Replies as models give them, in events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Part, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage

END = Finish(Stop.END, "stop")
DELTAS: dict[type, Any] = {
    Text: TextDelta,
    Thinking: ThinkingDelta,
    ToolCall: ToolInputDelta,
}


def block(number: int, part: Part, *texts: str) -> Iterator[Event]:
    yield BlockStart(number, part)
    for text in texts:
        yield DELTAS[type(part)](number, text)
    yield BlockEnd(number)


def thinking(number: int, *texts: str) -> Iterator[Event]:
    return block(number, Thinking(), *texts)


def text(number: int, *texts: str) -> Iterator[Event]:
    return block(number, Text(), *texts)


def call(number: int, name: str = "weather") -> Iterator[Event]:
    return block(number, ToolCall(f"call_{number}", name), '{"city":', ' "Brno"}')


def reply(*blocks: Iterator[Event], usage: Usage | None = None) -> tuple[Event, ...]:
    """Return a whole reply made of *blocks*."""
    counts = () if usage is None else (UsageUpdate(usage),)
    said = [event for one in blocks for event in one]
    return (ReplyStart("r1", "m1"), *said, ChoiceEnd(END), *counts, ReplyEnd())


def words(events: list[Any], kind: type) -> str:
    """Return the texts of the deltas of one kind, joined."""
    said = [event for event in events if isinstance(event, kind)]
    return "".join(getattr(event, "text", "") for event in said)
