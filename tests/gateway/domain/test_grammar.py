from __future__ import annotations

import pytest

from gateway.domain.errors import BackendError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
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
from gateway.domain.grammar import GrammarError, check
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.reply import Finish, Stop, Usage

START, END = ReplyStart("r", "m"), ChoiceEnd(Finish(Stop.END))
SEAL = Signature("o", "v")
FAULT = Fault(BackendError("broken"))

LEGAL: dict[str, list[Event]] = {
    "nothing but an end": [START, END, ReplyEnd()],
    "an error and nothing else": [FAULT],
    "an error inside a block": [START, BlockStart(0, Text()), TextDelta(0, "a"), FAULT],
    "an error after a finish reason": [START, END, FAULT],
    "pings everywhere": [Ping(), START, Ping(), END, Ping(), ReplyEnd()],
    "a late report": [START, END, UsageUpdate(Usage(1)), Foreign("o", "n"), ReplyEnd()],
    "overlapping blocks": [
        START,
        BlockStart(3, ToolCall("a", "f")),
        BlockStart(7, Thinking()),
        ToolInputDelta(3, "{"),
        ThinkingDelta(7, "hm"),
        SignatureDelta(7, SEAL),
        ToolInputDelta(3, "}"),
        BlockEnd(7),
        BlockEnd(3),
        END,
        ReplyEnd(),
    ],
    "a choice that goes on after another": [
        START,
        BlockStart(0, Text()),
        BlockStart(1, Text(), choice=1),
        BlockEnd(0),
        END,
        TextDelta(1, "b"),
        BlockEnd(1),
        ChoiceEnd(Finish(Stop.END), 1),
        ReplyEnd(),
    ],
}
ILLEGAL: dict[str, tuple[list[Event], str]] = {
    "no start": ([END, ReplyEnd()], "event 0, ChoiceEnd: not legal while"),
    "two starts": ([START, START], "event 1, ReplyStart: not legal while"),
    "no choice": ([START, ReplyEnd()], "event 1, ReplyEnd: not legal while"),
    "more after the end": (
        [START, END, ReplyEnd(), Ping()],
        "event 3, Ping: not legal",
    ),
    "more after an error": ([FAULT, Ping()], "event 1, Ping: not legal"),
    "unknown block": ([START, TextDelta(0, "a")], "block 0 is not open"),
    "ended block": (
        [START, BlockStart(0, Text()), BlockEnd(0), TextDelta(0, "a")],
        "event 3, TextDelta: block 0 is not open",
    ),
    "block ends twice": (
        [START, BlockStart(0, Text()), BlockEnd(0), BlockEnd(0)],
        "block 0 is not open",
    ),
    "block number again": (
        [START, BlockStart(0, Text()), BlockEnd(0), BlockStart(0, Text())],
        "block 0 was there before",
    ),
    "delta of another kind": (
        [START, BlockStart(0, Text()), ThinkingDelta(0, "a")],
        "in a block of Text",
    ),
    "open block at the end": (
        [START, BlockStart(4, Text()), END],
        r"blocks \[4\] of the choice are open",
    ),
    "choice ends twice": ([START, END, END], "choice 0 has ended"),
    "block after its choice": (
        [START, END, BlockStart(0, Text())],
        "choice 0 has ended",
    ),
    "choice without an end": (
        [START, BlockStart(0, Text(), 1), BlockEnd(0), END, ReplyEnd()],
        r"choices \[1\] have not ended",
    ),
    "gap between choices": (
        [START, ChoiceEnd(Finish(Stop.END), 1), ReplyEnd()],
        r"choices \[1\] leave gaps",
    ),
}
HEADS: list[tuple[Part, Part, list[Event]]] = [
    (Text(), Text("a"), [TextDelta(0, "a"), SignatureDelta(0, SEAL)]),
    (Thinking(), Thinking("a"), [ThinkingDelta(0, "a")]),
    (Thinking(), Thinking(signature=SEAL), [SignatureDelta(0, SEAL)]),
    (Refusal(), Refusal("a"), [RefusalDelta(0, "a")]),
    (ToolCall("", "f"), ToolCall("", "f", "{}"), [ToolInputDelta(0, "{}")]),
    (Media("audio"), Media("audio", data="QQ=="), [MediaDelta(0, "QQ==")]),
    (Opaque("o", 1), Opaque("o", 1, (2,)), [OpaqueDelta(0, 2)]),
]


@pytest.mark.parametrize("events", LEGAL.values(), ids=LEGAL)
def test_legal(events: list[Event]) -> None:
    check(events)


@pytest.mark.parametrize(("events", "why"), ILLEGAL.values(), ids=ILLEGAL)
def test_illegal(events: list[Event], why: str) -> None:
    """The error names the first event that is out of order, and why."""
    with pytest.raises(GrammarError, match=why):
        check(events)


@pytest.mark.parametrize("stop", range(4))
def test_stops_early(stop: int) -> None:
    """Events that stop before an end are legal only if that is expected."""
    whole: list[Event] = [START, BlockStart(0, Text()), BlockEnd(0), END]
    events = whole[: stop + 1]

    check(events, partial=True)
    with pytest.raises(GrammarError, match=f"the events stop after {stop + 1} while"):
        check(events)


@pytest.mark.parametrize(("head", "full", "deltas"), HEADS)
def test_heads(head: Part, full: Part, deltas: list[Event]) -> None:
    """A part begins without what its deltas bring."""
    check([START, BlockStart(0, head), *deltas, BlockEnd(0), END, ReplyEnd()])
    with pytest.raises(GrammarError, match="in the head already"):
        check([START, BlockStart(0, full)])


def test_result_of_a_tool_comes_whole() -> None:
    """Where a provider runs tools itself, their results are no streams."""
    part = ToolResult("a", (Text("b"),))

    check([START, BlockStart(0, part), BlockEnd(0), END, ReplyEnd()])
