"""A run of pytest inside a test, and what failed in it."""

from __future__ import annotations

import io
from collections import defaultdict
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import structlog

ROOT = Path(__file__).resolve().parents[2]


class Listener:
    def __init__(self) -> None:
        self.failed: dict[str, set[str]] = defaultdict(set)
        self.played = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.played += report.when == "call"
        if report.failed:
            _, case, test = report.nodeid.split("::")
            self.failed[case].add(test.partition("[")[0])


def play(place: Path, module: str) -> Listener:
    """Return what becomes of the tests in *module*, by class: the names that fail."""
    # A module of the same name would be taken from the last run.
    (place / f"test_{place.name.replace('-', '_')}.py").write_text(module, "utf-8")
    listener = Listener()
    # Its tracebacks, which nobody reads here, take longer than the tests.
    structlog.configure(processors=[structlog.testing.LogCapture()])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        patch.chdir(place)
        options = ["-q", "-p", "gateway.testing", "-p", "no:cacheprovider"]
        options += ["-p", "no:cov", "-p", "no:xdist"]
        options += ["--tb=no", "--rootdir", ".", "--capture=no", "-W", "ignore"]
        options += ["--import-mode=importlib", "--show-capture=no", "."]
        with redirect_stdout(io.StringIO()):
            pytest.main(options, plugins=[listener])
    structlog.reset_defaults()
    return listener
