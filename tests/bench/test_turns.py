"""Who takes part: a candidate that fails stops nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import __main__ as bench
from bench.descriptors import most_streams
from bench.peers import PEERS
from bench.process import BenchError
from bench.stage import QUICK, Bench
from bench.turns import Outcome, quietest, take_turns

if TYPE_CHECKING:
    from pathlib import Path

    from bench.records import Record

RUN = Bench(QUICK, [], 0, 1, lambda text: None)


def test_failure() -> None:
    """It is named with its reason, is not asked again, and keeps its rounds."""
    asked = []

    def broken() -> Record:
        asked.append("broken")
        if len(asked) > 2:
            raise BenchError("connection lost")
        return {"cpu_us": 1.0}

    def sound() -> Record:
        asked.append("sound")
        return {"cpu_us": 2.0}

    outcome = take_turns(RUN, {"broken": broken, "sound": sound}, rounds=3)

    assert outcome.failed == {"broken": "connection lost"}
    assert [len(rounds) for rounds in outcome.records.values()] == [1, 3]
    assert asked == ["broken", "sound", "broken", "sound", "sound"]


def test_quietest() -> None:
    """What others disturbed is measured again; they decide, not the result."""
    records = iter(
        [
            {"cpu_us": 1.0, "others_busy": 0.5},
            {"cpu_us": 3.0, "others_busy": 0.2},
            {"cpu_us": 2.0, "others_busy": 0.3},
        ]
    )

    assert quietest(3, lambda: next(records))["cpu_us"] == 3.0


@pytest.mark.parametrize(
    ("failed", "ours"),
    [
        ({"sluicegate": "x"}, True),
        ({"chat->anthropic sluicegate": "x"}, True),
        ({"rolter": "x"}, False),
        ({"chat->anthropic litellm": "x"}, False),
    ],
)
def test_whose_fault(failed: dict[str, str], ours: bool) -> None:
    """A peer that cannot do something is no failure of the run; we are."""
    outcomes = {"request": Outcome(failed=failed)}

    assert any(bench._own_faults({}, outcomes)) is ours


def test_missing_peers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A peer is looked for on the path only, and a namesake is not taken for it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    namesake = tmp_path / "gateway"
    namesake.write_text("#!/bin/sh\n")
    namesake.chmod(0o755)

    for peer in PEERS.values():
        assert peer.missing is not None
        assert peer.install in peer.missing


def test_most_streams() -> None:
    """Where descriptors are few there are fewer streams, not a failure."""
    assert most_streams(1_000_000, 10_000) == 10_000
    assert most_streams(20_000, 10_000) == 9900
