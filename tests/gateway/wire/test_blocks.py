from __future__ import annotations

from gateway.domain.errors import BackendError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Ping,
    ReplyEnd,
    TextDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.blocks import Sequencer, Tracker

A, B = ToolCall("a", "f"), ToolCall("b", "g")
END = ChoiceEnd(Finish(Stop.TOOLS))


def test_text_ends_where_another_kind_begins() -> None:
    """Or a dialect without overlapping blocks would hold the answer back."""
    tracker = Tracker()

    assert tracker.begin(0, "thinking", Thinking()) == [BlockStart(0, Thinking())]
    assert tracker.block(0, "thinking") == 0
    assert tracker.begin(0, "text", Text()) == [BlockEnd(0), BlockStart(1, Text())]
    assert tracker.block(0, "thinking") is None
    assert tracker.block(0, "text") == 1


def test_calls_stay_open() -> None:
    """Some providers interleave the pieces of parallel calls."""
    tracker = Tracker()

    events = tracker.begin(0, "text", Text())
    events += tracker.begin(0, 0, A, alone=False)
    events += tracker.begin(0, 1, B, alone=False)

    assert events[1:] == [BlockEnd(0), BlockStart(1, A), BlockStart(2, B)]
    assert tracker.end_all(0) == [BlockEnd(1), BlockEnd(2)]
    assert tracker.end_all(0) == []


def test_choices_do_not_end_each_other() -> None:
    tracker = Tracker()

    assert tracker.begin(0, "text", Text()) == [BlockStart(0, Text(), 0)]
    assert tracker.begin(1, "text", Text()) == [BlockStart(1, Text(), 1)]
    assert [tracker.block(n, "text") for n in (0, 1)] == [0, 1]
    assert tracker.end(1, "text") == BlockEnd(1)
    assert tracker.interrupt(1) == []
    assert [tracker.block(n, "text") for n in (0, 1)] == [0, None]


def test_a_call_can_end_by_itself() -> None:
    tracker = Tracker()
    tracker.begin(0, 0, A, alone=False)
    tracker.begin(0, "text", Text())

    assert tracker.end(0, 0) == BlockEnd(0)
    assert tracker.interrupt(0) == [BlockEnd(1)]


def test_overlapping_blocks_are_put_in_a_row() -> None:
    """The one that began first flows at once; the others wait, complete."""
    sequencer = Sequencer()

    first: list[Event] = [BlockStart(0, A), BlockStart(1, B), ToolInputDelta(0, "x")]
    assert sequencer.feed(first) == [BlockStart(0, A), ToolInputDelta(0, "x")]
    assert sequencer.feed([ToolInputDelta(1, "y")]) == []
    assert sequencer.feed([BlockEnd(0)]) == [
        BlockEnd(0),
        BlockStart(1, B),
        ToolInputDelta(1, "y"),
    ]
    assert sequencer.feed([ToolInputDelta(1, "z")]) == [ToolInputDelta(1, "z")]
    assert sequencer.feed([BlockEnd(1), END]) == [BlockEnd(1), END]


def test_blocks_that_ended_while_they_waited() -> None:
    sequencer = Sequencer()
    c = ToolCall("c", "h")

    held = sequencer.feed(
        [
            BlockStart(0, A),
            *(BlockStart(1, B), BlockStart(2, c)),
            *(BlockEnd(1), BlockEnd(2)),
        ]
    )

    assert held == [BlockStart(0, A)]
    assert sequencer.feed([BlockEnd(0)]) == [
        BlockEnd(0),
        *(BlockStart(1, B), BlockEnd(1)),
        *(BlockStart(2, c), BlockEnd(2)),
    ]


def test_what_is_in_no_block_does_not_wait() -> None:
    sequencer = Sequencer()
    update = UsageUpdate(Usage(output=1))

    said = sequencer.feed([BlockStart(0, A), BlockStart(1, B), Ping(), update])

    assert said == [BlockStart(0, A), Ping(), update]


def test_a_fault_lets_out_what_waits() -> None:
    """What a broken reply had said so far is not kept from the client."""
    sequencer = Sequencer()
    fault = Fault(BackendError("gone"))

    said = sequencer.feed([BlockStart(0, A), BlockStart(1, B), fault])

    assert said == [BlockStart(0, A), BlockStart(1, B), fault]


def test_the_end_of_a_reply_is_passed_on() -> None:
    sequencer = Sequencer()

    said = sequencer.feed([BlockStart(0, Text()), TextDelta(0, "a"), BlockEnd(0)])

    assert said == [BlockStart(0, Text()), TextDelta(0, "a"), BlockEnd(0)]
    assert sequencer.feed([ReplyEnd()]) == [ReplyEnd()]
