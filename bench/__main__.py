"""``python -m bench``: run the scenarios, print the table, write JSON and picture."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from attrs import asdict, evolve

from bench import candidates, plot, report, targets
from bench.measure import SCENARIOS, try_out
from bench.peers import PEERS
from bench.process import BenchError, pinned
from bench.records import Records, median
from bench.stage import FULL, QUICK, Bench

RESULTS = Path(__file__).parent / "results"
_DESCRIPTORS = 8192  # two for each of 2,000 streams, and room


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("bench: two cores are needed, one for what is measured", file=sys.stderr)
        return 2
    _allow_descriptors()
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = evolve(size, rounds=options.rounds)
    wanted = options.candidates + (list(PEERS) if options.peers else [])
    names, missing = candidates.available(wanted)
    bench = Bench(size, names, cores[0], cores[1], _say)
    records: dict[str, Records] = {}
    began = datetime.datetime.now(datetime.UTC)
    with pinned({bench.load_core}):
        broken = _broken(bench)
        bench = evolve(bench, names=[name for name in names if name not in broken])
        for name, why in (missing | broken).items():
            print(f"left out: {name}: {why}", file=sys.stderr)
        for scenario in options.only:
            try:
                records[scenario] = SCENARIOS[scenario](bench)
            except (BenchError, OSError) as exc:
                print(f"{scenario}: {exc}", file=sys.stderr)
    _write(records, bench, missing | broken, began, options.output)
    return 0 if len(records) == len(options.only) and not broken else 1


def _broken(bench: Bench) -> dict[str, str]:
    """Return, by name, why a candidate that is there does not even answer once."""
    reasons = {}
    for name in bench.names:
        try:
            try_out(bench, name)
        except (BenchError, OSError) as exc:
            reasons[name] = str(exc)
    return reasons


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test, no figures")
    parser.add_argument(
        "--only",
        type=_names_of(SCENARIOS),
        default=list(SCENARIOS),
        metavar="SCENARIO,...",
        help=f"of {', '.join(SCENARIOS)}",
    )
    everything = [candidates.NGINX, candidates.BARE, candidates.GATEWAY]
    parser.add_argument(
        "--peers", action="store_true", help=f"{', '.join(PEERS)}, too, if installed"
    )
    parser.add_argument(
        "--candidates",
        type=_names_of(dict.fromkeys([*everything, *PEERS])),
        default=everything,
        metavar="NAME,...",
        help=f"of {', '.join(everything)}",
    )
    parser.add_argument("--rounds", type=int, help="instead of three")
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="the folder for results"
    )
    return parser.parse_args(arguments)


def _names_of(known: dict[str, Any]) -> Any:
    def names(text: str) -> list[str]:
        wanted = text.split(",")
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"expected names out of {', '.join(known)}, got {', '.join(unknown)}"
            )
        return wanted

    return names


def _allow_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(_DESCRIPTORS, hard), hard))


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _write(
    records: dict[str, Records],
    bench: Bench,
    missing: dict[str, str],
    began: datetime.datetime,
    folder: Path,
) -> None:
    judged = targets.judge(records)
    result = {
        "began": began.isoformat(timespec="seconds"),
        "machine": _machine(bench),
        "size": asdict(bench.size),
        "left_out": missing,
        "records": records,
        "medians": {
            scenario: {name: median(rounds) for name, rounds in by_name.items()}
            for scenario, by_name in records.items()
        },
        "targets": [asdict(target) | {"met": target.met} for target in judged],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{began:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    if records:
        plot.draw(records, asdict(bench.size), path.with_suffix(".png"))
    for table in (
        report.table(records),
        report.translated_table(records),
        report.workers_table(records),
    ):
        if table:
            print(table + "\n")
    print("doubts:")
    for doubt in report.doubts(records):
        print(f"  {doubt}")
    print("\ntargets:")
    for target in judged:
        print(f"  {target}")
    print(f"\n{path}\n{path.with_suffix('.png')}")


def _machine(bench: Bench) -> dict[str, Any]:
    packages = ("aiohttp", "uvloop", "msgspec", "sluicegate")
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "gateway_core": bench.gateway_core,
        "load_core": bench.load_core,
        "nginx": _nginx_version() if candidates.NGINX in bench.names else None,
        "load_average": os.getloadavg(),
    } | {name: metadata.version(name) for name in packages}


def _nginx_version() -> str:
    # It prints to standard error.
    said = subprocess.run(["nginx", "-v"], capture_output=True, check=True)
    return said.stderr.decode().strip().rpartition("/")[2]


if __name__ == "__main__":
    sys.exit(main())
