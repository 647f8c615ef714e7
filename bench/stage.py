"""The processes around what is measured, and how much is measured."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from bench.candidates import Running, Setting, running
from bench.process import Partner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.plan import Plan

UPSTREAM, LOAD = "bench.upstream", "bench.load"


@frozen
class Size:
    """
    How much is done: promises are judged by `FULL`, `QUICK` is a smoke test.

    Attributes:
        warm: seconds before each window of *seconds*.
        tries: at a measurement that other processes disturb.
    """

    rounds: int
    warm: float
    seconds: float
    connections: int
    burst_connections: int
    streams: int
    pace_seconds: float
    idle_streams: int
    starts: int
    cancels: int
    tries: int


FULL = Size(
    rounds=3,
    warm=1.0,
    seconds=4.0,
    connections=64,
    burst_connections=32,
    streams=1000,
    pace_seconds=9.0,
    idle_streams=2000,
    starts=5,
    cancels=50,
    tries=3,
)
QUICK = Size(
    rounds=1,
    warm=0.3,
    seconds=0.7,
    connections=64,
    burst_connections=32,
    streams=100,
    pace_seconds=2.0,
    idle_streams=200,
    starts=2,
    cancels=10,
    tries=1,
)


@frozen
class Bench:
    """
    Attributes:
        gateway_core: where what is measured runs, alone.
        load_core: where upstream and load generator run.
        say: progress for the person who waits.
    """

    size: Size
    names: list[str]
    gateway_core: int
    load_core: int
    say: Callable[[str], None]

    @contextmanager
    def stage(self, names: list[str]) -> Iterator[tuple[Stage, list[Running]]]:
        """Run upstream, load generator and the candidates *names* side by side."""
        with ExitStack() as stack:
            upstream = stack.enter_context(Partner(UPSTREAM, {self.load_core}))
            load = stack.enter_context(Partner(LOAD, {self.load_core}))
            port = int(upstream.hear(10)["port"])
            stage = Stage(load, upstream, port)
            yield (
                stage,
                [stack.enter_context(self.candidate(name, (port,))) for name in names],
            )

    @contextmanager
    def candidate(self, name: str, upstreams: tuple[int, ...]) -> Iterator[Running]:
        with TemporaryDirectory(prefix="bench-") as directory:
            cores = frozenset({self.gateway_core})
            setting = Setting(Path(directory), upstreams, cores)
            with running(name, setting) as candidate:
                yield candidate


@frozen
class Stage:
    load: Partner
    upstream: Partner
    upstream_port: int

    def tell(self, plan: Plan, seconds: float = 30) -> dict[str, Any]:
        self.load.tell(asdict(plan))
        return self.load.hear(plan.warm + plan.seconds + seconds)

    def watch(self, candidate: Running) -> dict[str, list[int]]:
        return {"gateway": candidate.pids, "upstream": [self.upstream.pid]}
