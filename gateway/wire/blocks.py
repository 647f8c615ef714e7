"""
Blocks for protocols that disagree about them.

`Tracker` makes up starts and ends for protocols that have none; `Sequencer`
puts blocks one behind the other for dialects in which they may not overlap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    MediaDelta,
    OpaqueDelta,
    RefusalDelta,
    ReplyEnd,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
)

if TYPE_CHECKING:
    from gateway.domain.parts import Part

_OF_A_BLOCK = frozenset(
    {
        *(BlockStart, BlockEnd, TextDelta, ThinkingDelta, RefusalDelta),
        *(ToolInputDelta, SignatureDelta, CitationDelta, MediaDelta, OpaqueDelta),
    }
)


class Tracker:
    """
    Numbers blocks and remembers which are open, by choice and a key of the reader's.

    The key says what continues a block, such as ``"text"`` or a tool call's
    index. Texts end where another kind begins (`alone`), or else a dialect whose
    blocks may not overlap would have to hold back what follows; tool calls stay
    open, because some providers interleave their pieces.
    """

    def __init__(self) -> None:
        self._open: dict[int, dict[Hashable, int]] = {}
        self._alone: dict[int, Hashable] = {}
        self._next = 0

    def block(self, choice: int, key: Hashable) -> int | None:
        """Return the number of the open block, if there is one."""
        blocks = self._open.get(choice)
        return None if blocks is None else blocks.get(key)

    def begin(
        self, choice: int, key: Hashable, part: Part, *, alone: bool = True
    ) -> list[Event]:
        """
        Return the events that open a block; ask `block` for its number then.

        Args:
            part: its head.
            alone: ends with the next block of the choice that begins.
        """
        events = self.interrupt(choice)
        blocks = self._open.setdefault(choice, {})
        blocks[key] = self._next
        if alone:
            self._alone[choice] = key
        events.append(BlockStart(self._next, part, choice))
        self._next += 1
        return events

    def interrupt(self, choice: int) -> list[Event]:
        """Return the events that end the block which stands alone, if one is open."""
        if choice not in self._alone:
            return []
        return [self.end(choice, self._alone[choice])]

    def end(self, choice: int, key: Hashable) -> Event:
        if self._alone.get(choice) == key:
            del self._alone[choice]
        return BlockEnd(self._open[choice].pop(key))

    def end_all(self, choice: int) -> list[Event]:
        """Return the events that end every open block of *choice*."""
        self._alone.pop(choice, None)
        blocks = self._open.pop(choice, {})
        return [BlockEnd(block) for block in blocks.values()]


class Sequencer:
    """
    Passes the block that began first at once and holds the others until it ends.

    What is no part of a block passes at once, except the end of a choice, which
    waits for its blocks by the grammar anyway.
    """

    def __init__(self) -> None:
        self._current: int | None = None
        self._waiting: dict[int, deque[Event]] = {}

    def feed(self, events: Iterable[Event]) -> list[Event]:
        ready: list[Event] = []
        for event in events:
            if type(event) not in _OF_A_BLOCK:
                if isinstance(event, ChoiceEnd | ReplyEnd | Fault):
                    self._drain(ready)
                ready.append(event)
                continue
            block: int = event.block  # type: ignore[union-attr]
            if self._current is None:
                self._current = block
            if block != self._current:
                self._waiting.setdefault(block, deque()).append(event)
                continue
            ready.append(event)
            if type(event) is BlockEnd:
                self._current = None
                self._advance(ready)
        return ready

    def _advance(self, ready: list[Event]) -> None:
        """Let those pass that waited, up to the first that has not ended."""
        while self._waiting:
            block = next(iter(self._waiting))
            events = self._waiting.pop(block)
            ready += events
            if type(events[-1]) is not BlockEnd:
                self._current = block
                return

    def _drain(self, ready: list[Event]) -> None:
        for events in self._waiting.values():
            ready += events
        self._waiting.clear()
        self._current = None
