"""The second leg: what the model that answers says, behind the thoughts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from connectors.hybrid.tags import CLOSING, OPENING, Scanner
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Fault,
    Foreign,
    Ping,
    ReplyEnd,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.parts import Text, Thinking
from gateway.domain.reply import Usage, latest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.domain.errors import LLMProxyError
    from gateway.domain.events import Event


class Answer:
    """
    Takes the events of one reply, and gives those that go on with an earlier one.

    Args:
        first: the number of the first block.
        before: what was used up before.
        strip: leave out thoughts, as blocks and at the beginning of the text.

    Attributes:
        ended: the reply is complete.
        fault: why it never will be.
    """

    def __init__(self, first: int, before: Usage | None, *, strip: bool) -> None:
        self.ended = False
        self.fault: LLMProxyError | None = None
        self._next = first
        self._before = before
        self._strip = strip
        self._numbers: dict[int, int] = {}
        self._usage: Usage | None = None
        self._filter = _Filter()
        self._filtered: int | None = None  # the first block of text

    def feed(self, events: Iterable[Event]) -> list[Event]:
        return [seen for event in events for seen in self._take(event)]

    def _take(self, event: Event) -> Iterator[Event]:
        match event:
            case BlockStart():
                yield from self._start(event)
            case TextDelta() | BlockEnd() if event.block == self._filtered:
                yield from self._numbered(self._filter.feed(event), event.block)
            case UsageUpdate(usage=usage):
                self._usage = latest(self._usage, usage)
                yield UsageUpdate(added(self._before, self._usage))
            case ReplyEnd():
                self.ended = True
                if self._usage is None and self._before is not None:
                    yield UsageUpdate(self._before)
                yield event
            case Fault(error=error):
                self.fault = error
            case ChoiceEnd() | Foreign() | Ping():
                if not getattr(event, "choice", 0):
                    yield event
            case _ if hasattr(event, "block"):
                yield from self._numbered([event], event.block)

    def _start(self, event: BlockStart) -> Iterator[Event]:
        if event.choice or (self._strip and isinstance(event.part, Thinking)):
            return
        self._numbers[event.block] = number = self._next
        self._next += 1
        if self._strip and self._filtered is None and isinstance(event.part, Text):
            self._filtered = event.block
        yield evolve(event, block=number)

    def _numbered(self, events: Iterable[Any], block: int) -> Iterator[Event]:
        number = self._numbers.get(block)
        if number is not None:
            for event in events:
                yield evolve(event, block=number)


class _Filter:
    """Leaves thoughts out that stand between tags where a text begins."""

    def __init__(self) -> None:
        self._held = ""
        self._kept: list[TextDelta] = []
        self._scanner: Scanner | None = None  # while it is inside
        self._passes = False
        self._trims = False

    def feed(self, event: TextDelta | BlockEnd) -> list[TextDelta | BlockEnd]:
        if isinstance(event, BlockEnd):
            return [*self._flush(), event]
        return [*self._text(event)]

    def _flush(self) -> list[TextDelta]:
        """Return what was kept back, where the text ends."""
        return [] if self._passes or self._scanner is not None else self._kept

    def _text(self, event: TextDelta) -> list[TextDelta]:
        if self._passes:
            return self._trimmed(event)
        if self._scanner is not None:
            return self._inside(event, event.text)
        self._held += event.text
        self._kept.append(event)
        begun = self._held.lstrip().lower()
        for tag in OPENING:
            if begun.startswith(tag):
                self._scanner = Scanner(CLOSING)
                return self._inside(event, self._held.lstrip()[len(tag) :])
        if any(tag.startswith(begun) for tag in OPENING):
            return []
        self._passes = True
        return self._kept

    def _inside(self, event: TextDelta, text: str) -> list[TextDelta]:
        scanner = self._scanner or Scanner(CLOSING)
        pieces = list(scanner.feed(text))
        for index, (_, mark) in enumerate(pieces):
            if mark:
                self._passes = self._trims = True
                later = [said + found for said, found in pieces[index + 1 :]]
                rest = "".join(later) + scanner.flush()
                return self._trimmed(TextDelta(event.block, rest))
        return []

    def _trimmed(self, event: TextDelta) -> list[TextDelta]:
        """Return *event* without the blank lines between thoughts and answer."""
        if not self._trims:
            return [event]
        text = event.text.lstrip()
        self._trims = not text
        return [evolve(event, text=text)] if text else []


def added(first: Usage | None, second: Usage | None) -> Usage:
    """Return what two replies have used up together, as far as it is known."""
    one, two = first or Usage(), second or Usage()

    def sum_of(name: str) -> int | None:
        known = [n for u in (one, two) if (n := getattr(u, name)) is not None]
        return sum(known) if known else None

    names = ("input", "cache_read", "cache_write", "output", "reasoning")
    return Usage(**{name: sum_of(name) for name in names})
