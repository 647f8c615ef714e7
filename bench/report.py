"""One run's results for people: a Markdown table, and what made them uncertain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from bench.candidates import BARE, DIRECT
from bench.records import NOISY, Records, median
from bench.targets import scaling, translation_ratio

Cell: TypeAlias = Callable[[dict[str, Records], str], str | None]


def table(records: dict[str, Records]) -> str:
    """Return the medians: a line a figure, a column a candidate; empty if none."""
    names = _candidates(records)
    if not names:
        return ""
    lines = [
        "| median of the rounds | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    for label, cell in _ROWS.items():
        cells = [cell(records, name) for name in names]
        if any(cells):
            lines.append(f"| {label} | {' | '.join(c or '-' for c in cells)} |")
    return "\n".join(lines)


def workers_table(records: dict[str, Records]) -> str:
    """Return what one and two workers carried."""
    lines = [
        "| workers | answers/s: 1 | 2 | times | CPU us each: 1 | 2 | busiest of 2 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for scenario in ("request", "unpaced"):
        times = scaling(records, scenario)
        if times is not None:
            one, two = (
                median(records["workers"][f"{scenario} {count}"]) for count in (1, 2)
            )
            lines.append(
                f"| {scenario} | {one['per_s']:.0f} | {two['per_s']:.0f} "
                f"| {times:.2f} | {one['cpu_us']:.0f} | {two['cpu_us']:.0f} "
                f"| {two['busiest_share']:.0%} |"
            )
    return "\n".join(lines) if len(lines) > 2 else ""


def translated_table(records: dict[str, Records]) -> str:
    """Return what translation costs, with and without a network."""
    paced, frames = records.get("translated", {}), records.get("frames", {})
    lines = [
        "| client->upstream | paced: CPU us an event (ratio) | in memory: us a frame |",
        "|---|---:|---:|",
    ]
    for name in dict.fromkeys([*paced, *frames]):
        cost = f"{median(paced[name])['cpu_us']:.3g}" if name in paced else "-"
        times = translation_ratio(records, name)
        times_shown = "" if times is None else f" ({times:.2f})"
        frame = f"{median(frames[name])['frame_us']:.2f}" if name in frames else "-"
        lines.append(f"| {name} | {cost}{times_shown} | {frame} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def doubts(records: dict[str, Records]) -> Iterator[str]:
    """Yield what a reader should know before believing the table."""
    for scenario, by_name in records.items():
        for name, rounds in by_name.items():
            others = max(record.get("others_busy", 0.0) for record in rounds)
            if others > NOISY:
                yield (
                    f"{scenario}, {name}: other processes used up to {others:.0%} of "
                    "a core"
                )
            costs = [record["cpu_us"] for record in rounds if "cpu_us" in record]
            if len(costs) > 1 and min(costs) and max(costs) / min(costs) > 1.1:
                yield (
                    f"{scenario}, {name}: the rounds differ by "
                    f"{max(costs) / min(costs) - 1:.0%} "
                    f"({min(costs):.3g} to {max(costs):.3g} us)"
                )
            lost = 1 - min(record.get("delivered", 1.0) for record in rounds)
            if lost:
                yield f"{scenario}, {name}: {lost:.2%} of the events were not delivered"


def _candidates(records: dict[str, Records]) -> list[str]:
    names: dict[str, None] = {}
    for scenario, by_name in records.items():
        if scenario not in {"workers", "translated", "frames"}:
            names |= dict.fromkeys(by_name)
    return list(names)


def _cpu(scenario: str) -> Cell:
    def cell(records: dict[str, Records], name: str) -> str | None:
        rounds = records.get(scenario, {}).get(name)
        if not rounds or name == DIRECT:
            return None
        cost = median(rounds)["cpu_us"]
        bare = records[scenario].get(BARE)
        if not bare:
            return f"{cost:.3g}"
        return f"{cost:.3g} ({cost / median(bare)['cpu_us']:.2f})"

    return cell


def _plain(scenario: str, key: str, form: str) -> Cell:
    def cell(records: dict[str, Records], name: str) -> str | None:
        rounds = records.get(scenario, {}).get(name)
        return format(median(rounds)[key], form) if rounds else None

    return cell


def added(records: dict[str, Records], name: str, key: str) -> float | None:
    """Return a latency of the paced scenario less the one without a proxy, in ms."""
    rounds, direct = (records.get("paced", {}).get(n) for n in (name, DIRECT))
    if not rounds or not direct:
        return None
    return median(rounds)[key] - median(direct)[key]


def _latencies(records: dict[str, Records], name: str) -> str | None:
    if name == DIRECT:
        return None
    p50, p99 = (added(records, name, key) for key in ("p50_ms", "p99_ms"))
    return None if p50 is None or p99 is None else f"{p50:.2f} / {p99:.2f}"


def _cancels(records: dict[str, Records], name: str) -> str | None:
    streams = records.get("cancel", {}).get(name)
    if not streams:
        return None
    slowest = max(record["cancel_ms"] for record in streams)
    return f"{median(streams)['cancel_ms']:.2f} / {slowest:.2f}"


_ROWS: dict[str, Cell] = {
    "request: CPU us each (ratio to bare)": _cpu("request"),
    "request: answers/s": _plain("request", "per_s", ".0f"),
    "request: p50 ms, closed loop": _plain("request", "p50_ms", ".2f"),
    "request: p99 ms, closed loop": _plain("request", "p99_ms", ".2f"),
    "unpaced: CPU us per event (ratio)": _cpu("unpaced"),
    "paced: CPU us per event (ratio)": _cpu("paced"),
    "paced: share of its core": _plain("paced", "gateway_busy", ".0%"),
    "paced: events delivered": _plain("paced", "delivered", ".2%"),
    "paced: latency p50 ms": _plain("paced", "p50_ms", ".2f"),
    "paced: latency p99 ms": _plain("paced", "p99_ms", ".2f"),
    "paced: added p50 / p99 ms": _latencies,
    "idle: RSS MB": _plain("memory", "idle_mb", ".1f"),
    "idle: PSS MB": _plain("memory", "idle_pss_mb", ".1f"),
    "open stream: kB": _plain("memory", "stream_kb", ".1f"),
    "start to first answer: s": _plain("start", "start_s", ".3f"),
    "cancel seen upstream: median / max ms": _cancels,
}
