"""One run's results as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from bench import targets
from bench.candidates import BARE, DIRECT, GATEWAY, NGINX
from bench.pairs import PAIRS, PASSTHROUGH
from bench.records import Records, median
from bench.scaling import SCRIPTS

Cell: TypeAlias = Callable[[dict[str, Records], str], "str | None"]

# What each scenario is called above its column.
_CPU = {
    "request": "request",
    "short": "20 events",
    "unpaced": "200 events",
    "paced": "{streams:,} paced",
    "many": "{many_streams:,} paced",
    "tls_request": "request, TLS",
    "tls_unpaced": "200 events, TLS",
}
_OF_PAIRS = {"translated", "translated_unpaced", "frames", "workers"}
_ALL = 0.995  # share of events below which "delivered" is not true


def judged(records: dict[str, Records]) -> str:
    """Return what was promised, and what came of it."""
    verdicts = {True: "met", False: "**not met**", None: "not measured"}
    rows = [
        [target.name, target.shown, verdicts[target.met]]
        for target in targets.judge(records)
    ]
    return _table(["promise", "measured and limit", "verdict"], rows, numbers=False)


def cpu(
    records: dict[str, Records],
    failed: dict[str, dict[str, str]],
    size: Mapping[str, float],
) -> str:
    """Return CPU per request or event, with the ratios to bare and to nginx."""
    shown = {
        name: title.format_map(size)
        for name, title in _CPU.items()
        if records.get(name)
    }
    names = [name for name in _candidates(records) if name != DIRECT]
    rows = [
        [name, *(_cost(records, failed, scenario, name) for scenario in shown)]
        for name in names
    ]
    return _table(["CPU us (to bare; to nginx)", *shown.values()], rows)


def flow(records: dict[str, Records], size: Mapping[str, float]) -> str:
    """Return how much came through, and how late."""
    some, more = f"{size['streams']:,} paced", f"{size['many_streams']:,} paced"
    columns: dict[str, Cell] = {
        "answers/s": _plain("request", "per_s", ",.0f"),
        "p50 / p99 ms, saturated": _both("request"),
        f"{some}: delivered": _plain("paced", "delivered", ".1%"),
        f"{some}: added p50 / p99 ms": _added("paced"),
        f"{more}: delivered": _plain("many", "delivered", ".1%"),
        f"{more}: added p50 / p99 ms": _added("many"),
        f"{some}: share of its core": _plain("paced", "gateway_busy", ".0%"),
    }
    return _by_candidate(records, columns)


def resources(records: dict[str, Records]) -> str:
    """Return memory, time to start and time to let go."""
    columns: dict[str, Cell] = {
        "idle RSS MB": _plain("memory", "idle_mb", ".1f"),
        "kB a stream": _plain("memory", "stream_kb", ".1f"),
        "of so many": _plain("memory", "streams", ",.0f"),
        "start to first answer s": _plain("start", "start_s", ".3f"),
        "cancel median / slowest ms": _cancels,
    }
    return _by_candidate(records, columns, leave_out=DIRECT)


def translation(records: dict[str, Records], failed: dict[str, dict[str, str]]) -> str:
    """Return what translation costs per event of the upstream."""
    unpaced, paced = records.get("translated_unpaced", {}), records.get("translated")
    faults = failed.get("translated_unpaced", {})
    names = list(dict.fromkeys(key.split(" ")[1] for key in [*unpaced, *faults]))
    rows = []
    for pair in PAIRS:
        cells = [pair]
        for name in names:
            key = f"{pair} {name}"
            found = unpaced.get(key)
            cost = figure(median(found)["cpu_us"]) if found else ""
            cells.append("failed" if key in faults else cost)
        if paced:
            cells.append(_paced_cost(records, pair))
        frame = records.get("frames", {}).get(pair)
        cells.append(f"{median(frame)['frame_us']:.2f}" if frame else "")
        rows.append(cells)
    if not unpaced and not paced and "frames" not in records:
        return ""
    heads = [f"{name}, unpaced" for name in names]
    more = [f"{GATEWAY}, paced (ratio)"] if paced else []
    return _table(["CPU us an event", *heads, *more, "in memory"], rows)


def workers(records: dict[str, Records]) -> str:
    """Return what one and two workers carried."""
    rows = []
    for scenario in SCRIPTS:
        times = targets.scaled(records, scenario)
        if times is None:
            continue
        one, two = (
            median(records["workers"][f"{scenario} {count}"]) for count in (1, 2)
        )
        rates = [f"{one['per_s']:,.0f}", f"{two['per_s']:,.0f}", f"{times:.2f}"]
        costs = [f"{one['cpu_us']:.0f}", f"{two['cpu_us']:.0f}"]
        rows.append([scenario, *rates, *costs, f"{two['busiest_share']:.0%}"])
    heads = ["answers/s: one", "two", "times", "CPU us each: one", "two"]
    return _table(["workers", *heads, "busiest of two"], rows) if rows else ""


def figure(number: float) -> str:
    """Return three digits, or all before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _paced_cost(records: dict[str, Records], pair: str) -> str:
    found = records["translated"].get(f"{pair} {GATEWAY}")
    if not found:
        return "failed"
    cost = figure(median(found)["cpu_us"])
    times = targets.translation_ratio(records, "translated", pair)
    return cost if times is None or pair == PASSTHROUGH else f"{cost} ({times:.2f})"


def _cost(
    records: dict[str, Records],
    failed: dict[str, dict[str, str]],
    scenario: str,
    name: str,
) -> str:
    found = records[scenario].get(name)
    if not found:
        return "failed" if name in failed.get(scenario, {}) else ""
    figures = median(found)
    bases = [targets.ratio(records, scenario, base, name) for base in (BARE, NGINX)]
    times = "; ".join(_times(base) for base in bases if base is not None)
    lost = " †" if figures.get("delivered", 1.0) < _ALL else ""
    return figure(figures["cpu_us"]) + (f" ({times})" if times else "") + lost


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"


def _candidates(records: dict[str, Records]) -> list[str]:
    names: dict[str, None] = {}
    for scenario, by_name in records.items():
        if scenario not in _OF_PAIRS:
            names |= dict.fromkeys(by_name)
    return sorted(names, key=lambda name: name != DIRECT)


def _by_candidate(
    records: dict[str, Records], columns: dict[str, Cell], leave_out: str = ""
) -> str:
    names = [name for name in _candidates(records) if name != leave_out]
    filled = {
        title: cells
        for title, cell in columns.items()
        if any(cells := [cell(records, name) or "" for name in names])
    }
    rows = [
        [name, *(cells[place] for cells in filled.values())]
        for place, name in enumerate(names)
        if any(cells[place] for cells in filled.values())
    ]
    return _table(["", *filled], rows) if rows else ""


def _plain(scenario: str, key: str, form: str) -> Cell:
    def cell(records: dict[str, Records], name: str) -> str | None:
        rounds = records.get(scenario, {}).get(name)
        return format(median(rounds)[key], form) if rounds else None

    return cell


def _both(scenario: str) -> Cell:
    def cell(records: dict[str, Records], name: str) -> str | None:
        rounds = records.get(scenario, {}).get(name)
        if not rounds:
            return None
        figures = median(rounds)
        return f"{figures['p50_ms']:.2f} / {figures['p99_ms']:.2f}"

    return cell


def _added(scenario: str) -> Cell:
    def cell(records: dict[str, Records], name: str) -> str | None:
        if name == DIRECT:
            plain = _both(scenario)(records, name)
            return plain and f"itself {plain}"
        p50, p99 = (
            targets.added(records, scenario, key, name) for key in ("p50_ms", "p99_ms")
        )
        return None if p50 is None or p99 is None else f"{p50:.2f} / {p99:.2f}"

    return cell


def _cancels(records: dict[str, Records], name: str) -> str | None:
    streams = records.get("cancel", {}).get(name)
    if not streams:
        return None
    slowest = max(record["cancel_ms"] for record in streams)
    return f"{median(streams)['cancel_ms']:.2f} / {slowest:.2f}"


def _table(heads: list[str], rows: list[list[str]], *, numbers: bool = True) -> str:
    right = "---:|" if numbers else "---|"
    lines = [f"| {' | '.join(heads)} |", "|---|" + right * (len(heads) - 1)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)
