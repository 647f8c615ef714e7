"""
The scenarios, in the order in which they are run and printed.

A record is a flat dict of numbers. Figures of CPU are per request or per event, in
microseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from bench import resources, scaling
from bench.candidates import DIRECT, GATEWAY, OWN, PATHS
from bench.frames import frame_us
from bench.pairs import PAIRS, TRANSLATED, Pair
from bench.peers import PEERS
from bench.plan import Plan
from bench.turns import Outcome, busy, in_turns, take_turns, turn

if TYPE_CHECKING:
    from bench.records import Record
    from bench.stage import Bench, Stage

EVENTS = 200  # in an unpaced stream
FEW_EVENTS = 20
_MANY_RATE = 4.0  # events a second


def request(bench: Bench, *, tls: bool = False) -> Outcome:
    plan = Plan(
        "loop",
        connections=bench.size.connections,
        warm=bench.size.warm,
        seconds=bench.size.seconds,
    )
    names = bench.names if not tls else _own(bench)
    measure = partial(loop, plan, 1)
    return in_turns(bench, names, measure, bench.size.rounds, tls=tls)


def unpaced(bench: Bench, events: int = EVENTS, *, tls: bool = False) -> Outcome:
    """
    Each stream is a single write of the upstream, which so is never the slow one.

    Were each event a write, a faster proxy would find fewer of them per wake-up, and
    its CPU per event would go up instead of down.
    """
    names = bench.names if not tls and events == EVENTS else _own(bench)
    measure = partial(loop, _burst(bench, events), events)
    return in_turns(bench, names, measure, bench.size.rounds, tls=tls)


def paced(bench: Bench) -> Outcome:
    size = bench.size
    plan = Plan(
        "pace",
        connections=size.streams,
        seconds=size.pace_seconds,
        opening=size.opening,
    )
    measure = partial(pace, plan)
    return in_turns(bench, [DIRECT, *bench.names], measure, size.rounds)


def many(bench: Bench) -> Outcome:
    size = bench.size
    plan = Plan(
        "pace",
        connections=size.many_streams,
        seconds=size.pace_seconds,
        opening=size.many_opening,
        rate=_MANY_RATE,
    )
    names = [DIRECT, *_own(bench)]
    return in_turns(bench, names, partial(pace, plan), size.long_rounds)


def translated(bench: Bench) -> Outcome:
    """The paced streams again: once passed on as they are, and translated."""
    size = bench.size
    if GATEWAY not in bench.names:
        return Outcome()
    turns = {}
    for name, pair in PAIRS.items():
        plan = Plan(
            "pace",
            model=pair.model,
            connections=size.streams,
            seconds=size.pace_seconds,
            opening=size.opening,
            dialect=pair.client,
            untimed=len(pair.answer.closing),
        )
        turns[f"{name} {GATEWAY}"] = turn(bench, GATEWAY, partial(pace, plan))
    return take_turns(bench, turns, size.rounds)


def translated_unpaced(bench: Bench) -> Outcome:
    """Streams of 200 events of the upstream, each a single write."""
    turns = {}
    for name, pair in PAIRS.items():
        measure = partial(loop, _burst(bench, EVENTS, pair), EVENTS)
        for candidate in bench.names:
            peer = PEERS.get(candidate)
            if candidate in PATHS or (peer is not None and name in peer.pairs):
                key = f"{name} {candidate}"
                turns[key] = turn(bench, candidate, measure)
    return take_turns(bench, turns, bench.size.rounds)


def frames(bench: Bench) -> Outcome:
    """Translation by itself, without a network: bytes in, bytes out."""
    turns = {name: partial(_frame, name) for name in TRANSLATED}
    return take_turns(bench, turns, bench.size.rounds)


Scenario: TypeAlias = "Callable[[Bench], Outcome]"

SCENARIOS: dict[str, Scenario] = {
    "request": request,
    "short": partial(unpaced, events=FEW_EVENTS),
    "unpaced": unpaced,
    "paced": paced,
    "many": many,
    "tls_request": partial(request, tls=True),
    "tls_unpaced": partial(unpaced, tls=True),
    "translated": translated,
    "translated_unpaced": translated_unpaced,
    "frames": frames,
    "memory": resources.memory,
    "start": resources.start,
    "cancel": resources.cancel,
    "workers": scaling.workers,
}


def loop(plan: Plan, events: int, stage: Stage) -> Record:
    result = stage.tell(plan)
    return {
        "cpu_us": result["cpu"]["gateway"] / result["answers"] / events * 1e6,
        "per_s": result["answers"] / result["seconds"],
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
    } | busy(result)


def pace(plan: Plan, stage: Stage) -> Record:
    result = stage.tell(plan)
    return {
        "cpu_us": result["cpu"]["gateway"] / result["events"] * 1e6,
        "per_s": result["events"] / result["seconds"],
        "delivered": result["delivered"] / result["expected"],
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
    } | busy(result)


def _burst(bench: Bench, events: int, pair: Pair | None = None) -> Plan:
    return Plan(
        "loop",
        script=f"burst {events}",
        connections=bench.size.burst_connections,
        warm=bench.size.warm,
        seconds=bench.size.seconds,
        model=pair.model if pair else "m1",
        dialect=pair.client if pair else None,
        words=pair.answer.words_of(events) if pair else 0,
    )


def _frame(name: str) -> Record:
    return {"frame_us": frame_us(name)}


def _own(bench: Bench) -> list[str]:
    return [name for name in bench.names if name in OWN]
