"""The whole benchmark, small: processes, measurement, files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

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
    A run measures the gateway by both paths, judges, and writes what it says.

    The load generator compares every answer with what the upstream sends, byte for
    byte, and fails the candidate when one differs.
    """
    said, result = run(
        tmp_path, "--only", "request", "--candidates", "sluicegate,sluicegate-aiohttp"
    )

    assert (result["left_out"], result["failed"]) == ({}, {})
    by_name = result["medians"]["request"]
    assert set(by_name) == {"sluicegate", "sluicegate-aiohttp"}
    for record in by_name.values():
        assert record["cpu_us"] > 0
        assert record["per_s"] > 10
        assert 0 < record["p50_ms"] <= record["p99_ms"]
    judged = {target["name"]: target["met"] for target in result["targets"]}
    assert judged["request: CPU"] in {True, False}
    assert judged["start to first answer"] is None
    assert "| sluicegate-aiohttp |" in said
    assert "not measured" in said


@two_cores
def test_streams_and_cancels(tmp_path: Path) -> None:
    """Open streams are all delivered, and a client's close reaches the upstream."""
    _, result = run(tmp_path, "--only", "paced,cancel", "--candidates", "bare")

    bare, direct = (result["records"]["paced"][name] for name in ("bare", "direct"))
    assert [record["delivered"] for record in bare + direct] == [1, 1]
    assert 0 < direct[0]["p50_ms"] < 20
    assert len(result["records"]["cancel"]["bare"]) == result["size"]["cancels"]
