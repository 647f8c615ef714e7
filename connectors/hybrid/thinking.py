"""The first leg: what the model that thinks says, as thoughts for the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors.hybrid.tags import CLOSING, OPENING, Scanner
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Fault,
    RefusalDelta,
    ReplyEnd,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    UsageUpdate,
)
from gateway.domain.parts import Text, Thinking, ToolCall
from gateway.domain.reply import latest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.domain.errors import LLMProxyError
    from gateway.domain.events import Event
    from gateway.domain.reply import Usage

# A block that no upstream numbers.
_OWN = -1


class Thinker:
    """
    Takes the events of one reply until there is enough of it.

    Thoughts are what the model says are its thoughts; where it does not tell them
    from the rest, all its text is. They have come to their end where the rest
    begins. Tool calls are kept back: they are the answer if nothing was thought.

    Args:
        stop_phrases: end thoughts, too, in such text.

    Attributes:
        enough: the model need not go on; feed nothing more.
        finished: its answer has come to its end, though there may be counts to come.
        ended: all has come.
        fault: why it has not.
        usage: as reported so far.
        next: the number of the next block for the client.
    """

    def __init__(self, stop_phrases: Iterable[str] = ()) -> None:
        self.enough = self.finished = self.ended = False
        self.fault: LLMProxyError | None = None
        self.usage: Usage | None = None
        self.next = 0
        self._reported: Usage | None = None
        self._scanner = Scanner((*OPENING, *CLOSING, *stop_phrases))
        self._thoughts: list[str] = []
        self._separate = False  # the model tells thoughts from text
        self._open: dict[int, int] = {}  # blocks of the client's
        self._texts: set[int] = set()
        self._calls: list[Event] = []
        self._called: set[int] = set()
        self._end: ChoiceEnd | None = None

    @property
    def thoughts(self) -> str:
        return "".join(self._thoughts).strip()

    def feed(self, events: Iterable[Event]) -> list[Event]:
        """Return what the client sees of *events*: thoughts, and token counts."""
        seen: list[Event] = []
        for event in events:
            if not self.enough:
                seen += self._take(event)
        return seen

    def close(self) -> list[Event]:
        """Return what ends the blocks that are open."""
        seen = [] if self._separate else list(self._say(self._scanner.flush()))
        seen += [BlockEnd(block) for block in self._open.values()]
        self._open.clear()
        return seen

    def calls(self) -> list[Event]:
        """Return the calls as an answer, if that is all there was; else nothing."""
        if self.thoughts or not self._called or self._end is None:
            return []
        numbers: dict[int, int] = {}
        events: list[Event] = []
        for event in self._calls:
            block: int = event.block  # type: ignore[union-attr]
            if block not in numbers:
                numbers[block], self.next = self.next, self.next + 1
            events.append(evolve(event, block=numbers[block]))  # type: ignore[arg-type]
        return [*events, self._end]

    def _take(self, event: Event) -> Iterator[Event]:
        match event:
            case BlockStart():
                yield from self._start(event)
            case ThinkingDelta() | SignatureDelta() | BlockEnd() if (
                event.block in self._open
            ):
                yield self._thinking(event)
            case TextDelta(block=block, text=text) if block in self._texts:
                yield from self._text(text)
            case RefusalDelta(text=text):
                self.enough = bool(text.strip())
            case ChoiceEnd(choice=0):
                self.finished, self._end = True, event
            case UsageUpdate(usage=usage):
                self._reported = latest(self._reported, usage)
                self.usage = spent_thinking(self._reported)
                yield UsageUpdate(self.usage)
            case ReplyEnd():
                self.enough = self.finished = self.ended = True
            case Fault(error=error):
                self.enough, self.fault = True, error
            case _ if getattr(event, "block", None) in self._called:
                self._calls.append(event)

    def _thinking(self, event: ThinkingDelta | SignatureDelta | BlockEnd) -> Event:
        number = self._open[event.block]
        if isinstance(event, ThinkingDelta):
            self._thoughts.append(event.text)
            self._separate = self._separate or bool(event.text.strip())
        elif isinstance(event, BlockEnd):
            del self._open[event.block]
            self._thoughts.append("\n\n")
        return evolve(event, block=number)

    def _start(self, event: BlockStart) -> Iterator[Event]:
        if event.choice:
            return
        match event.part:
            case Thinking():
                yield from self._end_own()
                yield self._begin(event.block, event.part)
            case Text():
                self._texts.add(event.block)
            case ToolCall() if self.thoughts:
                self.enough = True
            case ToolCall():
                self._called.add(event.block)
                self._calls.append(event)

    def _text(self, text: str) -> Iterator[Event]:
        if self._separate:
            self.enough = bool(text.strip())
            return
        for said, mark in self._scanner.feed(text):
            yield from self._say(said)
            if mark and mark not in OPENING:
                self.enough = True
                return

    def _say(self, text: str) -> Iterator[Event]:
        if _OWN not in self._open:
            text = text.lstrip()
            if text:
                yield self._begin(_OWN, Thinking())
        if text:
            self._thoughts.append(text)
            yield ThinkingDelta(self._open[_OWN], text)

    def _begin(self, block: int, part: Thinking) -> BlockStart:
        self._open[block] = number = self.next
        self.next += 1
        return BlockStart(number, evolve(part, group=None))

    def _end_own(self) -> Iterator[Event]:
        """End the thoughts that were text: there are proper ones after all."""
        yield from self._say(self._scanner.flush())
        if _OWN in self._open:
            yield BlockEnd(self._open.pop(_OWN))
            self._thoughts.append("\n\n")


def spent_thinking(usage: Usage) -> Usage:
    """Return the usage of a model that does nothing else, whatever it says of it."""
    if usage.reasoning is not None:
        return usage
    return evolve(usage, reasoning=usage.output)
