"""Each test of the contracts notices the mistake that it is about, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.testing import BackendContract, ConnectorContract
from tests.plugins.declarations import DECLARATIONS
from tests.plugins.mistakes import MISTAKES
from tests.plugins.playing import play

if TYPE_CHECKING:
    from tests.plugins.playing import Listener

MODULE = """
from tests.plugins import declarations, mistakes

for backend in mistakes.MISTAKES:
    globals()[f"Test{backend.__name__}"] = mistakes.contract(backend)
for name in declarations.DECLARATIONS:
    globals()[f"Test_{name}"] = declarations.contract(name)
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Listener:
    """What fails of each, all played in one run of pytest."""
    return play(tmp_path_factory.mktemp("contracts"), MODULE)


def test_all_were_played(played: Listener) -> None:
    """What is not played does not fail either."""
    assert played.played > len(MISTAKES) * 40 + len(DECLARATIONS) * 12


@pytest.mark.parametrize("backend", MISTAKES, ids=lambda backend: backend.__name__)
def test_mistake(played: Listener, backend: type) -> None:
    assert played.failed.get(f"Test{backend.__name__}", set()) == MISTAKES[backend]


@pytest.mark.parametrize("name", DECLARATIONS)
def test_wrong_declaration(played: Listener, name: str) -> None:
    assert played.failed.get(f"Test_{name}", set()) == DECLARATIONS[name][1]


@pytest.mark.parametrize(
    ("contract", "noticed"),
    [
        (BackendContract, MISTAKES.values()),
        (ConnectorContract, [tests for _, tests in DECLARATIONS.values()]),
    ],
    ids=["backend", "connector"],
)
def test_every_test_can_fail(contract: type, noticed: list[set[str]]) -> None:
    """None of them is there for nothing."""
    tests = {name for name in dir(contract) if name.startswith("test_")}

    assert tests == set().union(*noticed)
