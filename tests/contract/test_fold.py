"""Fold: a whole answer, and the stream of the same answer, are one thing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from gateway.domain.fold import fold, unfold
from gateway.domain.parts import Media, Opaque, Refusal, Text, Thinking, ToolCall
from gateway.wire.json import encode
from tests.contract import crossing, protocols
from tests.contract.cases import CLIENTS, Case, all_cases, params
from tests.contract.oracle import DIALECTS
from tests.contract.oracle.said import events as frames_of
from tests.contract.oracle.said import parsed

if TYPE_CHECKING:
    from gateway.domain.reply import Reply

WHOLE = [case for case in all_cases() if not case.stream]
STREAMS = [case for case in all_cases() if case.stream]


@pytest.mark.parametrize("case", params(WHOLE))
def test_unfolded(case: Case) -> None:
    """A whole answer survives being streamed inside the gateway."""
    if crossing.said(case).broken:
        return
    reply = protocols.read_whole(case)

    assert fold(unfold(reply)) == _finished(reply)


def _finished(reply: Reply) -> Reply:
    """Return *reply* as a stream has it, where every choice ends somehow."""
    folded = fold(unfold(reply))
    choices = tuple(
        evolve(choice, finish=choice.finish or other.finish)
        for choice, other in zip(reply.choices, folded.choices, strict=True)
    )
    return evolve(reply, choices=choices)


@pytest.mark.parametrize("case", params(c for c in STREAMS if c.protocol in CLIENTS))
def test_written_whole(case: Case) -> None:
    """A stream that is told whole in its own dialect reads as the stream did."""
    if crossing.said(case).broken:
        return
    reply = crossing.reply_of(case)

    told = json.loads(protocols.tell_whole(case.protocol, reply).body)

    again = protocols.translator(case.protocol).read_reply(told)
    assert plain(again) == plain(reply)


@pytest.mark.parametrize(
    "case", params(c for c in STREAMS if c.protocol == "openai_responses")
)
def test_last_event(case: Case) -> None:
    """Of a Responses stream the last event repeats what the others told."""
    if crossing.said(case).broken:
        return
    last = [json.loads(data) for _, data in frames_of(case.body) if data != "[DONE]"]
    response = next(e["response"] for e in last if e["type"] in _LAST)
    if DIALECTS[case.protocol].whole(encode(response)) != crossing.said(case):
        return  # some servers leave out of one what they say in the other

    whole = protocols.translator(case.protocol).read_reply(response)

    assert said_in(whole) == said_in(crossing.reply_of(case))


_LAST = ("response.completed", "response.incomplete")


def plain(reply: Reply) -> Any:
    """Return what two readings of one answer must share."""
    stops = [choice.finish and choice.finish.stop for choice in reply.choices]
    return said_in(reply), reply.usage, stops


def said_in(reply: Reply) -> list[Any]:
    """
    Return the words of each choice, and all that is not words, by kind.

    How texts and calls stand among each other is not in every dialect's answer.
    """
    found: list[Any] = []
    for choice in reply.choices:
        words: dict[str, Any] = {}
        for part in choice.parts:
            kind = type(part).__name__
            match part:
                case Text() | Thinking() | Refusal() if part.text:
                    words[kind] = words.get(kind, "") + part.text
                case ToolCall():
                    call = (part.name, parsed(part.input) or {})
                    words.setdefault(kind, []).append(call)
                case Media() | Opaque():
                    words[kind] = words.get(kind, 0) + 1
        found.append(words)
    return found
