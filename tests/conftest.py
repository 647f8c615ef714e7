"""
What a machine lacks costs tests, and the last lines of a run say which.

With ``SLUICEGATE_REQUIRE_ALL=1`` nothing may be left out: a missing program, a
missing package or unused recordings fail the run instead.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import hypothesis
import pytest
import pytest_asyncio

from tests import recordings
from tests.process import config_for, gateway
from tests.stage import Stage
from tests.upstream import Upstream

DESCRIPTORS = 8192
REQUIRE_ALL = os.environ.get("SLUICEGATE_REQUIRE_ALL") == "1"
LEFT_OUT: pytest.StashKey[Counter[str]] = pytest.StashKey()
FIGURES: pytest.StashKey[list[str]] = pytest.StashKey()


# A busy machine is no reason to doubt a property.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")


# Tests of real processes wait more than they compute, and some hold a clock to what
# happens: those of one group run one after the other, and all of them after the
# tests that keep a core busy. A test in none of these is grouped by its file.
GROUPS = {
    # It plays local servers at their usual ports, where starts without a file look;
    # those of e2e are such.
    "tests/process_level/test_without_config": "programs",
    "tests/faults/": "faults",
    "tests/process_level/": "faults",
    "tests/bench/": "programs",
    "tests/e2e/": "programs",
    "tests/llama/": "programs",
    "tests/nginx/": "programs",
    "tests/sdk/": "programs",
    "tests/contract/test_relay_process": "programs",
    "tests/contract/test_translated": "programs",
    "tests/contract/test_doors_process": "programs",
}


def group_of(path: str) -> str:
    """Return the group of the test file at *path*, relative to the project."""
    found = (group for start, group in GROUPS.items() if path.startswith(start))
    return next(found, path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Say what may run at the same time, for ``pytest -n 2 --dist loadgroup``."""
    groups = {}
    for item in items:
        path = item.path.relative_to(config.rootpath).as_posix()
        groups[item] = group_of(path)
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    late = [*dict.fromkeys(GROUPS.values())]
    items.sort(key=lambda item: groups[item] in late and late.index(groups[item]) + 1)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()
    config.stash[FIGURES] = []
    # A thousand callers and their upstreams are two thousand sockets of ours.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [*_missing_programs(item), *_missing_recordings(item)]
    if not missing:
        return
    item.config.stash[LEFT_OUT].update(missing)
    reason = "missing: " + ", ".join(missing)
    if REQUIRE_ALL:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _missing_programs(item: pytest.Item) -> list[str]:
    needed = [name for mark in item.iter_markers("needs") for name in mark.args]
    return [name for name in needed if not _is_there(name)]


def _missing_recordings(item: pytest.Item) -> list[str]:
    wanted = item.get_closest_marker("recordings") is not None
    return ["recordings"] if wanted and not recordings.available() else []


def _is_there(name: str) -> bool:
    """*name* is a program, or ``python:PACKAGE``."""
    kind, _, package = name.rpartition(":")
    if kind == "python":
        return importlib.util.find_spec(package) is not None
    return shutil.which(name) is not None


@pytest.fixture(scope="session")
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Put one measured line under the results of the run."""
    figures: Callable[[str], None] = request.config.stash[FIGURES].append
    return figures


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """
    One real gateway before one scripted upstream, for all tests of a module.

    The module's ``STAGE`` holds what `config_for` is given beside the URL. The
    tests must run in the module's loop: ``asyncio(loop_scope="module")``.
    """
    settings = getattr(request.module, "STAGE", {})
    async with (
        Upstream() as upstream,
        gateway(config_for(upstream.url, **settings)) as running,
    ):
        yield Stage(upstream, running)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Being asked for everything and using no recording is a failed run."""
    config = session.config
    left_out: Counter[str] = config.stash[LEFT_OUT]
    if hasattr(config, "workeroutput"):
        config.workeroutput["told"] = {
            "used": sorted(recordings.USED),
            "left_out": dict(left_out),
            "figures": config.stash[FIGURES],
        }
    elif REQUIRE_ALL and not (config.option.collectonly or recordings.USED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what one of several processes has noted."""
    told = getattr(node, "workeroutput", {}).get("told")
    if told is not None:
        recordings.USED.update(told["used"])
        stash: pytest.Stash = node.config.stash
        stash[LEFT_OUT] += Counter(told["left_out"])
        stash[FIGURES] += told["figures"]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    write = terminalreporter.write_line
    for line in config.stash[FIGURES]:
        write(f"measured: {line}")
    for name, tests in sorted(config.stash[LEFT_OUT].items()):
        plural = "test" if tests == 1 else "tests"
        write(f"left out for want of {name}: {tests} {plural}", yellow=True)
    write(f"recordings: {len(recordings.USED)} files used")
    if REQUIRE_ALL and not recordings.USED:
        write("SLUICEGATE_REQUIRE_ALL=1, and no recording was used", red=True)
