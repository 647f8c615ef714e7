"""
Identity: what is read and written in one dialect is what it was.

Each protocol lists by name, with a reason, what may differ; a deviation that no
case needs is a mistake of its own.
"""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway.domain.errors import LLMProxyError
from tests.contract import crossing, protocols
from tests.contract.cases import CLIENTS, Asked, Case, params, recorded, written
from tests.contract.crossing import all_asked
from tests.contract.oracle.said import events as frames_of
from tests.contract.protocols import front, translator

if TYPE_CHECKING:
    from tests.contract.identity import Deviation

USED: set[tuple[str, str]] = set()


def deviations(protocol: str) -> dict[str, Deviation]:
    module = importlib.import_module(f"tests.contract.identity.{protocol}")
    found: dict[str, Deviation] = module.DEVIATIONS
    return found


def differs(protocol: str, kind: str, came: Any, went: Any) -> bool:
    """Say whether the two differ in more than a deviation allows; note its use."""
    if came == went:
        return False
    came, went = copy.deepcopy(came), copy.deepcopy(went)
    for name, deviation in deviations(protocol).items():
        if deviation.kind != kind:
            continue
        one = deviation.normalise(copy.deepcopy(came))
        other = deviation.normalise(copy.deepcopy(went))
        if (one, other) != (came, went):
            USED.add((protocol, name))
        came, went = one, other
        if came == went:
            return False
    return True


ASKED = [
    pytest.param(
        question,
        id=str(question),
        marks=[] if question in crossing.probes(client) else [pytest.mark.recordings],
    )
    for client in CLIENTS
    for question in all_asked(client)
]


@pytest.mark.parametrize("question", ASKED)
def test_request(question: Asked) -> None:
    """Front to domain to connector gives back the JSON that came."""
    request = protocols.read_asked(question)

    written_ = translator(question.protocol).write_request(request)

    came, went = json.loads(question.body), _again(written_.body)
    assert not differs(question.protocol, "request", came, went), _diff(came, went)
    assert written_.losses == ()


ANSWERS = [c for client in CLIENTS for c in (*written(client), *recorded(client))]


@pytest.mark.parametrize("case", params(c for c in ANSWERS if not c.stream))
def test_reply(case: Case) -> None:
    """Connector to domain to front gives back the whole answer."""
    if crossing.said(case).broken:
        return
    told = protocols.tell_whole(case.protocol, protocols.read_whole(case))

    came, went = json.loads(case.body), json.loads(told.body)
    assert not differs(case.protocol, "reply", came, went), _diff(came, went)
    assert told.losses == ()


@pytest.mark.parametrize("case", params(c for c in ANSWERS if c.stream))
def test_stream(case: Case) -> None:
    """Reader to writer gives back the frames, as JSON."""
    if crossing.said(case).broken:
        return
    told = protocols.tell_pieces(case.protocol, protocols.by_frame(case))

    came, went = _frames(case), _parsed(told.body)
    assert not differs(case.protocol, "stream", came, went), _diff(came, went)
    assert told.losses == ()


def _frames(case: Case) -> list[tuple[str, Any]]:
    if case.framing == "array":
        return [("", value) for value in json.loads(case.body)]
    return _parsed(case.body)


def _parsed(body: bytes) -> list[tuple[str, Any]]:
    return [(n, json.loads(d)) for n, d in frames_of(body) if d.strip() != "[DONE]"]


def _again(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _diff(came: Any, went: Any, path: str = "") -> list[str]:
    """Return the places that differ, the first few; never the values."""
    if type(came) is type(went) is dict:
        found = [f"{path}.{k}" for k in came.keys() ^ went.keys()]
        for key in came.keys() & went.keys():
            found += _diff(came[key], went[key], f"{path}.{key}")
        return found[:12]
    if type(came) is type(went) and isinstance(came, list | tuple):
        found = [] if len(came) == len(went) else [f"{path}: {len(came)}/{len(went)}"]
        for n, (one, other) in enumerate(zip(came, went, strict=False)):
            found += _diff(one, other, f"{path}[{n}]")
        return found[:12]
    return [] if came == went else [path]


@pytest.mark.recordings
def test_every_deviation_is_needed() -> None:
    """A deviation that no case uses is taken out of the list."""
    checks: list[tuple[Callable[[Any], None], Any]] = [
        *((test_request, q) for client in CLIENTS for q in all_asked(client)),
        *((test_stream if case.stream else test_reply, case) for case in ANSWERS),
    ]
    for check, case in checks:
        try:
            check(case)
        except (AssertionError, LLMProxyError):
            continue  # that is told by the check itself
    unused = [
        (protocol, name)
        for protocol in CLIENTS
        for name in deviations(protocol)
        if (protocol, name) not in USED
    ]

    assert unused == []
    assert front
