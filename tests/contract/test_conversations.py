"""
Conversations: what was answered comes back with the next question.

Each client keeps an answer as its SDK does, runs the tools, and asks on. The
upstream that gave the answer finds its own calls, with its own ids, in its rules.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.domain.loss import Grade
from gateway.domain.parts import Media
from gateway.wire.ids import is_made
from gateway.wire.json import encode
from tests.contract import crossing, protocols
from tests.contract.cases import CLIENTS, Asked, Case, all_cases, params
from tests.contract.clients import next_request
from tests.contract.oracle import Said, calls_of, words_of
from tests.contract.oracle.asked import broken_rules, calls_in
from tests.contract.oracle.said import unwrapped
from tests.contract.protocols import translator

SCRUBBED = b"call_REDACTED"  # no provider has such ids
CASES = [case for case in all_cases() if not crossing.said(case).broken]


@pytest.mark.parametrize("case", params(CASES))
def test_goes_on(case: Case) -> None:
    wrong = []
    for client in CLIENTS:
        told = crossing.tell(client, case, stream=case.stream)
        hears = crossing.heard(client, told, stream=case.stream)
        if not _goes_on(hears, told.body):
            continue
        body = encode(next_request(client, told.body, stream=case.stream))
        request = protocols.read_asked(Asked(client, case.name, body))
        written = translator(case.protocol).write_request(request)
        found = broken_rules(case.protocol, written.body)
        refused = [x.path for x in written.losses if x.grade is Grade.REFUSED]
        if refused and not _shows(case):
            found.append(f"refused: {refused}")
        calls = calls_of(crossing.said(case).choices[0])
        if unwrapped(calls_in(case.protocol, written.body)) != calls:
            found.append("the calls are others")
        if SCRUBBED not in case.body:
            found += [f"a strange id: {i}" for i in _ids(written.body) - _known(case)]
        wrong += [f"{client}: {what}" for what in found]

    assert not wrong, wrong


def _goes_on(hears: Said, body: bytes) -> bool:
    """Say whether there is something to go on from, in words that are not gone."""
    said = [choice for choice in hears.choices if words_of(choice) or choice.calls]
    return not hears.broken and hears.choices[0] in said and LEGACY not in body


LEGACY = b'"function_call":{'  # which no request of today can hold


def _shows(case: Case) -> bool:
    """Say whether a picture or a sound is in the answer: few take those back."""
    parts = crossing.reply_of(case).choices[0].parts
    return any(isinstance(part, Media) for part in parts)


def _ids(body: dict[str, Any]) -> set[str]:
    """Return the ids of calls, wherever a protocol has them."""
    return {
        value
        for name, value in _members(body)
        if name in ("call_id", "tool_call_id", "tool_use_id") and value
        if not is_made(value)
    }


def _known(case: Case) -> set[str]:
    text = case.body.decode("utf-8", "replace")
    return {part for part in text.split('"') if part}


def _members(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [member for inner in value for member in _members(inner)]
    if not isinstance(value, dict):
        return []
    own = [(k, v) for k, v in value.items() if isinstance(v, str)]
    return own + [member for inner in value.values() for member in _members(inner)]


def test_json_is_the_body() -> None:
    """`Rendered.json` and `Writer.result` are what the client got."""
    for case in CASES:
        if case.recording is not None:
            continue
        for client in CLIENTS:
            rendered = protocols.front(client).write_reply(
                crossing.reply_of(case), protocols.context(client)
            )
            assert json.loads(encode(rendered.json)) == json.loads(rendered.body)
