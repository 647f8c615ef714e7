"""
Asks the backends for their models: at the start, and now and then after it.

Nobody waits for it: requests are routed by what is known when they come.
"""

from __future__ import annotations

import asyncio
import random
from time import time
from typing import TYPE_CHECKING, Any

import structlog
from attrs import frozen

from gateway.domain.errors import LLMProxyError
from gateway.upstream import HttpBackend

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, MutableMapping

    from gateway.building import Backend

# Seconds after a failure, and how much longer after each further one.
FIRST_PAUSE = 5.0
LONGER = 4.0
LAST_PAUSE = 600.0
# Workers and gateways that were started together shall not ask together for ever.
JITTER = 0.2

CONFIGURED = "configured"
UNLISTED = "unlisted"
WAITING = "waiting"
FOUND = "found"
FAILED = "failed"


@frozen
class Learned:
    """
    What became of asking a backend for its models.

    Attributes:
        outcome: `CONFIGURED`: it need not be asked; `UNLISTED`: it cannot be;
            `WAITING`: it has not answered yet; `FOUND` or `FAILED`.
        at: when that was, in unix seconds.
        reason: why it failed, or is not asked.
    """

    outcome: str
    at: int | None = None
    reason: str | None = None

    def shown(self) -> dict[str, Any]:
        return {"outcome": self.outcome, "at": self.at, "reason": self.reason}


def at_first(backend: Backend) -> Learned:
    """Return what is known before *backend* is asked: perhaps that it never is."""
    if isinstance(backend, HttpBackend):
        if backend.closed_list:
            return Learned(CONFIGURED)
        if not backend.connector.models_path:
            return Learned(
                UNLISTED,
                reason=f"{backend.connector.name} lists no models; set `models`",
            )
    return Learned(WAITING)


async def learn(backend: Backend) -> Learned:
    """Ask *backend*; what it had told before is kept where it fails."""
    try:
        await backend.discover()
    except LLMProxyError as exc:
        return Learned(FAILED, int(time()), exc.message)
    except Exception as exc:  # credentials may be somebody else's, and raise anything
        structlog.get_logger().error(
            "discovery.failed", backend=backend.name, exc_info=exc
        )
        return Learned(FAILED, int(time()), type(exc).__name__)
    return Learned(FOUND, int(time()))


class Refreshing:
    """
    The asking of one process.

    Args:
        learned: takes what came of it, by the backends' names.
    """

    def __init__(
        self, backends: Mapping[str, Backend], learned: MutableMapping[str, Learned]
    ) -> None:
        self._learned = learned
        learned.update({name: at_first(b) for name, b in backends.items()})
        self._asked = [b for n, b in backends.items() if learned[n].outcome == WAITING]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> Collection[asyncio.Task[None]]:
        """Begin; return the tasks that run until `stop`, or until all is known."""
        self._tasks = [asyncio.create_task(self._keep(b)) for b in self._asked]
        return self._tasks

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, backend: Backend) -> None:
        failures = 0
        while True:
            learned = await learn(backend)
            failures = failures + 1 if learned.outcome == FAILED else 0
            self._note(backend, learned)
            pause = pause_after(backend, failures)
            if not pause:
                return
            spread = 1 + JITTER * (2 * random.random() - 1)  # noqa: S311 - no secret
            await asyncio.sleep(pause * spread)

    def _note(self, backend: Backend, learned: Learned) -> None:
        """Tell the log of a change, and of no more than that."""
        before = self._learned[backend.name].outcome
        self._learned[backend.name] = learned
        log = structlog.get_logger()
        if learned.outcome == FAILED != before:
            # It may come up later; `backend:model` is forwarded all the same.
            log.warning("models.unknown", backend=backend.name, reason=learned.reason)
        elif learned.outcome == FOUND and before == FAILED:
            log.info("models.known", backend=backend.name, models=len(backend.models))


def pause_after(backend: Backend, failures: int) -> float:
    """
    Return the seconds until *backend* is asked again; 0: never.

    Args:
        failures: in a row, up to now.
    """
    refresh = backend.settings.models_refresh
    if failures:
        first = min(FIRST_PAUSE, refresh or FIRST_PAUSE)
        return float(min(first * LONGER ** min(failures - 1, 10), LAST_PAUSE))
    # Another kind of backend is initialised once, and its list is read as it is.
    return refresh if isinstance(backend, HttpBackend) else 0.0
