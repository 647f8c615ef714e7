"""
The legal order of events, as tables.

    ReplyStart (block | UsageUpdate | Foreign | Ping)* ChoiceEnd ... (ReplyEnd | Fault)
    block = BlockStart delta* BlockEnd

Blocks may overlap. A `Ping` may stand anywhere before the end, and so may the
`Fault`: an upstream can fail before it says anything. Readers and backends are
tested against this module; nothing checks it while requests are served.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    OpaqueDelta,
    Ping,
    RefusalDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    head_of,
)


class State(Enum):
    """Where a reply stands; ``CLOSING`` once a choice has ended."""

    IDLE = "idle"
    OPEN = "open"
    CLOSING = "closing"
    ENDED = "ended"


DELTAS: dict[type, tuple[type, ...]] = {
    Text: (TextDelta, CitationDelta, SignatureDelta),
    Thinking: (ThinkingDelta, SignatureDelta),
    Refusal: (RefusalDelta,),
    ToolCall: (ToolInputDelta, SignatureDelta),
    ToolResult: (),
    Media: (MediaDelta, SignatureDelta),
    Opaque: (OpaqueDelta,),
}
_INSIDE: tuple[type, ...] = (
    *{delta for deltas in DELTAS.values() for delta in deltas},
    BlockStart,
    BlockEnd,
    UsageUpdate,
    Foreign,
    Ping,
)
TRANSITIONS: dict[State, dict[type, State]] = {
    State.IDLE: {
        Ping: State.IDLE,
        ReplyStart: State.OPEN,
        Fault: State.ENDED,
    },
    State.OPEN: {
        **dict.fromkeys(_INSIDE, State.OPEN),
        ChoiceEnd: State.CLOSING,
        Fault: State.ENDED,
    },
    State.CLOSING: {
        **dict.fromkeys(_INSIDE, State.CLOSING),
        ChoiceEnd: State.CLOSING,
        ReplyEnd: State.ENDED,
        Fault: State.ENDED,
    },
    State.ENDED: {},
}


class GrammarError(AssertionError):
    """Events out of order: a mistake of the one who made them."""


def check(events: Iterable[Event], *, partial: bool = False) -> None:
    """
    Check that *events* are a legal reply.

    Args:
        events: of one reply, from its first.
        partial: they may stop early, as those of a broken stream do.

    Raises:
        GrammarError: with the position and name of the first event that is not
            legal, and why.
    """
    grammar = Grammar()
    for event in events:
        grammar.feed(event)
    if not partial:
        grammar.eof()


class Grammar:
    """Checks one reply, event by event."""

    def __init__(self) -> None:
        self.state = State.IDLE
        self._position = -1
        self._open: dict[int, tuple[int, Part]] = {}
        self._blocks: set[int] = set()
        self._choices: set[int] = set()
        self._ended: set[int] = set()

    def feed(self, event: Event) -> None:
        self._position += 1
        following = TRANSITIONS[self.state].get(type(event))
        if following is None:
            raise self._error(event, f"not legal while the reply is {self.state.value}")
        match event:
            case BlockStart():
                self._start(event)
            case BlockEnd(block=block):
                self._part(event, block)
                del self._open[block]
            case ChoiceEnd(choice=choice):
                self._end_choice(event, choice)
            case ReplyEnd():
                self._end(event)
            case ReplyStart() | UsageUpdate() | Foreign() | Ping() | Fault():
                pass
            case _:
                part = self._part(event, event.block)
                if type(event) not in DELTAS[type(part)]:
                    raise self._error(event, f"in a block of {type(part).__name__}")
        self.state = following

    def eof(self) -> None:
        if self.state is not State.ENDED:
            raise GrammarError(
                f"the events stop after {self._position + 1} while the reply is "
                f"{self.state.value}; the last must be a ReplyEnd or a Fault"
            )

    def _start(self, event: BlockStart) -> None:
        if event.block in self._blocks:
            raise self._error(event, f"block {event.block} was there before")
        if event.choice in self._ended:
            raise self._error(event, f"choice {event.choice} has ended")
        if event.part != head_of(event.part):
            raise self._error(event, "what deltas bring is in the head already")
        self._blocks.add(event.block)
        self._choices.add(event.choice)
        self._open[event.block] = event.choice, event.part

    def _part(self, event: Event, block: int) -> Part:
        if block not in self._open:
            raise self._error(event, f"block {block} is not open")
        return self._open[block][1]

    def _end_choice(self, event: Event, choice: int) -> None:
        if choice in self._ended:
            raise self._error(event, f"choice {choice} has ended")
        still = sorted(b for b, (c, _) in self._open.items() if c == choice)
        if still:
            raise self._error(event, f"blocks {still} of the choice are open")
        self._choices.add(choice)
        self._ended.add(choice)

    def _end(self, event: Event) -> None:
        missing = sorted(self._choices - self._ended)
        if missing:
            raise self._error(event, f"choices {missing} have not ended")
        if self._ended != set(range(len(self._ended))):
            raise self._error(event, f"choices {sorted(self._ended)} leave gaps")

    def _error(self, event: Event, why: str) -> GrammarError:
        return GrammarError(f"event {self._position}, {type(event).__name__}: {why}")
