"""Load that asks again as soon as it has an answer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from attrs import define, field

from bench import canned, speech
from bench.checking import checker
from bench.connection import Connection
from bench.plan import Json, LoadError, Plan, Window, percentile

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.checking import Check


@define
class LoopTally:
    """What the connections of a closed loop share."""

    stopped: bool = False
    seconds: list[float] = field(factory=list)
    reconnects: int = 0
    failure: str | None = None


class LoopConnection(Connection):
    """Asks again as soon as it has the answer, and checks every byte of it."""

    def __init__(
        self,
        request: bytes,
        check: Check,
        tally: LoopTally,
        reopen: Callable[[], None],
    ) -> None:
        super().__init__()
        self._request = request
        self._check = check
        self._tally = tally
        self._reopen = reopen
        self._pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._next()

    def received(self, payload: bytes) -> None:
        self._pieces.append(payload)

    def finished(self) -> None:
        self._tally.seconds.append(time.monotonic() - self._asked)
        fault = self._check(b"".join(self._pieces))
        if fault is not None:
            self.failed(fault)
        elif self._tally.stopped:
            self.close()
        elif self.lost:
            self._tally.reconnects += 1
            self._reopen()
        else:
            self._next()

    def failed(self, reason: str) -> None:
        if not self._tally.stopped:
            self._tally.stopped = True
            self._tally.failure = reason

    def _next(self) -> None:
        self._pieces = []
        self._asked = time.monotonic()
        self.ask(self._request)


def ask(plan: Plan) -> bytes:
    """Return the request that *plan* is about."""
    if plan.dialect is None:
        return canned.request(plan.script, plan.model, plan.headers)
    return speech.request(plan.dialect, plan.script, plan.model, plan.headers)


async def loop(plan: Plan) -> Json:
    """
    Keep *connections* requests under way, and count what is answered in the window.

    Raises:
        LoadError: an answer was not what the upstream said.
    """
    running = asyncio.get_running_loop()
    tally = LoopTally()
    request = ask(plan)
    check = checker(plan)
    tasks: set[asyncio.Task[None]] = set()
    connections: list[LoopConnection] = []

    async def open_one() -> None:
        connection = LoopConnection(request, check, tally, reopen)
        connections.append(connection)
        await running.create_connection(lambda: connection, "127.0.0.1", plan.port)

    def reopen() -> None:
        task = asyncio.create_task(open_one())
        tasks.add(task)
        task.add_done_callback(opened)

    def opened(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            tally.failure = tally.failure or f"could not reconnect: {exc!r}"

    for _ in range(plan.connections):
        await open_one()
    window = Window(plan.watch)
    await asyncio.sleep(plan.warm)
    tally.seconds.clear()
    window.open()
    await asyncio.sleep(plan.seconds)
    result = window.close()
    seconds = sorted(tally.seconds)
    tally.stopped = True
    for connection in connections:
        if not connection.lost:
            connection.close()
    if tally.failure:
        raise LoadError(tally.failure)
    if not seconds:
        raise LoadError("nothing was answered")
    return result | {
        "answers": len(seconds),
        "reconnects": tally.reconnects,
        "p50_ms": percentile(seconds, 50) * 1e3,
        "p99_ms": percentile(seconds, 99) * 1e3,
    }
