"""The whole benchmark, small: processes, measurement, files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bench import canned
from bench.closed_loop import LoopConnection, LoopTally, checker
from bench.process import ROOT

if TYPE_CHECKING:
    from pathlib import Path

two_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="the benchmark needs two cores"
)


def run(folder: Path, *options: str) -> tuple[str, dict[str, Any]]:
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(folder)]
    done = subprocess.run(  # noqa: PLW1510
        [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=55
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.json")
    assert path.with_suffix(".png").stat().st_size > 10_000
    result: dict[str, Any] = json.loads(path.read_text())
    return done.stdout, result


@two_cores
def test_smoke(tmp_path: Path) -> None:
    """
    A run measures bare and gateway, judges, and writes what it says.

    The load generator compares every answer with what the upstream sends, byte for
    byte, and ends the run when one differs.
    """
    said, result = run(
        tmp_path, "--only", "request,unpaced", "--candidates", "bare,sluicegate"
    )

    assert result["left_out"] == {}
    assert set(result["records"]) == {"request", "unpaced"}
    for by_name in result["medians"].values():
        for record in (by_name["bare"], by_name["sluicegate"]):
            assert record["cpu_us"] > 0
            assert record["per_s"] > 10
            assert 0 < record["p50_ms"] <= record["p99_ms"]
    judged = {target["name"]: target["met"] for target in result["targets"]}
    assert judged["request: CPU, ratio to bare"] in {True, False}
    assert judged["start to first answer"] is None
    assert "| request: answers/s |" in said
    assert "targets:" in said


@two_cores
def test_streams_and_cancels(tmp_path: Path) -> None:
    """Open streams are all delivered, and a client's close reaches the upstream."""
    _, result = run(tmp_path, "--only", "paced,cancel", "--candidates", "bare")

    bare, direct = (result["records"]["paced"][name] for name in ("bare", "direct"))
    assert [record["delivered"] for record in bare + direct] == [1, 1]
    assert 0 < direct[0]["p50_ms"] < 20
    assert len(result["records"]["cancel"]["bare"]) == result["size"]["cancels"]


def test_altered_answer() -> None:
    """A proxy that loses a byte cannot win: the run stops and says what came."""
    tally = LoopTally()
    check = checker("burst 10", exact=True)
    connection = LoopConnection(b"", check, tally, reopen=lambda: None)
    connection._asked = 0.0
    connection.received(b"".join(canned.events(10))[1:])

    connection.finished()

    assert tally.stopped
    assert "expected 2" in str(tally.failure)


@pytest.mark.parametrize("script", ["whole", "burst 10"])
def test_strangers(script: str) -> None:
    """Other gateways may say it in their own words, but must say all of it."""
    check = checker(script, exact=False)

    assert check(b'{"reworded": 1}\n' if script == "whole" else canned.DONE) is None
    assert check(b'data: {"choi') is not None
