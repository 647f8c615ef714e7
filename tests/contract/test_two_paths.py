"""
Two paths, one ledger: an answer that passes and the same answer written anew.

Between ends of one dialect the gateway may take either; what an operator reads of
it must not depend on which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.domain.errors import BackendError
from gateway.fronts.base import Ask
from gateway.ledger import Ledger, Outcome
from gateway.passthrough import Passthrough
from gateway.rendering import Decoded, Rendering
from tests.contract import cases, protocols
from tests.contract.cases import CLIENTS, Case
from tests.streams import cuts, random_cuts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.passthrough import Passthrough as Relay


def ledger(case: Case) -> Ledger:
    return Ledger("req_1", case.protocol, "chat")


def written(case: Case) -> Ledger:
    """Return the account of who reads every event, and writes it anew."""
    front = protocols.front(case.protocol)
    context = protocols.context(case.protocol, stream=True, framing=case.framing)
    reader = protocols.translator(case.protocol).reader()
    source = Decoded(protocols.framer(case), reader)
    relay = Rendering(ledger(case), source, front.writer(context))
    relay.feed(case.body)
    relay.eof()
    return relay.ledger


def passed(case: Case, pieces: Iterable[bytes], choices: int) -> Ledger:
    """Return the account of who glances at what passes."""
    framing: Any = case.framing
    ask = Ask("m", stream=True, choices=choices, framing=framing)
    relay: Relay = Passthrough(ledger(case), protocols.front(case.protocol), ask)
    for piece in pieces:
        relay.feed(piece)
    relay.eof()
    return relay.ledger


def noted(account: Ledger) -> dict[str, Any]:
    """Return what is logged; of finish reasons that is the provider's own word."""
    ends = account.finish.items()
    return {
        "usage": account.usage,
        "id": account.upstream_id or None,
        "model": account.upstream_model or None,
        "outcome": account.outcome,
        "finish": {n: finish.raw for n, finish in ends if finish.raw},
    }


def agreeing(account: Ledger) -> dict[str, Any]:
    """
    Return what must agree.

    A frame that cannot be read passes, and who reads it stops there: what comes
    behind it is known to one of them only. A finish reason that an error took back
    is none to who reads, and a name that comes late finds a head that is written.
    """
    if account.error_code == "upstream_malformed":
        assert account.outcome is Outcome.UPSTREAM_FAILED
        return {}
    found = noted(account)
    if account.outcome is Outcome.UPSTREAM_FAILED:
        found.pop("finish")
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize("case", cases.params(cases.streams(*CLIENTS)))
def test_streams(case: Case) -> None:
    expected = agreeing(written(case))
    choices = max(1, len(expected.get("finish", ())))
    body = case.body

    for pieces in (
        [body],
        cuts(body, 1),
        cuts(body, 7),
        cuts(body, 4096),
        random_cuts(body, 11),
    ):
        account = noted(passed(case, pieces, choices))
        assert {name: account[name] for name in expected} == expected


@pytest.mark.parametrize(
    "case", cases.params(c for c in cases.all_cases(*CLIENTS) if not c.stream)
)
def test_whole_answers(case: Case) -> None:
    account = ledger(case)
    seen = protocols.front(case.protocol).watching.look(case.body, "")
    account.saw(seen)

    read = ledger(case)
    try:
        reply = protocols.read_whole(case)
    except BackendError:
        assert seen.fault is not None
        return
    read.saw_reply(reply)

    assert seen.fault is None
    assert noted(account) == noted(read)
