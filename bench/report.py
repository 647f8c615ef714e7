"""
One run's results for people.

    python -m bench.report bench/results/RUN.json                        # print it
    python -m bench.report bench/results/RUN.json docs/performance.md    # and write it

The document keeps its words; what stands between its markers is replaced, and the
picture beside it is drawn anew.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from bench import tables
from bench.records import NOISY, Record, Records

# What `python -m bench` writes; `__main__` says what is in it.
Result: TypeAlias = dict[str, Any]

_MARKED = re.compile(r"(<!-- bench: ([a-z]+) -->\n).*?(<!-- bench: end -->)", re.DOTALL)
_FULL = 0.95  # of the core of upstream and load, above which they may be the slow ones


class ReportError(Exception):
    """The document cannot be filled in; the text says why."""


def sections(result: Result) -> dict[str, str]:
    """Return Markdown by the name of the marker between which it stands."""
    records, failed = result["records"], result["failed"]
    return {
        "machine": machine(result),
        "targets": tables.judged(records),
        "cpu": tables.cpu(records, failed, result["size"]),
        "flow": tables.flow(records, result["size"]),
        "translation": tables.translation(records, failed),
        "resources": tables.resources(records),
        "workers": tables.workers(records),
        "doubts": "\n".join(f"- {doubt}" for doubt in doubts(result)),
    }


def fill_in(text: str, result: Result) -> str:
    """
    Return the document *text* with this run's tables.

    Raises:
        ReportError: a marker has an unknown name.
    """
    made = sections(result)

    def replaced(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        if name not in made:
            raise ReportError(f"expected a marker out of {', '.join(made)}, got {name}")
        return f"{begin}{made[name] or 'Not measured in this run.'}\n{end}"

    return _MARKED.sub(replaced, text)


def machine(result: Result) -> str:
    of = result["machine"]
    versions = [
        f"{name} {of[name]}"
        for name in ("python", "aiohttp", "uvloop", "nginx")
        if of.get(name)
    ]
    peers = [f"{name} {version}" for name, version in of.get("peers", {}).items()]
    return (
        f"Run of {result['began']}: {of['processor']}, {of['cores']} cores, Linux "
        f"{of['kernel']}; {', '.join(versions + peers)}."
    )


def doubts(result: Result) -> Iterator[str]:
    """Yield what a reader should know before believing the tables."""
    for name, why in result["left_out"].items():
        yield f"{name} was left out: {_short(why)}"
    for scenario, by_name in result["failed"].items():
        for name, why in by_name.items():
            yield f"{scenario}, {name}: failed: {_short(why)}"
    records: dict[str, Records] = result["records"]
    for scenario, by_name in records.items():
        others = _most([*chain(*by_name.values())], "others_busy")
        if others > NOISY:
            yield f"{scenario}: other processes used up to {others:.0%} of a core"
        for name, rounds in by_name.items():
            yield from (f"{scenario}, {name}: {doubt}" for doubt in _doubted(rounds))
    yield from _fewer(records.get("memory", {}), result["size"]["idle_streams"])


def _fewer(memory: Records, asked: int) -> Iterator[str]:
    by_count: dict[float, list[str]] = {}
    for name, rounds in memory.items():
        by_count.setdefault(rounds[0]["streams"], []).append(name)
    for count, names in by_count.items():
        if count < asked:
            yield f"memory, {', '.join(names)}: {count:,.0f} streams, not {asked:,}"


def _doubted(rounds: list[Record]) -> Iterator[str]:
    costs = [record["cpu_us"] for record in rounds if "cpu_us" in record]
    if len(costs) > 1 and min(costs) and max(costs) / min(costs) > 1.1:
        yield (
            f"the rounds differ by {max(costs) / min(costs) - 1:.0%} "
            f"({min(costs):.3g} to {max(costs):.3g} us)"
        )
    lost = 1 - min(record.get("delivered", 1.0) for record in rounds)
    if lost:
        yield f"{lost:.2%} of the events were not delivered"
    if _most(rounds, "load_busy") > _FULL:
        yield "upstream and load had their core full: mind CPU, not speed"


def _most(rounds: list[Record], key: str) -> float:
    return max((record.get(key, 0.0) for record in rounds), default=0.0)


def _short(why: str) -> str:
    return " ".join(why.split())[:160]


def main(arguments: list[str]) -> int:
    if len(arguments) not in {1, 2}:
        print(__doc__, file=sys.stderr)
        return 2
    result: Result = json.loads(Path(arguments[0]).read_text())
    if len(arguments) == 1:
        print("\n\n".join(filter(None, sections(result).values())))
        return 0
    from bench import plot  # it needs matplotlib

    document = Path(arguments[1])
    document.write_text(fill_in(document.read_text(), result))
    plot.draw(result["records"], result["size"], document.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
