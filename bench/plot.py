"""One run's results as a picture: ratios to the bare relay, and what they buy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.candidates import BARE, DIRECT, GATEWAY, NGINX
from bench.records import Records, median
from bench.report import added

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

_COLOURS = {NGINX: "#7a9e7e", BARE: "#9aa5b1", GATEWAY: "#2b6cb0"}
_LIMITS = {"request": 1.35, "paced": 1.2, "unpaced": 1.4}
_LABELS = {
    "request": "request\nnon-streaming, c = {connections}",
    "paced": "paced\n{streams} streams, 20 events/s each",
    "unpaced": "unpaced\nstreams of 200 events, c = {burst_connections}",
}


def draw(records: dict[str, Records], size: dict[str, float], path: Path) -> None:
    """Write the picture to *path*; what was not measured is left out."""
    figure = plt.figure(figsize=(12, 8.5), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.35, 1])[:, 0]
    _ratios(upper.subplots(), records, size)
    panels: list[tuple[str, Callable[[Axes, dict[str, Records]], None]]] = [
        ("paced", _latency),
        ("memory", _idle),
        ("memory", _stream),
        ("start", _start),
    ]
    shown = [panel for scenario, panel in panels if records.get(scenario)]
    if shown:
        axes = lower.subplots(1, len(shown), squeeze=False)[0]
        for axis, panel in zip(axes, shown, strict=True):
            panel(axis, records)
    figure.suptitle(
        "What a relay costs, alone on one core, with upstream and load on another "
        "(median of the rounds; whiskers: lowest and highest round)",
        fontsize=11,
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _ratios(axis: Axes, records: dict[str, Records], size: dict[str, float]) -> None:
    scenarios = [name for name in _LIMITS if records.get(name, {}).get(BARE)]
    names = [n for n in _names(records, scenarios) if n != DIRECT]
    width = 0.8 / max(1, len(names))
    highest = 1.0
    for group, scenario in enumerate(scenarios):
        base = median(records[scenario][BARE])["cpu_us"]
        for place, name in enumerate(names):
            rounds = records[scenario].get(name)
            if not rounds:
                continue
            costs = [record["cpu_us"] for record in rounds]
            cost = median(rounds)["cpu_us"]
            at = group - 0.4 + width * (place + 0.5)
            axis.bar(at, cost / base, width * 0.94, color=_colour(name))
            axis.vlines(at, min(costs) / base, max(costs) / base, "black", lw=1)
            axis.annotate(
                f"{cost:.3g} us\n({cost / base:.2f})",
                (at, max(costs) / base),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                bbox={"color": "white", "pad": 0.5},
            )
            highest = max(highest, max(costs) / base)
            if name == GATEWAY:
                limit = _LIMITS[scenario]
                axis.hlines(limit, at - width / 2, at + width / 2, "#c53030", lw=2)
                highest = max(highest, limit)
    axis.axhline(1, color="black", lw=0.8, ls=":")
    labels = [_LABELS[name].format_map(size) for name in scenarios]
    axis.set_xticks(range(len(scenarios)), labels)
    axis.set_ylabel("CPU, as a ratio to the bare aiohttp relay")
    axis.set_title(
        "CPU (user + system) per request, or per event; lower is better", fontsize=10
    )
    if highest > 5:
        axis.set_yscale("log")
    else:
        axis.set_ylim(0, highest * 1.18)
    handles = [Patch(color=_colour(name)) for name in names]
    target = Line2D([], [], color="#c53030", lw=2)
    axis.legend(
        [*handles, target],
        [*names, "the most that sluicegate may cost"],
        ncols=len(names) + 1,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        frameon=False,
    )
    _bare_frame(axis)


def _latency(axis: Axes, records: dict[str, Records]) -> None:
    names = [name for name in records["paced"] if name != DIRECT]
    for place, name in enumerate(names):
        for offset, key, alpha in ((-0.2, "p50_ms", 1.0), (0.2, "p99_ms", 0.5)):
            value = added(records, name, key)
            if value is not None:
                # The difference of two medians may fall below zero by noise.
                shown = max(value, 0.01)
                axis.bar(place + offset, shown, 0.38, color=_colour(name), alpha=alpha)
                _label(axis, place + offset, shown, f"{value:.2f}")
    axis.set_yscale("log")
    axis.set_ylim(0.01, axis.get_ylim()[1] * 2)
    axis.set_ylabel("ms, logarithmic")
    axis.set_title("paced: added latency\np50 (full), p99 (pale)", fontsize=10)
    axis.set_xticks(range(len(names)), names)
    _bare_frame(axis)


def _idle(axis: Axes, records: dict[str, Records]) -> None:
    _bars(axis, records["memory"], "idle_mb", "MB", "idle memory (RSS)", 60)


def _stream(axis: Axes, records: dict[str, Records]) -> None:
    _bars(axis, records["memory"], "stream_kb", "kB", "memory per open stream", 40)


def _start(axis: Axes, records: dict[str, Records]) -> None:
    _bars(axis, records["start"], "start_s", "s", "start to first answer", 0.6)


def _bars(
    axis: Axes, by_name: Records, key: str, unit: str, title: str, limit: float
) -> None:
    for place, (name, rounds) in enumerate(by_name.items()):
        value = median(rounds)[key]
        axis.bar(place, value, 0.7, color=_colour(name))
        _label(axis, place, value, f"{value:.3g}")
    axis.axhline(limit, color="#c53030", lw=1.5)
    axis.set_ylim(0, max(limit, axis.get_ylim()[1]) * 1.12)
    axis.set_ylabel(unit)
    axis.set_title(f"{title}\nline: the most allowed", fontsize=10)
    axis.set_xticks(range(len(by_name)), list(by_name))
    _bare_frame(axis)


def _names(records: dict[str, Records], scenarios: list[str]) -> list[str]:
    return list(dict.fromkeys(n for s in scenarios for n in records[s]))


def _colour(name: str) -> str:
    return _COLOURS.get(name, "#d69e2e")


def _label(axis: Axes, x: float, y: float, text: str) -> None:
    axis.annotate(
        text,
        (x, y),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        fontsize=8,
    )


def _bare_frame(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
