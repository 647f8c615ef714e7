from __future__ import annotations

import pytest

from connectors.hybrid.answering import Answer, added
from gateway.domain.errors import APIConnectionError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    Ping,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.grammar import check
from gateway.domain.parts import Text, Thinking
from gateway.domain.reply import Usage
from tests.connectors.hybrid.replies import END, call, reply, text, thinking, words


def play(
    events: tuple[Event, ...], *, strip: bool = True, before: Usage | None = None
) -> list[Event]:
    """Return what the client sees of *events*, the end of a legal reply."""
    answer, seen = Answer(5, before, strip=strip), list[Event]()
    for event in events:
        seen += answer.feed([event])
    check([ReplyStart(), *seen])
    assert answer.ended
    return seen


def test_goes_on() -> None:
    """Blocks are counted on, and there is no second start."""
    assert play(reply(text(0, "Dry."), call(1))) == [
        BlockStart(5, Text()),
        TextDelta(5, "Dry."),
        BlockEnd(5),
        BlockStart(6, next(call(1)).part),  # type: ignore[union-attr]
        ToolInputDelta(6, '{"city":'),
        ToolInputDelta(6, ' "Brno"}'),
        BlockEnd(6),
        ChoiceEnd(END),
        ReplyEnd(),
    ]


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        (("Dry.",), "Dry."),
        (("\n", "Dry."), "\nDry."),
        (("<b>Dry.</b>",), "<b>Dry.</b>"),
        (("<think>Rain?</think>\n\nDry.",), "Dry."),
        (("\n<th", "ink>Rain?</th", "ink>", "\n\n", "Dry. ", "\n"), "Dry. \n"),
        (("<THOUGHT>", "Rain?", "</THOUGHT>Dry.</think> <"), "Dry.</think> <"),
        (("<think>Rain?",), ""),
        (("<thi",), "<thi"),
        ((" ",), " "),
        (("", "Dry."), "Dry."),
    ],
)
def test_thoughts_in_the_text(texts: tuple[str, ...], seen: str) -> None:
    """Thoughts between tags at the beginning are left out, and nothing else."""
    assert words(play(reply(text(0, *texts))), TextDelta) == seen


def test_only_the_first_text() -> None:
    """What stands between tags later is meant for the reader."""
    said = reply(text(0, "One."), text(1, "<think>Two.</think>"))

    assert words(play(said), TextDelta) == "One.<think>Two.</think>"


def test_thoughts_are_left_out() -> None:
    """So are those that the model tells apart."""
    seen = play(reply(thinking(0, "Rain?"), text(1, "Dry.")))

    assert words(seen, ThinkingDelta) == ""
    assert seen[0] == BlockStart(5, Text())


def test_thoughts_are_passed_on() -> None:
    """Where it is so configured, nothing is left out."""
    said = reply(thinking(0, "Rain?"), text(1, "<think>x</think>Dry."))

    seen = play(said, strip=False)

    assert seen[0] == BlockStart(5, Thinking())
    assert words(seen, TextDelta) == "<think>x</think>Dry."


def test_usage_of_both() -> None:
    """Each report has what both have used up so far."""
    first, second = Usage(input=10, output=70, reasoning=70), Usage(input=80, output=5)

    seen = play(reply(text(0, "Dry."), usage=second), before=first)

    assert UsageUpdate(Usage(input=90, output=75, reasoning=70)) in seen


def test_usage_of_the_first_only() -> None:
    """What the first has used up is told although the second does not count."""
    seen = play(reply(text(0, "Dry.")), before=Usage(output=70))

    assert seen[-2:] == [UsageUpdate(Usage(output=70)), ReplyEnd()]


def test_no_usage() -> None:
    """Nothing is made up where neither counts."""
    assert added(None, None) == Usage()
    assert not any(isinstance(e, UsageUpdate) for e in play(reply(text(0, "Dry."))))


def test_other_events() -> None:
    """What only its own protocol understands passes; other choices do not."""
    foreign = Foreign("gemini", "x", 1)
    events = (
        ReplyStart(),
        Ping(),
        foreign,
        BlockStart(0, Text(), choice=1),
        TextDelta(0, "other"),
        BlockEnd(0),
        ChoiceEnd(END, choice=1),
        ChoiceEnd(END),
        ReplyEnd(),
    )

    assert play(events) == [Ping(), foreign, ChoiceEnd(END), ReplyEnd()]


def test_fault() -> None:
    """A model that breaks off has failed, and is not said to have ended."""
    answer, error = Answer(0, None, strip=True), APIConnectionError("cut")

    assert answer.feed([Fault(error)]) == []
    assert (answer.fault, answer.ended) == (error, False)
