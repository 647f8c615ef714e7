"""The numbers that were promised, each with what was measured."""

from __future__ import annotations

from attrs import frozen

from bench.candidates import DIRECT, GATEWAY, NGINX
from bench.pairs import PASSTHROUGH
from bench.records import Record, Records, median

_BACK_AND_FORTH = ("chat->anthropic", "anthropic->chat")


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

    @property
    def shown(self) -> str:
        value = "-" if self.value is None else f"{self.value:.3g}"
        sign = ">=" if self.at_least else "<="
        return f"{value} {sign} {self.limit:g} {self.unit}".rstrip()

    def __str__(self) -> str:
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[self.met]
        return f"{verdict:12} {self.name}: {self.shown}"


def judge(records: dict[str, Records]) -> list[Target]:
    """Compare the medians with the targets, in the order of the issue."""
    return [
        Target("request: CPU", _own(records, "request", "cpu_us"), 60, "us"),
        Target("request: CPU, ratio to rolter", ratio(records, "request", "rolter"), 1),
        Target("paced: CPU per event", _own(records, "paced", "cpu_us"), 30, "us"),
        Target(
            "paced: CPU per event, ratio to nginx", ratio(records, "paced", NGINX), 1.8
        ),
        Target("unpaced: CPU per event", _own(records, "unpaced", "cpu_us"), 5, "us"),
        *(
            Target(
                f"translated unpaced {pair}: CPU per event",
                _value(records, "translated_unpaced", f"{pair} {GATEWAY}", "cpu_us"),
                7.5,
                "us",
            )
            for pair in _BACK_AND_FORTH
        ),
        Target("paced: added p50", added(records, "paced", "p50_ms"), 0.2, "ms"),
        Target("paced: added p99", added(records, "paced", "p99_ms"), 2, "ms"),
        Target("paced: share of events lost", _lost(records, "paced"), 0),
        Target("many: share of events lost", _lost(records, "many"), 0),
        Target(
            "memory per open stream", _own(records, "memory", "stream_kb"), 18, "kB"
        ),
        Target("idle memory, RSS", _own(records, "memory", "idle_mb"), 50, "MB"),
        Target("cancel, median", _own(records, "cancel", "cancel_ms"), 1, "ms"),
        *(
            Target(
                f"two workers against one, {scenario}",
                scaled(records, scenario),
                1.8,
                at_least=True,
            )
            for scenario in ("request", "unpaced")
        ),
        Target("start to first answer", _own(records, "start", "start_s"), 0.35, "s"),
    ]


def ratio(
    records: dict[str, Records], scenario: str, base: str, name: str = GATEWAY
) -> float | None:
    """Return *name*'s CPU as a multiple of that of *base* in the same run."""
    own = _value(records, scenario, name, "cpu_us")
    other = _value(records, scenario, base, "cpu_us")
    return own / other if own is not None and other else None


def added(
    records: dict[str, Records], scenario: str, key: str, name: str = GATEWAY
) -> float | None:
    """Return a latency less the one without a proxy, in ms."""
    own = _value(records, scenario, name, key)
    direct = _value(records, scenario, DIRECT, key)
    return own - direct if own is not None and direct is not None else None


def translation_ratio(
    records: dict[str, Records], scenario: str, pair: str
) -> float | None:
    """Return the CPU of a translated event over that of one passed on as it is."""
    return ratio(records, scenario, f"{PASSTHROUGH} {GATEWAY}", f"{pair} {GATEWAY}")


def scaled(records: dict[str, Records], scenario: str) -> float | None:
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


def _lost(records: dict[str, Records], scenario: str) -> float | None:
    """Return the worst round's: an event that is lost in one round is lost."""
    rounds = records.get(scenario, {}).get(GATEWAY)
    return 1 - min(record["delivered"] for record in rounds) if rounds else None
