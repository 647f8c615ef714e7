"""The page about fidelity is what the probes say today, and they say it all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract import crossing
from tests.contract.cases import CLIENTS, UPSTREAMS
from tests.contract.fidelity import SAME, page, request_cell

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fidelity.md"

# What the others do anyway, so that leaving it out says the same.
SAYS_NOTHING = {
    ("tool choice: auto", "cohere"),
    ("tool choice: auto", "ollama"),
    ("no reasoning", "anthropic"),  # it thinks only if it is told to
    *(("a text in a block", upstream) for upstream in UPSTREAMS),
}


def test_up_to_date() -> None:
    """``python -m tests.contract.fidelity docs/fidelity.md`` changes nothing."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize("client", CLIENTS)
def test_nothing_silently_lost(client: str) -> None:
    """A probe that makes no difference upstream is a loss, and reported."""
    silent = [
        (probe.name, upstream)
        for probe in crossing.probes(client)[1:]
        for upstream in UPSTREAMS
        if upstream != client
        and (client, probe.name) != ("openai_responses", "storing")  # `store: false`
        and request_cell(client, probe.name, upstream).word == SAME
    ]

    assert [pair for pair in silent if pair not in SAYS_NOTHING] == []
