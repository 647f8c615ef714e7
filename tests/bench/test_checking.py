"""What finds fault with an answer: a proxy that loses a byte cannot win."""

from __future__ import annotations

import pytest

from bench import canned, speech
from bench.checking import checker, text_of
from bench.closed_loop import LoopConnection, LoopTally
from bench.pairs import PAIRS
from bench.plan import Plan
from bench.upstream import burst

EVENTS = 30


def asked(pair: str, *, exact: bool = True) -> Plan:
    of = PAIRS[pair]
    return Plan(
        "loop",
        script=f"burst {EVENTS}",
        model=of.model,
        dialect=of.client,
        words=of.answer.words_of(EVENTS),
        exact=exact,
    )


def said_in(dialect: str, words: int) -> bytes:
    speeches = {"openai_chat": speech.CHAT, "anthropic": speech.ANTHROPIC}
    events = speeches.get(dialect, speech.RESPONSES).events(words)
    # What ends an answer of the Responses API repeats its text.
    text = "".join(speech.spoken(words)).encode()
    return b"".join(events) if dialect in speeches else b"".join([*events, text])


def test_altered_answer() -> None:
    """The run of a candidate stops and says what came."""
    tally = LoopTally()
    check = checker(Plan("loop", script="burst 10"))
    connection = LoopConnection(b"", check, tally, reopen=lambda: None)
    connection._asked = 0.0
    connection.received(b"".join(canned.events(10))[1:])

    connection.finished()

    assert tally.stopped
    assert "expected 2" in str(tally.failure)


@pytest.mark.parametrize("script", ["whole", "burst 20"])
def test_strangers(script: str) -> None:
    """Other gateways may say it in their own words, but must say all of it."""
    check = checker(Plan("loop", script=script, exact=False))
    words = " ".join(canned.WORDS * 13).encode()

    assert check(b'{"reworded": "%b"}\n%b' % (words, canned.DONE)) is None
    assert check(b'{"reworded": 1}\n' + canned.DONE) is not None
    assert check(b"data: " + words) is not None


@pytest.mark.parametrize("pair", PAIRS)
def test_translated(pair: str) -> None:
    """A whole translation is right; one that lacks a word or its end is not."""
    plan = asked(pair)
    whole = said_in(str(plan.dialect), plan.words)
    short = said_in(str(plan.dialect), plan.words - 1)

    assert checker(plan)(whole) is None
    assert checker(plan)(short) is not None
    assert checker(plan)(whole.replace(b"mill", b"well", 1)) is not None


def test_later_answers() -> None:
    """After the first, which is read, others must have as many events and words."""
    check = checker(asked("chat->anthropic"))
    whole = said_in("openai_chat", PAIRS["chat->anthropic"].answer.words_of(EVENTS))
    events = whole.split(b"\n\n")

    assert check(whole) is None
    assert check(whole) is None
    assert check(b"\n\n".join(events[1:])) is not None
    assert check(whole.replace(b"mill", b"well", 1)) is not None
    assert check(whole.replace(b"[DONE]", b"{}")) is not None


@pytest.mark.parametrize("pair", PAIRS)
def test_as_many_events_in_each_dialect(pair: str) -> None:
    """CPU per event is divided by what the upstream really says."""
    path = {
        "openai_chat": b"/v1/chat/completions",
        "anthropic": b"/v1/messages",
        "gemini": b"/v1beta/models/gemini:streamGenerateContent?alt=sse",
    }[PAIRS[pair].upstream]

    stream = burst(path, EVENTS, usage=True)

    assert stream.count(b"data: ") == EVENTS


def test_text() -> None:
    """Words are taken from where each dialect has them, and from nowhere else."""
    words = "".join(speech.spoken(12))

    for dialect in ("openai_chat", "anthropic", "openai_responses"):
        assert text_of(dialect, said_in(dialect, 12)) == words
