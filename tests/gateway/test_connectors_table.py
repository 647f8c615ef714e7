"""``sluicegate connectors``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import gateway
from gateway.cli import main
from tests.plugins.installed import plugin

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MODULE = """
from attrs import evolve
from connectors.anthropic import ANTHROPIC
from connectors.demo import DEMO

ACME = evolve(ANTHROPIC, name="acme")
def other():
    return evolve(DEMO(), compatibility=type(DEMO().compatibility)("99.0"))
"""
POINTS = (
    "acme = acme_plugin:ACME",
    "alias = acme_plugin:ACME",
    "other = acme_plugin:other",
    "demo = acme_plugin:ACME",
)


def test_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All there are, aligned, whether they work or not."""
    with plugin(tmp_path, monkeypatch, MODULE, *POINTS):
        code = main(["connectors"])

    said = capsys.readouterr()
    head, *lines = said.out.splitlines()
    assert code == 0
    assert said.err == ""
    assert head.split() == [
        *("NAME", "ORIGIN", "PACKAGE", "KIND", "DIALECTS", "STATE"),
    ]
    rows = [line[: head.index("ORIGIN")].strip() for line in lines]
    assert rows == sorted(rows)
    at = head.index("STATE")
    states = {
        (line.split()[0], line.split()[1]): line[at:]
        for line in lines
        if line[at - 1] == " "
    }
    assert len(states) == len(lines)
    assert states["acme", "plugin"] == "ok"
    assert states["alias", "plugin"].startswith("ok: its entry point is called 'alias'")
    assert states["demo", "built-in"] == "ok"
    assert states["demo", "plugin"].startswith(
        f"broken: acme-plugin 1.0 (acme_plugin:ACME): the name is taken by"
        f" sluicegate {gateway.__version__}"
    )
    assert "sluicegate 99.0 or newer" in states["other", "plugin"]
    assert "install a release of sluicegate that is" in states["other", "plugin"]


def test_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For programs, and with all that is known."""
    with plugin(tmp_path, monkeypatch, MODULE, *POINTS):
        code = main(["connectors", "--json"])

    rows = {
        (row["name"], row["origin"]): row for row in json.loads(capsys.readouterr().out)
    }
    assert code == 0
    assert rows["acme", "plugin"] == {
        "name": "acme",
        "origin": "plugin",
        "package": "acme-plugin",
        "version": "1.0",
        "entry_point": "acme_plugin:ACME",
        "kind": "declared",
        "dialects": ["anthropic"],
        "state": "ok",
        "reason": None,
    }
    assert rows["demo", "built-in"]["kind"] == "backend"
    assert rows["demo", "built-in"]["package"] == "sluicegate"
    broken = rows["other", "plugin"]
    assert (broken["state"], broken["kind"], broken["dialects"]) == ("broken", None, [])
    assert "99.0" in broken["reason"]
