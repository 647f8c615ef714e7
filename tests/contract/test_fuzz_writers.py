"""Fuzz: no writer raises over events that are in legal order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve, fields, has
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import grammar
from gateway.domain.errors import APIConnectionError
from gateway.domain.events import (
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    Ping,
    ReplyStart,
    UsageUpdate,
)
from gateway.domain.fold import unfold
from gateway.domain.parts import ToolCall
from gateway.domain.reply import Stop
from tests.contract import protocols
from tests.contract.cases import CLIENTS
from tests.contract.mutations import few
from tests.contract.oracle import DIALECTS
from tests.contract.oracle.shape import faults_of
from tests.gateway.domain.strategies import json as any_json
from tests.gateway.domain.strategies import replies, usages, words

FEW = few(150)


def elsewhere(value: Any) -> Any:
    """
    Return *value* as a reader of another protocol gives it.

    What stands under a writer's own name it may trust: its own reader put it
    there. A call has an id and a name; readers see to that.
    """
    if isinstance(value, tuple):
        return tuple(elsewhere(item) for item in value)
    if not has(type(value)):
        return value
    changes = {f.name: elsewhere(getattr(value, f.name)) for f in fields(type(value))}
    if "extras" in changes:
        changes["extras"] = {f"not_{k}": v for k, v in changes["extras"].items()}
    if isinstance(value, ToolCall):
        changes["id"], changes["name"] = value.id or "i", value.name or "n"
    return evolve(value, **changes)


answers = replies.map(elsewhere)


@st.composite
def orders(draw: Any) -> list[Event]:
    """Return legal events: blocks overlap, noise is anywhere, some break off."""
    start, *rest, end = unfold(draw(answers))
    blocks: list[list[Event]] = []
    ends: list[Event] = []
    for event in rest:
        match event:
            case BlockStart():
                blocks.append([event])
            case ChoiceEnd() | UsageUpdate():
                ends.append(event)
            case _:
                blocks[-1].append(event)
    found: list[Event] = [start]
    open_: list[list[Event]] = []
    noise = st.one_of(
        st.just(Ping()),
        st.builds(UsageUpdate, usages),
        st.builds(Foreign, st.just("elsewhere"), words, any_json),
    )
    while blocks or open_:
        if draw(st.integers(0, 5)) == 0:
            found.append(draw(noise))
        if blocks and (not open_ or draw(st.booleans())):
            open_.append(blocks.pop(0))
        one = draw(st.sampled_from(open_))
        found.append(one.pop(0))
        open_ = [block for block in open_ if block]
    found += [*ends, end]
    if draw(st.integers(0, 3)) == 0:
        cut = draw(st.integers(1, len(found) - 1))
        found = [*found[:cut], Fault(APIConnectionError("gone"))]
    return found


FAILS = {Stop.ERROR}  # a dialect without a word for it has its error


@pytest.mark.parametrize("client", CLIENTS)
@FEW
@given(events=orders())
def test_stream(client: str, events: list[Event]) -> None:
    grammar.check(events)
    assert isinstance(events[0], ReplyStart)

    body = protocols.tell_stream(client, events).body

    assert faults_of(client, body) == []
    failed = any(isinstance(e, ChoiceEnd) and e.finish.stop in FAILS for e in events)
    hears = DIALECTS[client].stream(body)
    assert failed or hears.error == isinstance(events[-1], Fault)
    together = protocols.tell_pieces(client, _some_at_once(events)).body
    assert DIALECTS[client].stream(together) == hears
    assert faults_of(client, together) == []


def _some_at_once(events: list[Event]) -> list[list[Event]]:
    """Return the events as one network read may bring them."""
    return [events[n : n + 3] for n in range(0, len(events), 3)]


@pytest.mark.parametrize("client", CLIENTS)
@FEW
@given(reply=answers)
def test_whole(client: str, reply: Any) -> None:
    told = protocols.tell_whole(client, reply)

    json.loads(told.body)
