"""``python -m bench``: run the scenarios, print the table, write JSON and picture."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

from bench import candidates, plot, report, targets
from bench.descriptors import raise_limit
from bench.peers import PEERS
from bench.process import BenchError, pinned
from bench.records import median
from bench.resources import try_out
from bench.scenarios import SCENARIOS
from bench.stage import FULL, QUICK, Bench

if TYPE_CHECKING:
    from bench.turns import Outcome

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("bench: two cores are needed, one for what is measured", file=sys.stderr)
        return 2
    raise_limit()
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = evolve(size, rounds=options.rounds, long_rounds=options.rounds)
    if options.tries:
        size = evolve(size, tries=options.tries)
    wanted = options.candidates + (list(PEERS) if options.peers else [])
    names, left_out = candidates.available(wanted)
    bench = Bench(size, names, cores[0], cores[1], _say)
    outcomes: dict[str, Outcome] = {}
    began = datetime.datetime.now(datetime.UTC)
    with pinned({bench.load_core}):
        left_out |= _broken(bench)
        can = [name for name in names if name not in left_out]
        bench = evolve(bench, names=can)
        for name, why in left_out.items():
            print(f"left out: {name}: {why}", file=sys.stderr)
        for scenario in options.only:
            _say(f"{scenario}:")
            outcomes[scenario] = SCENARIOS[scenario](bench)
    _write(outcomes, bench, left_out, began, options.output)
    return int(any(_own_faults(left_out, outcomes)))


def _own_faults(
    left_out: dict[str, str], outcomes: dict[str, Outcome]
) -> Iterator[str]:
    """Yield who could not do something and is no peer: those owe us nothing."""
    faults = [left_out, *(outcome.failed for outcome in outcomes.values())]
    for names in faults:
        yield from (name for name in names if name.split(" ")[-1] not in PEERS)


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
    everything = list(candidates.OWN)
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
    parser.add_argument("--rounds", type=int, help="instead of three, or two")
    parser.add_argument(
        "--tries", type=int, help="at what others disturb, instead of three"
    )
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


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _write(
    outcomes: dict[str, Outcome],
    bench: Bench,
    left_out: dict[str, str],
    began: datetime.datetime,
    folder: Path,
) -> None:
    records = {name: outcome.records for name, outcome in outcomes.items()}
    judged = targets.judge(records)
    result = {
        "began": began.isoformat(timespec="seconds"),
        "took_s": (datetime.datetime.now(datetime.UTC) - began).total_seconds(),
        "machine": _machine(bench),
        "size": asdict(bench.size),
        "left_out": left_out,
        "failed": {name: each.failed for name, each in outcomes.items() if each.failed},
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
    plot.draw(records, asdict(bench.size), path.with_suffix(".png"))
    for name, section in report.sections(result).items():
        if section:
            print(f"{name}:\n{section}\n")
    print(f"{path}\n{path.with_suffix('.png')}")


def _machine(bench: Bench) -> dict[str, Any]:
    packages = ("aiohttp", "uvloop", "msgspec", "sluicegate")
    return {
        "processor": _processor(),
        "python": platform.python_version(),
        "kernel": platform.release().partition("-")[0],
        "cores": os.cpu_count(),
        "gateway_core": bench.gateway_core,
        "load_core": bench.load_core,
        "nginx": _nginx_version() if candidates.NGINX in bench.names else None,
        "peers": {name: PEERS[name].version for name in bench.names if name in PEERS},
        "load_average": os.getloadavg(),
    } | {name: metadata.version(name) for name in packages}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def _nginx_version() -> str:
    # It prints to standard error.
    said = subprocess.run(["nginx", "-v"], capture_output=True, check=True)
    return said.stderr.decode().strip().rpartition("/")[2]


if __name__ == "__main__":
    sys.exit(main())
