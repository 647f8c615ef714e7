"""The verdicts: a miss is called a miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import report
from bench.targets import Target, judge

if TYPE_CHECKING:
    from bench.records import Record, Records


def paced(cpu_us: float, delivered: float = 1.0) -> Record:
    return {"cpu_us": cpu_us, "delivered": delivered, "p50_ms": 0.5, "p99_ms": 1.0}


def verdicts(records: dict[str, Records]) -> dict[str, bool | None]:
    return {target.name: target.met for target in judge(records)}


def test_median_decides() -> None:
    """One disturbed round of three changes no verdict about CPU."""
    records = {
        "paced": {
            "bare": [paced(30), paced(31), paced(90)],
            "sluicegate": [paced(33), paced(34), paced(90)],
        }
    }

    assert verdicts(records)["paced: CPU per event, ratio to bare"] is True


def test_worst_round_decides_what_is_lost() -> None:
    """An event that was lost in one round is lost."""
    records = {"paced": {"sluicegate": [paced(1), paced(1, 0.999), paced(1)]}}

    assert verdicts(records)["paced: share of events lost"] is False


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
    """Disturbed and scattered rounds are named beside the table."""
    quiet, loud = {"cpu_us": 10.0, "others_busy": 0.0}, {"cpu_us": 12.0}
    records = {"request": {"bare": [quiet, loud | {"others_busy": 0.5}]}}

    said = "\n".join(report.doubts(records))

    assert "up to 50% of a core" in said
    assert "differ by 20%" in said
