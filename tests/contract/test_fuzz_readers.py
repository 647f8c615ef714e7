"""Fuzz: whatever an upstream sends, it is events or a fault, never an exception."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import grammar
from gateway.domain.errors import BackendError
from gateway.domain.events import Event, Fault, ReplyEnd
from gateway.domain.fold import unfold
from gateway.wire.sse import Frame
from tests.contract import protocols
from tests.contract.cases import CLIENTS, UPSTREAMS, Case, written
from tests.contract.mutations import few, mutated
from tests.contract.oracle import DIALECTS
from tests.contract.oracle.shape import NO_OBJECT, faults_of
from tests.contract.typed import mistyped

FEW = few(150)


def _frames(case: Case) -> list[Frame]:
    framer = protocols.framer(case)
    return [*framer.feed(case.body), *framer.eof()]


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_broken_frames(upstream: str) -> None:
    """One frame is nearly right; what follows comes nevertheless."""
    cases = [case for case in written(upstream) if case.stream]

    @FEW
    @given(st.data())
    def holds(data: Any) -> None:
        frames = _frames(data.draw(st.sampled_from(cases)))
        place = data.draw(st.integers(0, len(frames) - 1))
        frames[place] = data.draw(_broken(frames[place]))
        events = _events(upstream, frames)
        _holds(events)
        client = data.draw(st.sampled_from(CLIENTS))
        _told(client, events, own=client == upstream)

    holds()


@st.composite
def _broken(draw: Any, frame: Frame) -> Frame:
    try:
        value = json.loads(frame.data)
    except ValueError:
        return Frame(frame.event, draw(st.binary(max_size=20)))
    return Frame(frame.event, json.dumps(draw(mutated(value, 2))).encode())


def _events(upstream: str, frames: list[Frame]) -> list[Event]:
    reader = protocols.translator(upstream).reader()
    return [e for frame in frames for e in reader.feed(frame)] + reader.eof()


def _holds(events: list[Event]) -> None:
    grammar.check(events)
    assert mistyped(events) == []
    assert isinstance(events[-1], Fault | ReplyEnd)


def _told(client: str, events: list[Event], *, own: bool) -> None:
    """
    A client is told the truth about the end, and all in proper form.

    In the upstream's own dialect the form is its own, odd as it may be.
    """
    *before, last = events
    writer = protocols.front(client).writer(protocols.context(client, stream=True))
    body, tail = writer.feed(before), writer.feed([last])
    wrong = [] if own else faults_of(client, body + tail)
    assert [what for what in wrong if what != NO_OBJECT] == []
    if isinstance(last, Fault):
        assert DIALECTS[client].stream(tail).error


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("seed", range(4))
def test_broken_bytes(upstream: str, seed: int) -> None:
    """Bytes are changed, lost and doubled anywhere in the stream."""
    dice = random.Random(seed)
    for case in written(upstream):
        if not case.stream:
            continue
        body = bytearray(case.body)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(body))
            match dice.randrange(3):
                case 0:
                    body[at] = dice.randrange(256)
                case 1:
                    del body[at : at + dice.randint(1, 40)]
                case _:
                    body[at:at] = body[at : at + dice.randint(1, 40)]
        batches = protocols.batches(case, [bytes(body)])
        _holds([event for batch in batches for event in batch])


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_broken_whole(upstream: str) -> None:
    """A whole answer of another shape is the upstream's fault."""
    bodies = [json.loads(case.body) for case in written(upstream) if not case.stream]

    @FEW
    @given(st.data())
    def holds(data: Any) -> None:
        body = data.draw(mutated(data.draw(st.sampled_from(bodies))))
        try:
            reply = protocols.translator(upstream).read_reply(body)
        except BackendError:
            return
        assert mistyped(unfold(reply)) == []
        for client in CLIENTS:
            json.loads(protocols.tell_whole(client, reply).body)

    holds()
