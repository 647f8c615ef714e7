"""The numbers that were promised, each with what was measured."""

from __future__ import annotations

from attrs import frozen

from bench.candidates import BARE, GATEWAY
from bench.frames import PASSTHROUGH, TRANSLATED
from bench.records import Record, Records, median


@frozen
class Target:
    """
    Attributes:
        value: what was measured, ``None`` if it was not.
        at_least: *limit* is the least instead of the most.
    """

    name: str
    value: float | None
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        if self.at_least:
            return self.value >= self.limit
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[self.met]
        sign = ">=" if self.at_least else "<="
        value = "-" if self.value is None else f"{self.value:.3g}"
        return f"{verdict:12} {self.name}: {value} {sign} {self.limit:g} {self.unit}"


def judge(records: dict[str, Records]) -> list[Target]:
    """Compare the medians with the targets, in the order of the issue."""
    return [
        Target("request: CPU, ratio to bare", _ratio(records, "request"), 1.35),
        Target("paced: CPU per event, ratio to bare", _ratio(records, "paced"), 1.2),
        Target("paced: share of events lost", _lost(records), 0.0),
        Target("paced: latency p50 above bare's", _above(records, "p50_ms"), 1.0, "ms"),
        Target(
            "unpaced: CPU per event, ratio to bare", _ratio(records, "unpaced"), 1.4
        ),
        *(
            Target(
                f"translated paced {name}: CPU per event, ratio to passthrough",
                translation_ratio(records, name),
                1.25,
            )
            for name in TRANSLATED
        ),
        *(
            Target(
                f"translation in memory, {name}: per frame",
                _value(records, "frames", name, "frame_us"),
                8.0,
                "us",
            )
            for name in TRANSLATED
        ),
        Target("idle memory, RSS", _own(records, "memory", "idle_mb"), 60, "MB"),
        Target(
            "memory per open stream", _own(records, "memory", "stream_kb"), 40, "kB"
        ),
        Target("start to first answer", _own(records, "start", "start_s"), 0.6, "s"),
        Target("slowest cancel", _slowest_cancel(records), 50, "ms"),
        *(
            Target(
                f"two workers against one, {scenario}",
                scaling(records, scenario),
                1.7,
                at_least=True,
            )
            for scenario in ("request", "unpaced")
        ),
    ]


def translation_ratio(records: dict[str, Records], name: str) -> float | None:
    """Return the CPU of a translated event over that of one passed on as it is."""
    own = _value(records, "translated", name, "cpu_us")
    passed = _value(records, "translated", PASSTHROUGH, "cpu_us")
    return own / passed if own and passed else None


def scaling(records: dict[str, Records], scenario: str) -> float | None:
    one = _find(records, "workers", f"{scenario} 1")
    two = _find(records, "workers", f"{scenario} 2")
    return two["per_s"] / one["per_s"] if one and two else None


def _find(records: dict[str, Records], scenario: str, name: str) -> Record | None:
    found = records.get(scenario, {}).get(name)
    return median(found) if found else None


def _value(
    records: dict[str, Records], scenario: str, name: str, key: str
) -> float | None:
    found = _find(records, scenario, name)
    return found[key] if found else None


def _own(records: dict[str, Records], scenario: str, key: str) -> float | None:
    return _value(records, scenario, GATEWAY, key)


def _ratio(records: dict[str, Records], scenario: str) -> float | None:
    own, bare = (_find(records, scenario, name) for name in (GATEWAY, BARE))
    return own["cpu_us"] / bare["cpu_us"] if own and bare else None


def _above(records: dict[str, Records], key: str) -> float | None:
    own, bare = (_find(records, "paced", name) for name in (GATEWAY, BARE))
    return own[key] - bare[key] if own and bare else None


def _lost(records: dict[str, Records]) -> float | None:
    """Return the worst round's: an event that is lost in one round is lost."""
    rounds = records.get("paced", {}).get(GATEWAY)
    return 1 - min(record["delivered"] for record in rounds) if rounds else None


def _slowest_cancel(records: dict[str, Records]) -> float | None:
    streams = records.get("cancel", {}).get(GATEWAY)
    return max(record["cancel_ms"] for record in streams) if streams else None
