"""Matrix: what any client asks, any upstream is asked, or a loss says why not."""

from __future__ import annotations

import json
import re

import pytest

from gateway.domain.loss import Grade
from tests.contract import crossing, protocols
from tests.contract.cases import CLIENTS, UPSTREAMS, Asked, asked
from tests.contract.crossing import all_asked
from tests.contract.oracle.asked import all_texts, broken_rules, calls_in, texts_in
from tests.contract.oracle.said import unwrapped
from tests.contract.probes import PLAIN
from tests.contract.protocols import translator

RECORDED = [
    pytest.param(question, id=str(question), marks=pytest.mark.recordings)
    for client in CLIENTS
    for question in asked(client)
]
PROBES = [
    pytest.param(question, id=str(question))
    for client in CLIENTS
    for question in crossing.probes(client)
]


@pytest.mark.parametrize("question", [*PROBES, *RECORDED])
def test_request(question: Asked) -> None:
    """Every connector can say it or tells what it cannot say, as approved."""
    request = protocols.read_asked(question)
    wrong = []
    for upstream in UPSTREAMS:
        written = translator(upstream).write_request(request)
        json.dumps(written.body)
        lines = crossing.listed(written.losses)
        golden = crossing.golden(question.protocol, upstream)["requests"]
        if lines != golden.get(question.name, []):
            wrong.append(f"{upstream}: not approved: {lines}")

    assert not wrong, wrong


@pytest.mark.parametrize("question", [*PROBES, *RECORDED])
def test_conversation_arrives(question: Asked) -> None:
    """Every text is there, unless a loss speaks of its part; and every call."""
    request = protocols.read_asked(question)
    asked_ = json.loads(question.body)
    calls = calls_in(question.protocol, asked_)
    wrong = []
    for upstream in UPSTREAMS:
        written = translator(upstream).write_request(request)
        if any(loss.grade is Grade.REFUSED for loss in written.losses):
            continue
        sent = [*all_texts(written.body)]
        missing = [t for t in texts_in(asked_) if not any(t in text for text in sent)]
        spoken = [loss for loss in written.losses if _PART.fullmatch(loss.path)]
        if len(missing) > len(spoken):
            wrong.append(f"{upstream}: {len(missing)} texts, {len(spoken)} losses")
        arrived = calls_in(upstream, written.body)
        if unwrapped(arrived) != unwrapped(calls):
            wrong.append(f"{upstream}: {len(calls)} calls became {len(arrived)} others")

    assert not wrong, wrong


_PART = re.compile(r"turns\[[0-9]+\]\.parts\[[0-9]+\]")


@pytest.mark.parametrize("question", [*PROBES, *RECORDED])
def test_rules_are_kept(question: Asked) -> None:
    """What is sent in other words is what its provider takes."""
    request = protocols.read_asked(question)
    own = broken_rules(question.protocol, json.loads(question.body))
    wrong = []
    for upstream in UPSTREAMS:
        written = translator(upstream).write_request(request)
        refused = any(loss.grade is Grade.REFUSED for loss in written.losses)
        if upstream != question.protocol and not refused and not own:
            found = broken_rules(upstream, written.body)
            wrong += [f"{upstream}: {what}" for what in found]

    assert not wrong, wrong


def test_every_approval_is_of_a_case() -> None:
    """The approved lists speak of nothing that is gone."""
    gone = []
    for client in CLIENTS:
        names = {question.name for question in all_asked(client)}
        for upstream in UPSTREAMS:
            known = crossing.golden(client, upstream)["requests"]
            gone += [f"{client}-{upstream}: {n}" for n in known if n not in names]

    assert PLAIN
    assert gone == [] or not asked("openai_chat")
