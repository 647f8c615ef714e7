"""
Faults: a stream that is cut anywhere ends in an error of the client's dialect.

Never in a success, and never with a call that looks complete and is not.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.domain import grammar
from gateway.domain.events import ChoiceEnd, Event, Fault, ReplyEnd
from gateway.domain.reply import Stop
from gateway.fronts.base import Ask
from gateway.ledger import Ledger, Outcome
from gateway.passthrough import Passthrough
from tests.contract import crossing, protocols
from tests.contract.cases import CLIENTS, Case, params, streams
from tests.contract.oracle import DIALECTS, Said, calls_of
from tests.contract.oracle.said import events as frames_of
from tests.contract.oracle.shape import faults_of
from tests.contract.protocols import front
from tests.streams import frames

CASES = [case for case in streams() if not crossing.said(case).broken]
SAMPLES = 10  # of random places; the boundaries are all tried


@pytest.mark.parametrize("case", params(CASES))
def test_every_boundary(case: Case) -> None:
    """Cut between any two frames, every client is told."""
    wrong = []
    for place, (events, tails) in enumerate(_cuts(case)):
        ended = isinstance(events[-1], ReplyEnd) if events else False
        if not ended and not (events and isinstance(events[-1], Fault)):
            wrong.append(f"frame {place}: the reader's last is {events[-1:]}")
        for client, tail in tails.items():
            if not ended:
                wrong += [f"frame {place}, {client}: {w}" for w in _bad(client, tail)]

    assert not wrong, wrong


def _cuts(case: Case) -> Iterator[tuple[list[Event], dict[str, bytes]]]:
    """Yield what a cut behind each frame comes to: last events, last bytes."""
    framer = protocols.framer(case)
    frames = [*framer.feed(case.body), *framer.eof()]
    reader = protocols.translator(case.protocol).reader()
    writers: dict[str, Any] = {
        client: protocols.front(client).writer(protocols.context(client, stream=True))
        for client in CLIENTS
    }
    for frame in frames:
        ending = copy.deepcopy(reader).eof()
        tails = {
            client: copy.deepcopy(writer).feed(ending)
            for client, writer in writers.items()
        }
        yield ending, tails
        found = reader.feed(frame)
        for writer in writers.values():
            writer.feed(found)
        if found and isinstance(found[-1], ReplyEnd | Fault):
            return


SUCCESS = {
    "openai_chat": (b"[DONE]", b'"finish_reason":"'),
    "openai_responses": (b'"response.completed"', b'"response.incomplete"'),
    "anthropic": (b'"message_stop"', b'"stop_reason":"'),
    "gemini": (b'"finishReason"',),
}


def _bad(client: str, tail: bytes) -> Iterator[str]:
    """Yield what is wrong with the last bytes of a broken stream."""
    for word in SUCCESS[client]:
        if word in tail:
            yield f"{word.decode()} in the end of a broken stream"
    if not DIALECTS[client].stream(tail).error:
        yield "no error in the end"


@pytest.mark.parametrize("case", params(CASES))
def test_anywhere(case: Case) -> None:
    """Cut inside a frame, too; what looks complete is what really was."""
    wrong = []
    full = {client: _hear(client, protocols.events(case)) for client in CLIENTS}
    for cut in _places(case):
        events = _cut_at(case, cut)
        grammar.check(events)
        whole = isinstance(events[-1], ReplyEnd)
        for client in CLIENTS:
            body = protocols.tell_stream(client, events).body
            found = [*faults_of(client, body)]
            hears = DIALECTS[client].stream(body)
            if not _failed(events) and whole != (hears.whole and not hears.error):
                found.append(f"it ends as {hears.ending}")
            found += _half_calls(client, body, full[client])
            wrong += [f"byte {cut}, {client}: {what}" for what in found]

    assert not wrong, wrong


def _failed(events: list[Event]) -> bool:
    """Say whether the upstream's own finish is an error, which some cannot word."""
    return any(isinstance(e, ChoiceEnd) and e.finish.stop is Stop.ERROR for e in events)


def _places(case: Case) -> list[int]:
    dice = random.Random(case.name)
    length = len(case.body)
    return sorted({dice.randrange(length) for _ in range(SAMPLES)} | {length - 1})


def _cut_at(case: Case, cut: int) -> list[Event]:
    pieces = [case.body[:cut]]
    return [e for batch in protocols.batches(case, pieces) for e in batch]


def _hear(client: str, events: list[Event]) -> Said:
    found: Said = DIALECTS[client].stream(protocols.tell_stream(client, events).body)
    return found


def _half_calls(client: str, body: bytes, full: Said) -> Iterator[str]:
    """Yield calls that a client would take for complete and that never were."""
    known = [call for choice in full.choices for call in calls_of(choice)]
    said = DIALECTS[client].stream(_finished_only(client, body))
    for choice in said.choices:
        for call in calls_of(choice):
            if call not in known:
                yield f"half a call of {call.name} looks complete"


def _finished_only(client: str, body: bytes) -> bytes:
    """Return the stream without the calls that no event says are complete."""
    found = frames_of(body)
    ends = {
        "anthropic": "content_block_stop",
        "openai_responses": "response.output_item.done",
    }
    if client == "openai_chat":
        return b""  # there the finish reason alone says so, and it is looked for
    if client == "gemini":
        return body  # a call there is one piece
    last = max(
        (n for n, (name, _) in enumerate(found) if name == ends[client]), default=-1
    )
    kept = found[: last + 1]
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (n.encode(), d.encode()) for n, d in kept
    )


PASSING = [case for case in CASES if case.protocol in CLIENTS]


@pytest.mark.parametrize("case", params(PASSING))
def test_passing(case: Case) -> None:
    """A stream that passed untouched ends in its dialect's error, too."""
    client, body = case.protocol, case.body
    framing: Any = "array" if case.framing == "array" else "sse"
    choices = max(1, len(crossing.said(case).choices))
    ask = Ask("m1", stream=True, choices=choices, wants_usage=True, framing=framing)
    wrong = []
    for cut in [*_places(case), *_some_ends(case)]:
        relay = Passthrough(Ledger("r1", client, "chat"), front(client), ask)
        relay.feed(body[:cut])
        tail = relay.eof()
        if relay.ledger.outcome is Outcome.COMPLETED:
            if not DIALECTS[client].stream(body[:cut]).whole:
                wrong.append(f"byte {cut}: taken for whole")
        elif framing == "array":
            wrong += [] if _is_array(body[:cut] + tail, relay) else [f"byte {cut}"]
        else:
            wrong += [f"byte {cut}: {what}" for what in _bad(client, tail)]

    assert not wrong, wrong


def _some_ends(case: Case) -> list[int]:
    """Return where frames end: some from the beginning, some from the end."""
    ends = list(itertools.accumulate(len(frame) for frame in frames(case.body)))
    return [*ends[:6], *ends[-6:-1]]


def _is_array(body: bytes, relay: Passthrough) -> bool:
    """Say whether *body* can be read, unless it was cut inside an object."""
    if not relay.at_boundary:
        return True
    last = json.loads(body)[-1]
    return "error" in last


@pytest.mark.parametrize("client", CLIENTS)
def test_before_anything(client: str) -> None:
    """An upstream that says nothing at all is an error, too."""
    for protocol in ("openai_chat", "anthropic", "gemini", "ollama"):
        events = protocols.translator(protocol).reader().eof()
        body = protocols.tell_stream(client, events).body

        assert isinstance(events[-1], Fault)
        assert DIALECTS[client].stream(body).error
        assert faults_of(client, body) == []
