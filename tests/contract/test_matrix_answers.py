"""
Matrix: what any upstream says, any client hears.

Text, thoughts, calls (name, arguments, order), finish and usage are read on both
sides by `tests.contract.oracle`; losses are those that somebody approved.
"""

from __future__ import annotations

import pytest

from tests.contract import crossing, protocols
from tests.contract.cases import CLIENTS, Case, all_cases, params
from tests.contract.oracle import agree
from tests.contract.oracle.shape import NO_OBJECT, faults_of

CASES = params(all_cases())


@pytest.mark.parametrize("case", CASES)
def test_answer(case: Case) -> None:
    """A client of each dialect is told what was said, in the shape it came in."""
    wrong = []
    for client in CLIENTS:
        told = crossing.tell(client, case, stream=case.stream)
        hears = crossing.heard(client, told, stream=case.stream)
        found = [*agree(crossing.said(case), hears, client)]
        if case.stream:
            found += faults_of(client, told.body)
        lines = crossing.approved_answer(case, told, hears)
        golden = crossing.golden(client, case.protocol)["answers"]
        if lines != golden.get(key(case), []):
            found.append(f"not approved: {lines}")
        wrong += [f"{client}: {what}" for what in found]

    assert not wrong, wrong


def key(case: Case) -> str:
    return f"{case.name}.{case.framing}"


@pytest.mark.parametrize("case", CASES)
def test_other_shape(case: Case) -> None:
    """A stream that is told whole, and a whole answer that is streamed."""
    wrong = []
    for client in CLIENTS:
        told = crossing.tell(client, case, stream=not case.stream)
        if crossing.said(case).broken:
            hears = crossing.heard(client, told, stream=False)
        else:
            hears = crossing.heard(client, told, stream=not case.stream)
            if not case.stream:
                found = [w for w in faults_of(client, told.body) if w != NO_OBJECT]
                wrong += [f"{client}: {what}" for what in found]
        wrong += [f"{client}: {w}" for w in agree(crossing.said(case), hears, client)]

    assert not wrong, wrong


@pytest.mark.parametrize("case", params(case for case in all_cases() if case.stream))
def test_array(case: Case) -> None:
    """Gemini's clients may want an array, which is one even if it breaks off."""
    context = protocols.context("gemini", stream=True, framing="array")
    writer = protocols.front("gemini").writer(context)
    body = b"".join([writer.feed([event]) for event in protocols.events(case)])

    hears = crossing.heard("gemini", protocols.Heard(body, ()), stream=True)

    assert [*agree(crossing.said(case), hears, "gemini")] == []
    assert faults_of("gemini", body) == []
