"""The processes around what is measured, and how much is measured."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from bench.candidates import Running, Setting, running
from bench.certificate import make_certificate
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
        rounds: of what is fast or noisy.
        long_rounds: of the scenarios with thousands of streams.
        warm: seconds before each window of *seconds*.
        streams: that are paced at 20 events a second each, for *pace_seconds*.
        many_streams: that are paced at 4.
        tries: at a measurement that other processes disturb.
    """

    rounds: int
    long_rounds: int
    warm: float
    seconds: float
    connections: int
    burst_connections: int
    streams: int
    pace_seconds: float
    many_streams: int
    opening: float
    many_opening: float
    idle_streams: int
    starts: int
    cancels: int
    tries: int


FULL = Size(
    rounds=3,
    long_rounds=2,
    warm=1.0,
    seconds=4.0,
    connections=64,
    burst_connections=32,
    streams=1000,
    pace_seconds=9.0,
    many_streams=5000,
    opening=1.0,
    many_opening=4.0,
    idle_streams=10_000,
    starts=5,
    cancels=50,
    tries=3,
)
QUICK = Size(
    rounds=1,
    long_rounds=1,
    warm=0.2,
    seconds=0.4,
    connections=64,
    burst_connections=32,
    streams=100,
    pace_seconds=1.0,
    many_streams=250,
    opening=0.2,
    many_opening=0.5,
    idle_streams=200,
    starts=2,
    cancels=5,
    tries=1,
)


@frozen
class Bench:
    """
    Attributes:
        names: of the candidates, peers included.
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
    def stage(self, name: str, *, tls: bool = False) -> Iterator[Stage]:
        """
        Run upstream, load generator and the candidate *name*.

        All are new for each measurement: an overloaded candidate goes on working
        long after its clients have gone, and the layout of a Python process' memory
        alone makes some per cent.
        """
        with ExitStack() as stack:
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
            setting = Setting(directory, (), frozenset({self.gateway_core}))
            arguments: tuple[str, ...] = ()
            if tls:
                certificate, key = make_certificate(directory)
                arguments = (str(certificate), str(key))
                setting = evolve(setting, authority=certificate)
            core = {self.load_core}
            upstream = stack.enter_context(Partner(UPSTREAM, core, *arguments))
            load = stack.enter_context(Partner(LOAD, core))
            port = int(upstream.hear(20)["port"])
            setting = evolve(setting, upstreams=(port,))
            candidate = stack.enter_context(running(name, setting))
            yield Stage(load, upstream, port, candidate)


@frozen
class Stage:
    load: Partner
    upstream: Partner
    upstream_port: int
    candidate: Running

    def tell(self, plan: Plan, seconds: float = 30) -> dict[str, Any]:
        """
        Have *plan* carried out on the candidate; wait *seconds* longer than it takes.

        Raises:
            BenchError: it could not be; the text says what happened instead.
        """
        plan = evolve(
            self.candidate.asked_for(plan),
            watch={"gateway": self.candidate.pids, "upstream": [self.upstream.pid]},
        )
        self.load.tell(asdict(plan))
        return self.load.hear(plan.opening + plan.warm + plan.seconds + seconds)
