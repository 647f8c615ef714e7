"""
What may run at the same time, where the tests run in several processes.

Tests of real processes wait more than they compute, and some hold a clock to what
happens: those of one group run one after the other, and all of them after the
tests that keep a core busy. Of the others, each file is a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import PurePath

GROUPS = {
    # They play local servers at their usual ports, where starts without a file look.
    "tests/process_level/test_without_config": "programs",
    "tests/process_level/test_command_line": "programs",
    "tests/process_level/test_profile": "programs",
    "tests/process_level/test_secrets": "programs",
    "tests/process_level/test_start": "programs",
    "tests/process_level/test_tail": "programs",
    "tests/bench/": "programs",
    "tests/e2e/": "programs",
    "tests/llama/": "programs",
    "tests/nginx/": "programs",
    "tests/plugins/test_examples": "programs",
    "tests/plugins/test_start": "programs",
    "tests/sdk/": "programs",
    "tests/faults/": "faults",
    "tests/lane/": "faults",
    "tests/contract/test_translated_clocks": "faults",
    "tests/guide/": "programs",
    "tests/bedrock/": "faults",
    "tests/clouds/": "faults",
    "tests/contract/test_doors_process": "programs",
    "tests/contract/test_relay_process": "programs",
    "tests/contract/test_translated": "programs",
    "tests/oauth/": "programs",
    "tests/process_level/": "faults",
}
_LATE = [*dict.fromkeys(GROUPS.values())]


def group_of(path: str) -> str:
    """Return the group of the test file at *path*, relative to the project."""
    found = (group for start, group in GROUPS.items() if path.startswith(start))
    return next(found, path)


def order(path: PurePath) -> int:
    group = group_of(path.as_posix())
    return _LATE.index(group) + 1 if group in _LATE else 0


def scheduler(config: Any, log: Any) -> Any:
    """Return what deals the groups out to the processes, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.partition("::")[0])

    return Scheduling(config, log)
