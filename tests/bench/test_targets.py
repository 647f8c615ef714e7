"""The verdicts: a miss is called a miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import report, tables
from bench.process import ROOT
from bench.targets import Target, judge

if TYPE_CHECKING:
    from bench.records import Record, Records


SIZE = {"streams": 1000, "many_streams": 5000, "idle_streams": 10_000}


def paced(cpu_us: float, delivered: float = 1.0, p50_ms: float = 0.2) -> Record:
    return {
        "cpu_us": cpu_us,
        "delivered": delivered,
        "p50_ms": p50_ms,
        "p99_ms": 1.0,
        "gateway_busy": 0.5,
    }


def verdicts(records: dict[str, Records]) -> dict[str, bool | None]:
    return {target.name: target.met for target in judge(records)}


def result(records: dict[str, Records], **more: object) -> report.Result:
    machine = {"processor": "P", "cores": 2, "kernel": "6", "python": "3.11"}
    return {
        "began": "2026-01-01",
        "machine": machine,
        "size": SIZE,
        "left_out": {},
        "failed": {},
        "records": records,
    } | more


def test_median_decides() -> None:
    """One disturbed round of three changes no verdict about CPU."""
    records = {
        "paced": {
            "nginx": [paced(15), paced(16), paced(40)],
            "sluicegate": [paced(27), paced(28), paced(90)],
        }
    }

    assert verdicts(records)["paced: CPU per event"] is True
    assert verdicts(records)["paced: CPU per event, ratio to nginx"] is True


def test_ratios_are_of_one_run() -> None:
    """A quick machine does not make up for a slow gateway."""
    records = {"paced": {"nginx": [paced(5)], "sluicegate": [paced(10)]}}

    assert verdicts(records)["paced: CPU per event"] is True
    assert verdicts(records)["paced: CPU per event, ratio to nginx"] is False


@pytest.mark.parametrize("scenario", ["paced", "many"])
def test_worst_round_decides_what_is_lost(scenario: str) -> None:
    """An event that was lost in one round is lost."""
    records = {scenario: {"sluicegate": [paced(1), paced(1, 0.999), paced(1)]}}

    assert verdicts(records)[f"{scenario}: share of events lost"] is False


def test_added_latency() -> None:
    """Latency is what the gateway adds to that of the machine."""
    records = {"paced": {"direct": [paced(0)], "sluicegate": [paced(1, p50_ms=0.35)]}}

    assert verdicts(records)["paced: added p50"] is True
    assert verdicts(records)["paced: added p99"] is True
    del records["paced"]["direct"]
    assert verdicts(records)["paced: added p50"] is None


def test_not_measured() -> None:
    """What was not measured is neither met nor missed."""
    assert set(verdicts({}).values()) == {None}


@pytest.mark.parametrize(
    ("value", "at_least", "said"),
    [(1.0, False, "met"), (1.1, False, "NOT MET"), (0.9, True, "NOT MET")],
)
def test_said(value: float, at_least: bool, said: str) -> None:
    """The limit itself is still met; a miss stands out."""
    assert str(Target("x", value, 1.0, at_least=at_least)).startswith(f"{said} ")


def test_doubts() -> None:
    """Disturbed and scattered rounds, failures and losses are named."""
    quiet, loud = {"cpu_us": 10.0, "others_busy": 0.0}, {"cpu_us": 12.0}
    records: dict[str, Records] = {
        "request": {"bare": [quiet, loud | {"others_busy": 0.5}]},
        "paced": {"rolter": [paced(1, 0.9)]},
        "memory": {"bare": [{"streams": 9900}]},
    }
    failed = {"cancel": {"portkey": "not in\n10 s"}}

    said = "\n".join(report.doubts(result(records, failed=failed)))

    assert "request: other processes used up to 50% of a core" in said
    assert "differ by 20%" in said
    assert "10.00% of the events were not delivered" in said
    assert "cancel, portkey: failed: not in 10 s" in said
    assert "memory, bare: 9,900 streams, not 10,000" in said


def test_table() -> None:
    """Each figure stands beside its ratios; what failed and what got lost shows."""
    records: dict[str, Records] = {
        "paced": {
            "nginx": [paced(10)],
            "bare": [paced(20)],
            "sluicegate": [paced(25)],
            "rolter": [paced(30, 0.9)],
        },
        "request": {"nginx": [paced(1)]},
    }

    table = tables.cpu(records, {"request": {"rolter": "500"}}, SIZE)

    assert "| request | 1,000 paced |" in table
    assert "| sluicegate |  | 25 (1.25; 2.50) |" in table
    assert "| rolter | failed | 30 (1.50; 3.00) † |" in table


def test_document() -> None:
    """Tables are put between the markers, again and again; the words stay."""
    text = "Words.\n<!-- bench: cpu -->\nold\n<!-- bench: end -->\nMore.\n"
    run = result({"paced": {"sluicegate": [paced(25)]}})

    once = report.fill_in(text, run)

    assert once.startswith("Words.\n<!-- bench: cpu -->\n| CPU")
    assert once.endswith("<!-- bench: end -->\nMore.\n")
    assert "old" not in once
    assert report.fill_in(once, run) == once


def test_unknown_marker() -> None:
    """A misspelt marker is told, rather than left empty."""
    text = "<!-- bench: cpus -->\n<!-- bench: end -->"

    with pytest.raises(report.ReportError, match="cpus"):
        report.fill_in(text, result({}))


def test_every_section_has_its_place() -> None:
    """The document of the repository takes all that a run has to say."""
    text = (ROOT / "docs" / "performance.md").read_text()

    for name in report.sections(result({})):
        assert f"<!-- bench: {name} -->" in text
