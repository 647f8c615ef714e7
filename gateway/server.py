"""One process that serves: from settings and bound sockets until it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from gateway.access import Access
from gateway.api import build, direct
from gateway.calling import Calling
from gateway.fitting import fitting
from gateway.garbage import settle
from gateway.journal import Journal
from gateway.protocol import Runner
from gateway.refreshing import Refreshing
from gateway.relay import ShutdownError
from gateway.routes import RouteTable
from gateway.sockets import shown
from gateway.state import Gateway
from gateway.virtual_backend import VirtualBackend
from gateway.writing import FAST, PLAIN, Writing

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from gateway.gauges import Board
    from gateway.registry import Registry
    from gateway.settings import Settings
    from gateway.wiring import Wire

# Longer than a reverse proxy keeps a connection, or it would use a closed one.
KEEP_ALIVE = 75.0
# How long the rest of a refused body is read, so that the refusal is.
LINGERING = 2.0
# What remains after all exchanges have ended: closing connections.
CLOSING = 1.0
# An interrupted exchange writes one frame.
LAST_WORDS = 2.0


async def serve(
    settings: Settings,
    registry: Registry,
    sockets: list[socket.socket],
    board: Board,
    worker: int = 0,
    wire: Wire | None = None,
) -> None:
    """
    Serve until SIGTERM or SIGINT; a second one skips the waiting.

    Args:
        sockets: bound and listening; closed at the end.
        wire: to the other workers, where there are any.
    """
    log = structlog.get_logger()
    settings = await fitting(settings)
    site = make_site(settings, registry, board, worker)
    runner = Runner(
        build(site),
        head_timeout=settings.server.header_timeout,
        direct=direct(site),
        fast=site.writing is FAST,
        # Off by default, and on in aiohttp's own test tools: without it nobody
        # notices that a client has left.
        handler_cancellation=True,
        access_log=None,
        keepalive_timeout=KEEP_ALIVE,
        lingering_time=LINGERING,
        shutdown_timeout=CLOSING,
    )
    await runner.setup()
    ending = _signals((signal.SIGTERM,) if wire else (signal.SIGTERM, signal.SIGINT))
    if wire is not None:
        wire.connect(site.journal)
    sites = [web.SockSite(runner, sock) for sock in sockets]
    for listener in sites:
        await listener.start()
    log.info(
        "server.listening", addresses=[shown(sock) for sock in sockets], worker=worker
    )
    refreshing = Refreshing(site.backends, site.learned)
    site.standing |= {asyncio.current_task(), *refreshing.start()}
    settle()
    try:
        await ending.wait()
        ending.clear()
        log.info("server.draining", active=len(site.exchanges), worker=worker)
        site.draining = True
        await _stop_listening(runner, sites)
        await _drain(site, ending)
    finally:
        await refreshing.stop()
        await runner.cleanup()
        if wire is not None:
            wire.close()
        await site.close()
        await _leave_behind()
        log.info("server.stopped", worker=worker)
        _ignore_signals()


async def _leave_behind() -> None:
    """
    End the tasks that are left, or else leave them behind.

    They are somebody else's. One that takes no cancellation would otherwise be waited
    for without end when the loop is closed.
    """
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=LAST_WORDS)
    for task in left:
        structlog.get_logger().warning("task.left_behind", task=task.get_name())
        # Source: https://docs.python.org/3/library/asyncio-extending.html
        asyncio.tasks._unregister_task(task)  # noqa: SLF001


def make_site(
    settings: Settings, registry: Registry, board: Board, worker: int
) -> Gateway:
    """Return what the exchanges of worker *worker* share; call it in its loop."""
    backends = {
        name: registry.build(name, backend, os.environ)
        for name, backend in settings.backends.items()
    }
    absent = registry.absent(
        registry.type_of(name, backend.settings) for name, backend in backends.items()
    )
    table = RouteTable(settings.routes, backends, settings.default_backend, absent)
    provider = Calling(table, backends, registry, settings.server.max_reply)
    for backend in backends.values():
        if isinstance(backend, VirtualBackend):
            backend.provider = provider
        else:
            for dialect in backend.speaks:
                dialect.load()
    registry.run_hooks(provider)
    gauges = board.row(worker)
    return Gateway(
        settings=settings,
        backends=backends,
        table=table,
        board=board,
        worker=worker,
        gauges=gauges,
        access=Access(settings.server),
        journal=Journal(gauges),
        writing=_writing(settings.server.writer),
    )


def _writing(writer: str) -> Writing:
    return FAST if writer == "fast" else PLAIN


def _signals(numbers: Iterable[signal.Signals]) -> asyncio.Event:
    """Return what is set by a signal; a supervisor passes its own on as SIGTERM."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, ending.set)
    return ending


def _ignore_signals() -> None:
    """Let nothing spoil the exit status of a process that has done its work."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def _stop_listening(runner: Runner, sites: list[web.SockSite]) -> None:
    for listener in sites:
        await listener.stop()
    if runner.server is not None:
        # Idle connections close at once, busy ones after their answer.
        runner.server.pre_shutdown()


async def _drain(site: Gateway, hurry: asyncio.Event) -> None:
    """Wait for the exchanges to end; end those that take too long."""
    site.journal.end()
    grace = site.settings.server.shutdown_grace
    await _empty(site, grace, hurry)
    site.interrupt(ShutdownError("the gateway is shutting down", retry_after=1))
    await _empty(site, LAST_WORDS, None)


async def _empty(site: Gateway, seconds: float, hurry: asyncio.Event | None) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while site.exchanges and asyncio.get_running_loop().time() < deadline:
        if hurry is not None and hurry.is_set():
            return
        await asyncio.sleep(0.02)
