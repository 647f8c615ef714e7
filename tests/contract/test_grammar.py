"""Grammar: every reader's events are in legal order, however the stream is cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.domain import grammar
from gateway.domain.errors import BackendError
from gateway.domain.events import Fault, ReplyEnd
from gateway.domain.fold import unfold
from tests.contract import crossing, protocols
from tests.contract.cases import (
    UPSTREAMS,
    WRITTEN,
    Case,
    all_cases,
    params,
    streams,
    written,
)
from tests.contract.typed import mistyped
from tests.streams import random_cuts

SEEDS = (1, 2)


@pytest.mark.parametrize("case", params(streams()))
def test_stream(case: Case) -> None:
    """The cuts change nothing, and the last word is true."""
    events = protocols.events(case)

    grammar.check(events)
    assert mistyped(events) == []
    assert isinstance(events[-1], Fault) == crossing.said(case).broken
    for size in (1, 7, 4096):
        assert _alike(protocols.events(case, size)) == _alike(events)
    for seed in SEEDS:
        pieces = random_cuts(case.body, seed)
        found = [e for batch in protocols.batches(case, pieces) for e in batch]
        assert _alike(found) == _alike(events)


def _alike(events: Sequence[object]) -> list[object]:
    """Return what can be compared: errors have no equality."""
    return [(e.error.code, str(e.error)) if isinstance(e, Fault) else e for e in events]


@pytest.mark.parametrize("case", params(c for c in all_cases() if not c.stream))
def test_whole(case: Case) -> None:
    """A whole answer unfolds into legal events; one that is an error raises."""
    if crossing.said(case).broken:
        with pytest.raises(BackendError):
            protocols.read_whole(case)
        return

    events = list(unfold(protocols.read_whole(case)))

    grammar.check(events)
    assert isinstance(events[-1], ReplyEnd)


def test_every_written_case_has_a_source() -> None:
    """``SOURCES.md`` says after which page each was written."""
    text = (WRITTEN / "SOURCES.md").read_text("utf-8")
    missing = [
        str(case)
        for upstream in UPSTREAMS
        for case in written(upstream)
        if f"`{case.name}`" not in _section(text, upstream)
    ]

    assert missing == []
    assert all(len(written(upstream)) >= 10 for upstream in UPSTREAMS)


def _section(text: str, protocol: str) -> str:
    return text.partition(f"## `{protocol}/`")[2].partition("\n## ")[0]
