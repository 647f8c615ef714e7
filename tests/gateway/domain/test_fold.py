from __future__ import annotations

import base64

import pytest
from hypothesis import given

from gateway.domain.errors import APIConnectionError, RateLimitExceededError
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
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold, unfold
from gateway.domain.grammar import check
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage
from tests.gateway.domain.strategies import replies

END = Finish(Stop.END, "stop")


def whole(*events: Event) -> list[Event]:
    return [ReplyStart(), *events, ChoiceEnd(END), ReplyEnd()]


def only_part(*events: Event) -> Part:
    (choice,) = fold(whole(*events)).choices
    (part,) = choice.parts
    return part


@given(replies)
def test_there_and_back(reply: Reply) -> None:
    """Whatever a reply holds survives being streamed, and the stream is legal."""
    events = list(unfold(reply))

    check(events)
    assert fold(events) == reply


def test_overlapping_blocks() -> None:
    """Parts come in the order of their starts, each with its own deltas."""
    reply = fold(
        [
            ReplyStart("r1", "m", 7),
            BlockStart(0, ToolCall("a", "f")),
            BlockStart(5, Text(), choice=1),
            BlockStart(1, ToolCall("b", "g")),
            ToolInputDelta(1, "[2"),
            ToolInputDelta(0, "[1"),
            TextDelta(5, "hi"),
            ToolInputDelta(1, "]"),
            ToolInputDelta(0, "]"),
            BlockEnd(1),
            BlockEnd(0),
            BlockEnd(5),
            ChoiceEnd(END, 1),
            ChoiceEnd(Finish(Stop.TOOLS), 0),
            ReplyEnd(),
        ]
    )

    calls = ToolCall("a", "f", "[1]"), ToolCall("b", "g", "[2]")
    assert reply == Reply(
        "r1",
        "m",
        7,
        (Choice(calls, Finish(Stop.TOOLS)), Choice((Text("hi"),), END)),
    )


def test_usage_reports_are_merged() -> None:
    """A later report replaces what it knows and leaves the rest."""
    reply = fold(
        whole(
            UsageUpdate(Usage(input=12, cache_read=400, output=1)),
            UsageUpdate(Usage(output=31, reasoning=0)),
        )
    )

    assert reply.usage == Usage(input=12, cache_read=400, output=31, reasoning=0)


def test_foreign_events_and_pings() -> None:
    """What only one protocol understands is kept by its name; a ping is nothing."""
    reply = fold(
        whole(
            Foreign("gemini", "modelStatus", 1),
            Ping(),
            Foreign("gemini", "modelStatus", 2),
            Foreign("gemini", "other", None),
        )
    )

    assert reply.extras == {"gemini": {"modelStatus": 2, "other": None}}


def test_members_at_the_end_of_a_block() -> None:
    """Members that come with the end join those that came with the start."""
    part = only_part(
        BlockStart(0, Text(extras={"d": {"a": 1, "b": 1}})),
        TextDelta(0, "x"),
        BlockEnd(0, {"d": {"b": 2}, "e": {"c": 3}}),
    )

    assert part == Text("x", extras={"d": {"a": 1, "b": 2}, "e": {"c": 3}})


def test_last_signature_wins() -> None:
    """Some providers send a provisional seal first."""
    part = only_part(
        BlockStart(0, Thinking()),
        SignatureDelta(0, Signature("o", "first")),
        SignatureDelta(0, Signature("o", "last")),
        BlockEnd(0),
    )

    assert part == Thinking(signature=Signature("o", "last"))


def test_opaque_part_that_is_repeated_whole() -> None:
    """If the protocol tells what a part came to, the deltas are superseded."""
    part = only_part(
        BlockStart(0, Opaque("o", {"type": "x"})),
        OpaqueDelta(0, {"more": 1}),
        BlockEnd(0, whole={"type": "x", "more": 1}),
    )

    assert part == Opaque("o", {"type": "x", "more": 1})


@pytest.mark.parametrize(
    ("pieces", "joined"),
    [
        (["QUJD", "REVG"], "QUJDREVG"),
        (["QUI=", "Q0Q="], base64.b64encode(b"ABCD").decode()),
        (["QQ==", "no base64"], "QQ==no base64"),
        (["QUI="], "QUI="),
    ],
)
def test_sound_in_pieces(pieces: list[str], joined: str) -> None:
    """Pieces join to valid base64, whether the text or the sound was cut."""
    part = only_part(
        BlockStart(0, Media("audio")),
        *(MediaDelta(0, piece, "la ", media_type="audio/pcm") for piece in pieces),
        BlockEnd(0),
    )

    assert part == Media("audio", "audio/pcm", joined, transcript="la " * len(pieces))


def test_fault_is_raised() -> None:
    """A broken reply folds into its error, not into half an answer."""
    error = RateLimitExceededError("slow down")

    with pytest.raises(RateLimitExceededError) as raised:
        fold([ReplyStart(), BlockStart(0, Text()), TextDelta(0, "Ha"), Fault(error)])

    assert raised.value is error


@pytest.mark.parametrize("events", [[], [ReplyStart()], whole()[:-1]])
def test_truncated(events: list[Event]) -> None:
    """Events that just stop are an error, even after a finish reason."""
    with pytest.raises(APIConnectionError) as raised:
        fold(events)

    assert raised.value.code == "upstream_truncated"


def test_choice_without_an_end() -> None:
    """A reply may be complete although we are not told how a choice ended."""
    told: list[Event] = [ReplyStart(), BlockStart(0, Text()), BlockEnd(0), ReplyEnd()]

    assert fold(told).choices == (Choice((Text(),)),)
    assert ChoiceEnd(Finish(Stop.OTHER)) in list(unfold(fold(told)))
