"""One run's results as a picture: what each candidate costs, and what that buys."""

from __future__ import annotations

from statistics import median as middle
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

from attrs import frozen
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from bench.candidates import BARE, DIRECT, GATEWAY, NGINX, ORDINARY
from bench.records import Records, median
from bench.targets import added

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

_COLOURS = {
    NGINX: "#5f8f63",
    BARE: "#7b8794",
    ORDINARY: "#90b8e0",
    GATEWAY: "#1f5fa8",
    "envoy": "#a05195",
    "rolter": "#d95f02",
    "portkey": "#b8860b",
    "litellm": "#6b4226",
}
_TARGET = "#c53030"
_LEAST = 0.01  # ms; below it noise decides
_MOST = 20.0  # times the least value: beyond it a linear axis shows nothing


@frozen
class Row:
    """A line of the picture: a scenario, or a pair of dialects in one."""

    scenario: str
    label: str
    limit: float | None = None
    pair: str = ""

    def rounds(self, records: dict[str, Records], name: str) -> list[dict[str, float]]:
        key = f"{self.pair} {name}" if self.pair else name
        return records.get(self.scenario, {}).get(key, [])


_ROWS = (
    Row("request", "request\nc = {connections}", 60),
    Row("tls_request", "request,\nTLS upstream"),
    Row("paced", "paced event\n{streams:,} x 20/s", 30),
    Row("many", "paced event\n{many_streams:,} x 4/s"),
    Row("short", "event of 20\nunpaced"),
    Row("unpaced", "event of 200\nunpaced", 5),
    Row("tls_unpaced", "event of 200\nTLS upstream"),
    Row("translated_unpaced", "chat->anthropic\nunpaced", 7.5, "chat->anthropic"),
    Row("translated_unpaced", "anthropic->chat\nunpaced", 7.5, "anthropic->chat"),
    Row("translated_unpaced", "responses->gemini\nunpaced", None, "responses->gemini"),
)


def draw(records: dict[str, Records], size: Mapping[str, float], path: Path) -> None:
    """Write the picture to *path*; what was not measured is left out."""
    names = _names(records)
    rows = [row for row in _ROWS if any(row.rounds(records, name) for name in names)]
    panels = [panel for panel in _PANELS if panel[0] in records]
    upper_height = 1.2 + 0.52 * len(rows)
    lower_height = 1.0 + 0.3 * len(names) if panels else 0.01
    figure = plt.figure(figsize=(13, 1 + upper_height + lower_height))
    upper, lower = figure.subfigures(
        2, 1, squeeze=False, height_ratios=[upper_height, lower_height]
    )[:, 0]
    figure.set_layout_engine("constrained")
    _costs(upper.subplots(), records, size, rows, names)
    if panels:
        axes = lower.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for axis, (_, panel) in zip(axes, panels, strict=True):
            panel(axis, records, names)
    figure.suptitle(
        "What a relay costs, alone on one core, with upstream and load on another: "
        "median of the rounds, red the most that sluicegate may take",
        fontsize=11,
    )
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _costs(
    axis: Axes,
    records: dict[str, Records],
    size: Mapping[str, float],
    rows: list[Row],
    names: list[str],
) -> None:
    for place, row in enumerate(rows):
        axis.axhline(place, color="#e5e7eb", lw=1, zorder=0)
        for name in names:
            rounds = row.rounds(records, name)
            if rounds:
                _dot(axis, place, name, [record["cpu_us"] for record in rounds])
        if row.limit is not None:
            axis.plot([row.limit] * 2, [place - 0.33, place + 0.33], color=_TARGET)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axis.set_yticks(range(len(rows)), [row.label.format_map(size) for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.6)
    axis.set_title(
        "CPU, user and system, in microseconds per request or per event "
        "(logarithmic; lines: lowest and highest round)",
        fontsize=10,
    )
    handles = [
        Line2D([], [], marker=_marker(name), ls="", color=_colour(name), ms=8)
        for name in names
    ]
    axis.legend(handles, names, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    _bare_frame(axis)


def _dot(axis: Axes, place: float, name: str, costs: list[float]) -> None:
    cost = middle(costs)
    colour = _colour(name)
    own = name == GATEWAY
    axis.plot([min(costs), max(costs)], [place, place], color=colour, lw=2, alpha=0.6)
    axis.plot(
        cost, place, _marker(name), color=colour, ms=9 if own else 7, zorder=3 + own
    )
    if name in {GATEWAY, BARE, NGINX, ORDINARY}:
        above = name in {GATEWAY, NGINX}
        axis.annotate(
            f"{cost:.3g}",
            (cost, place),
            xytext=(0, 6 if above else -14),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=colour,
            fontweight="bold" if own else "normal",
        )


def _latency(axis: Axes, records: dict[str, Records], names: list[str]) -> None:
    for place, name in enumerate(names):
        p50, p99 = (added(records, "paced", key, name) for key in ("p50_ms", "p99_ms"))
        if p50 is None or p99 is None:
            continue
        # The difference of two medians may fall below zero by noise.
        low, high = max(_LEAST, p50), max(_LEAST, p99)
        axis.plot([low, high], [place, place], color=_colour(name), lw=2)
        axis.plot(low, place, "o", color=_colour(name), ms=6)
        axis.plot(high, place, "D", color=_colour(name), ms=6)
        _label(axis, max(low, high), place, f"{p50:.2f} / {p99:.2f}")
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    low, high = axis.get_xlim()
    axis.set_xlim(low, high * (high / low) ** 0.6)
    axis.xaxis.set_major_locator(LogLocator(numticks=5))
    for limit in (0.2, 2):
        axis.axvline(limit, color=_TARGET, lw=1, ls=":", zorder=0)
    _finish(axis, names, "added latency, ms, paced\np50 (dot), p99 (diamond)")


def _stream(axis: Axes, records: dict[str, Records], names: list[str]) -> None:
    _bars(axis, records["memory"], names, "stream_kb", 18, "kB an idle\nopen stream")


def _idle(axis: Axes, records: dict[str, Records], names: list[str]) -> None:
    _bars(axis, records["memory"], names, "idle_mb", 50, "idle memory,\nRSS in MB")


def _start(axis: Axes, records: dict[str, Records], names: list[str]) -> None:
    _bars(axis, records["start"], names, "start_s", 0.35, "start to first\nanswer, s")


def _cancel(axis: Axes, records: dict[str, Records], names: list[str]) -> None:
    _bars(axis, records["cancel"], names, "cancel_ms", 1, "cancel seen\nupstream, ms")


_PANELS: tuple[
    tuple[str, Callable[[Axes, dict[str, Records], list[str]], None]], ...
] = (
    ("paced", _latency),
    ("memory", _stream),
    ("memory", _idle),
    ("start", _start),
    ("cancel", _cancel),
)


def _bars(
    axis: Axes, by_name: Records, names: list[str], key: str, limit: float, title: str
) -> None:
    values = {
        place: median(by_name[name])[key]
        for place, name in enumerate(names)
        if by_name.get(name)
    }
    for place, value in values.items():
        axis.barh(place, value, 0.7, color=_colour(names[place]))
        _label(axis, value, place, f"{value:.3g}")
    for place in set(range(len(names))) - set(values):
        across = axis.get_yaxis_transform()
        axis.text(0.02, place, "-", transform=across, va="center", fontsize=8)
    positive = [value for value in values.values() if value > 0] or [limit]
    if max(positive) > _MOST * min(positive):
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        axis.set_xlim(min(positive) / 2, max(positive) * 20)
    else:
        axis.set_xlim(0, max([limit, *positive]) * 1.4)
    axis.axvline(limit, color=_TARGET, lw=1.2, zorder=0)
    _finish(axis, names, title)


def _finish(axis: Axes, names: list[str], title: str) -> None:
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_title(title, fontsize=9)
    _bare_frame(axis)


def _names(records: dict[str, Records]) -> list[str]:
    named = {
        key.split(" ")[-1]
        for scenario, by_name in records.items()
        if scenario not in {"frames", "workers"}
        for key in by_name
    }
    return [name for name in _COLOURS if name in named and name != DIRECT]


def _colour(name: str) -> str:
    return _COLOURS[name]


def _marker(name: str) -> str:
    return {NGINX: "s", BARE: "s", ORDINARY: "o", GATEWAY: "o"}.get(name, "^")


def _label(axis: Axes, x: float, y: float, text: str) -> None:
    axis.annotate(
        text,
        (x, y),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        bbox={"color": "white", "pad": 0.5, "alpha": 0.8},
    )


def _bare_frame(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
