from __future__ import annotations

import pytest

from connectors.hybrid.thinking import Thinker
from gateway.domain.errors import APIConnectionError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    RefusalDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    UsageUpdate,
)
from gateway.domain.grammar import check
from gateway.domain.parts import Opaque, Refusal, Signature, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from tests.connectors.hybrid.replies import END, call, reply, text, thinking, words


def play(
    events: tuple[Event, ...], stop_phrases: tuple[str, ...] = ()
) -> tuple[Thinker, list[Event]]:
    """Return the thinker after *events* and what the client saw, a legal beginning."""
    thinker, seen = Thinker(stop_phrases), list[Event]()
    for event in events:
        seen += thinker.feed([event])
    seen += thinker.close()
    check([ReplyStart(), *seen], partial=True)
    return thinker, seen


def test_thoughts_then_text() -> None:
    """A model that tells them apart has thought enough when its text begins."""
    events = reply(thinking(3, "Rain? ", "No."), text(4, "\n", "It is dry."))

    thinker, seen = play(events)

    assert seen == [
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "Rain? "),
        ThinkingDelta(0, "No."),
        BlockEnd(0),
    ]
    assert thinker.thoughts == "Rain? No."
    assert (thinker.enough, thinker.finished, thinker.next) == (True, False, 1)


def test_several_thoughts() -> None:
    """They come as they came, and blank lines part them for the other model."""
    thinker, seen = play(reply(thinking(0, "One."), thinking(1, "Two."), text(2, "x")))

    assert thinker.thoughts == "One.\n\nTwo."
    assert [e.block for e in seen if isinstance(e, BlockStart)] == [0, 1]


def test_seals_stay() -> None:
    """A thought keeps its signature: its issuer may want to see it again."""
    seal = Signature("anthropic", "c2VhbA==")
    events = (
        ReplyStart(),
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "Hm."),
        SignatureDelta(0, seal),
        BlockEnd(0),
    )

    assert SignatureDelta(0, seal) in play(events)[1]


def test_all_text_is_thought() -> None:
    """A model that does not tell them apart thinks until it has finished."""
    thinker, seen = play(reply(text(0, "\n", " Rain? ", "No."), text(1, " Dry.")))

    assert words(seen, ThinkingDelta) == "Rain? No. Dry."
    assert thinker.thoughts == "Rain? No. Dry."
    assert thinker.ended


@pytest.mark.parametrize(
    "texts",
    [
        ("<think>Rain? No.</think>Dry.",),
        ("\n<thi", "nk>Rain? N", "o.</", "THINK> Dry."),
        ("Rain? No.</thought>",),  # the template had begun it
    ],
)
def test_tags(texts: tuple[str, ...]) -> None:
    """A closing tag ends the thoughts, and no tag is shown."""
    thinker, seen = play(reply(text(0, *texts)))

    assert words(seen, ThinkingDelta) == "Rain? No."
    assert (thinker.thoughts, thinker.enough) == ("Rain? No.", True)
    assert not thinker.finished


def test_stop_phrases() -> None:
    """Where it is so configured, prose can end the thoughts, too."""
    thinker, _ = play(reply(text(0, "Clouds. Ther", "efore, dry.")), ("therefore,",))

    assert (thinker.thoughts, thinker.enough) == ("Clouds.", True)


def test_half_a_tag_is_text() -> None:
    """What only looked like the beginning of a tag is not lost."""
    thinker, seen = play(reply(text(0, "1 <t")))

    assert words(seen, ThinkingDelta) == "1 <t"
    assert thinker.thoughts == "1 <t"


def test_text_before_proper_thoughts() -> None:
    """It is taken for a thought until the model shows that it tells them apart."""
    thinker, seen = play(
        reply(text(0, "Let me see.<"), thinking(1, "Rain?"), text(2, "x"))
    )

    assert thinker.thoughts == "Let me see.<\n\nRain?"
    assert [e.block for e in seen if isinstance(e, BlockEnd)] == [0, 1]
    assert thinker.enough


def test_hidden_thoughts() -> None:
    """Where thoughts come empty, the text is all there is to go by."""
    thinker, _ = play(reply(thinking(0), text(1, "It is dry.")))

    assert (thinker.thoughts, thinker.ended) == ("It is dry.", True)


def test_only_calls() -> None:
    """They are the answer, with their numbers behind those of the thoughts."""
    thinker, seen = play(reply(thinking(0), text(1, " "), call(2), call(3)))

    calls = thinker.calls()

    assert seen == [BlockStart(0, Thinking()), BlockEnd(0)]
    check([ReplyStart(), *seen, *calls, ReplyEnd()])
    heads = [e for e in calls if isinstance(e, BlockStart)]
    assert [head.part for head in heads] == [
        ToolCall("call_2", "weather"),
        ToolCall("call_3", "weather"),
    ]
    assert [head.block for head in heads] == [1, 2]
    assert calls[-1] == ChoiceEnd(END)


def test_calls_after_thoughts() -> None:
    """A model that has thought and begins to act has thought enough."""
    thinker, _ = play(reply(thinking(0, "Rain?"), call(1)))

    assert thinker.enough
    assert not thinker.finished
    assert thinker.calls() == []


def test_thoughts_after_calls() -> None:
    """Calls are not the answer if there were thoughts all the same."""
    thinker, _ = play(reply(call(0), text(1, "I asked for the weather.")))

    assert thinker.ended
    assert thinker.calls() == []


def test_unfinished_calls() -> None:
    """Calls without an end are none."""
    thinker, _ = play(reply(call(0))[:-2])

    assert thinker.calls() == []


def test_refusal() -> None:
    """A model that declines has nothing to think about any more."""
    events = (
        ReplyStart(),
        BlockStart(0, Refusal()),
        RefusalDelta(0, " "),
        RefusalDelta(0, "No."),
    )

    assert not play(events[:-1])[0].enough
    assert play(events)[0].enough
    assert play(events)[1] == []


def test_what_is_not_for_the_client() -> None:
    """Other parts, other choices and other protocols' events are left out."""
    events = (
        ReplyStart(),
        Foreign("gemini", "x"),
        BlockStart(0, Opaque("anthropic", {})),
        BlockEnd(0),
        BlockStart(1, Text(), choice=1),
        TextDelta(1, "other"),
        BlockEnd(1),
        ChoiceEnd(END, choice=1),
    )

    thinker, seen = play(events)

    assert seen == []
    assert not thinker.finished


def test_usage() -> None:
    """All that it wrote was reasoning, unless it knows better."""
    thinker = Thinker()

    assert thinker.feed([UsageUpdate(Usage(input=5, output=1))]) == [
        UsageUpdate(Usage(input=5, output=1, reasoning=1))
    ]
    thinker.feed([UsageUpdate(Usage(output=70))])
    assert thinker.usage == Usage(input=5, output=70, reasoning=70)
    thinker.feed([UsageUpdate(Usage(reasoning=60))])
    assert thinker.usage == Usage(input=5, output=70, reasoning=60)


def test_fault() -> None:
    """A model that breaks off has failed."""
    error = APIConnectionError("cut")
    thinker, _ = play((ReplyStart(), *thinking(0, "Rain?"), Fault(error)))

    assert (thinker.fault, thinker.enough) == (error, True)


def test_finished_before_the_counts() -> None:
    """Its last word comes before the counts, which may be waited for, or not."""
    end = ChoiceEnd(Finish(Stop.LENGTH, "length"))
    thinker, _ = play((ReplyStart(), *text(0, "Rain?"), end))

    assert (thinker.finished, thinker.enough, thinker.ended) == (True, False, False)
