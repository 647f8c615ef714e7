"""
Candidates take turns, A B C, A B C, so that a slow minute of the machine hits all.

One that cannot do what is measured is left out of the rest, with the reason; the run
goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from bench.process import BenchError
from bench.records import NOISY, Record, Records

if TYPE_CHECKING:
    from bench.stage import Bench, Stage

Measure: TypeAlias = "Callable[[Stage], Record]"
Turn: TypeAlias = "Callable[[], Record]"


@frozen
class Outcome:
    """
    Attributes:
        records: ``{candidate: [record, one a round]}``.
        failed: by candidate, why it did not do what was asked.
    """

    records: Records = field(factory=dict)
    failed: dict[str, str] = field(factory=dict)


def in_turns(
    bench: Bench, names: list[str], measure: Measure, rounds: int, *, tls: bool = False
) -> Outcome:
    """Measure each of *names* in each round."""
    turns = {name: turn(bench, name, measure, tls=tls) for name in names}
    return take_turns(bench, turns, rounds)


def turn(bench: Bench, name: str, measure: Measure, *, tls: bool = False) -> Turn:
    """Return what measures the candidate *name* once, with processes of its own."""

    def once() -> Record:
        with bench.stage(name, tls=tls) as stage:
            return measure(stage)

    return partial(quietest, bench.size.tries, once)


def take_turns(bench: Bench, turns: Mapping[str, Turn], rounds: int) -> Outcome:
    outcome = Outcome()
    for number in range(1, rounds + 1):
        for name, once in turns.items():
            if name in outcome.failed:
                continue
            try:
                record = once()
            except (BenchError, OSError) as exc:
                outcome.failed[name] = str(exc)
                bench.say(f"round {number}: {name}: {exc}")
                continue
            outcome.records.setdefault(name, []).append(record)
            bench.say(f"round {number}: {name}: {shown(record)}")
    return outcome


def shown(record: Record) -> str:
    return ", ".join(f"{key} {value:.4g}" for key, value in record.items())


def quietest(tries: int, once: Callable[[], Record]) -> Record:
    """
    Measure again, up to *tries* times, while other processes use the cores.

    What decides is their CPU, never the result.
    """
    records: list[Record] = []
    for _ in range(tries):
        records.append(once())
        if records[-1].get("others_busy", 0.0) <= NOISY:
            break
    return min(records, key=lambda record: record.get("others_busy", 0.0))


def busy(result: dict[str, Any]) -> Record:
    """Return shares of a core; ``others`` is what the machine did beside the run."""
    cpu, seconds = result["cpu"], result["seconds"]
    others = cpu["machine"] - cpu["gateway"] - cpu["upstream"] - cpu["load"]
    return {
        "gateway_busy": cpu["gateway"] / seconds,
        "load_busy": (cpu["upstream"] + cpu["load"]) / seconds,
        "others_busy": max(0.0, others / seconds),
    }
