"""Load that keeps streams open: paced ones that are timed, and silent ones."""

from __future__ import annotations

import asyncio
import time

from attrs import define, evolve, field

from bench import canned
from bench.closed_loop import ask
from bench.connection import Connection
from bench.http1 import EventReader
from bench.plan import Json, LoadError, Plan, Window, percentile

_GRACE = 5.0  # seconds that a late stream is waited for; a guess
_OPEN_AT_ONCE = 100  # below every backlog


@define
class PaceTally:
    """What the paced streams share; latencies in ns."""

    all_count: bool = True
    counting: bool = False
    delivered: int = 0
    in_window: int = 0
    latencies: list[int] = field(factory=list)
    complete: int = 0
    failure: str | None = None


class PacedConnection(Connection):
    """Reads one paced stream."""

    def __init__(self, tally: PaceTally) -> None:
        super().__init__()
        self.ended = asyncio.Event()
        self._tally = tally
        self._events = EventReader()

    def received(self, payload: bytes) -> None:
        now = time.monotonic_ns()
        tally = self._tally
        for event in self._events.feed(payload):
            sent = canned.read_stamp(event)
            if sent is None and not tally.all_count:
                continue
            tally.delivered += 1
            if tally.counting:
                tally.in_window += 1
                if sent is not None:
                    tally.latencies.append(now - sent)

    def finished(self) -> None:
        self._tally.complete += 1
        self.ended.set()

    def failed(self, reason: str) -> None:
        self._tally.failure = reason
        self.ended.set()


async def pace(plan: Plan) -> Json:
    """
    Open *connections* streams over *opening* seconds, each paced, each for *seconds*
    more.

    The window is the time in which all of them run, less half a second on each
    side. Streams that fail or come late show as events that were not delivered.
    """
    running = asyncio.get_running_loop()
    tally = PaceTally(all_count=not plan.untimed)
    count = max(6, round(plan.rate * (plan.seconds + plan.opening)))
    request = ask(evolve(plan, script=f"paced {plan.rate:g} {count}"))
    due = count - plan.untimed

    async def listen(delay: float) -> None:
        await asyncio.sleep(delay)
        connection = PacedConnection(tally)
        await running.create_connection(lambda: connection, "127.0.0.1", plan.port)
        connection.ask(request)
        try:
            await connection.ended.wait()
        finally:
            connection.close()

    delays = [plan.opening * n / plan.connections for n in range(plan.connections)]
    streams = [asyncio.create_task(listen(delay)) for delay in delays]
    window = Window(plan.watch)
    margin = min(0.5, plan.seconds / 8)
    await asyncio.sleep(plan.opening + margin)
    tally.counting = True
    window.open()
    await asyncio.sleep(plan.seconds - 2 * margin)
    result = window.close()
    tally.counting = False
    _, late = await asyncio.wait(streams, timeout=plan.opening + margin + _GRACE)
    for task in late:
        task.cancel()
    done = await asyncio.gather(*streams, return_exceptions=True)
    failures = [repr(exc) for exc in done if isinstance(exc, Exception)]
    latencies = sorted(tally.latencies)
    if not latencies:
        raise LoadError(tally.failure or "no event was delivered")
    return result | {
        "events": tally.in_window,
        "expected": due * plan.connections,
        "delivered": tally.delivered,
        "complete": tally.complete,
        "failure": tally.failure or next(iter(failures), None),
        "p50_ms": percentile(latencies, 50) / 1e6,
        "p99_ms": percentile(latencies, 99) / 1e6,
    }


class HeldConnection(Connection):
    """Waits for the first event, then for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.first = asyncio.get_running_loop().create_future()

    def received(self, payload: bytes) -> None:  # noqa: ARG002
        if not self.first.done():
            self.first.set_result(None)

    def finished(self) -> None:
        self.failed("the stream ended")

    def failed(self, reason: str) -> None:
        if not self.first.done():
            self.first.set_exception(LoadError(reason))


async def hold(plan: Plan, held: list[HeldConnection]) -> None:
    """
    Open *connections* streams that say one event and then nothing; add them to *held*.

    Raises:
        LoadError: one of them did not open, or not in the plan's time.
    """
    running = asyncio.get_running_loop()

    async def open_one(number: int) -> None:
        connection = HeldConnection()
        held.append(connection)
        await running.create_connection(lambda: connection, "127.0.0.1", plan.port)
        script = f"hold m{number}"
        connection.ask(ask(evolve(plan, script=script)))
        await connection.first

    begun = 0
    try:
        async with asyncio.timeout(plan.seconds):
            for begun in range(0, plan.connections, _OPEN_AT_ONCE):
                batch = range(begun, min(begun + _OPEN_AT_ONCE, plan.connections))
                await asyncio.gather(*map(open_one, batch))
    except TimeoutError:
        shown = f"{begun} of {plan.connections} streams open in {plan.seconds:g} s"
        raise LoadError(shown) from None
