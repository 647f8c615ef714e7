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

from tests import groups, recordings
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


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put the tests of real processes last; see `tests.groups`."""
    items.sort(key=lambda item: groups.order(item.path.relative_to(config.rootpath)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep groups together, for ``pytest -n 2``."""
    return groups.scheduler(config, log)


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
