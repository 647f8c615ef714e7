"""Two workers on two cores against one on one."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import asdict

from bench.candidates import GATEWAY, Setting, running
from bench.plan import Plan
from bench.process import Partner
from bench.stage import LOAD, UPSTREAM
from bench.turns import Outcome, busy, quietest, take_turns

if TYPE_CHECKING:
    from bench.records import Record
    from bench.stage import Bench

SCRIPTS = {"request": "whole", "unpaced": "burst 200"}


def workers(bench: Bench) -> Outcome:
    """
    Two workers on two cores against one on one, with the load in proportion.

    One: a worker, an upstream and a load generator share one core. Two: as much again
    on the other core. So the best that the doubled machine can do is twice as much,
    which would not be so if two workers had to share their cores with the load and
    the one had not.
    """
    if GATEWAY not in bench.names:
        return Outcome()
    turns = {}
    for scenario, script in SCRIPTS.items():
        for count in (1, 2):
            once = partial(_with_workers, bench, script, count)
            turns[f"{scenario} {count}"] = partial(quietest, bench.size.tries, once)
    return take_turns(bench, turns, bench.size.rounds)


def _with_workers(bench: Bench, script: str, count: int) -> Record:
    cores = [bench.gateway_core, bench.load_core][:count]
    size = bench.size
    with ExitStack() as stack:
        upstreams = [stack.enter_context(Partner(UPSTREAM, {core})) for core in cores]
        loads = [stack.enter_context(Partner(LOAD, {core})) for core in cores]
        ports = tuple(int(upstream.hear(20)["port"]) for upstream in upstreams)
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        setting = Setting(directory, ports, frozenset(cores), count)
        gateway = stack.enter_context(running(GATEWAY, setting))
        pids = gateway.pids
        for number, load in enumerate(loads, start=1):
            plan = Plan(
                "loop",
                gateway.port,
                f"m{number}",
                script,
                size.connections if script == "whole" else size.burst_connections,
                size.warm,
                size.seconds,
                watch={"gateway": pids, "upstream": [u.pid for u in upstreams]},
            )
            load.tell(asdict(plan))
        results = [load.hear(size.warm + size.seconds + 30) for load in loads]
    return _together(results, set(map(str, pids)))


def _together(results: list[dict[str, Any]], workers: set[str]) -> Record:
    """
    Add up what the load generators saw.

    Their windows are the same but for a few milliseconds, so the first one's sample
    of all other processes stands for both.
    """
    first = results[0]
    per_s = sum(result["answers"] / result["seconds"] for result in results)
    first["cpu"]["load"] = sum(result["cpu"]["load"] for result in results)
    each = [cpu for pid, cpu in first["each"].items() if pid in workers]
    shares = busy(first)
    return {
        "per_s": per_s,
        "cpu_us": shares["gateway_busy"] / per_s * 1e6,
        "busiest_share": max(each) / max(sum(each), 1e-9),
    } | shares
