"""``sluicegate serve``: from the settings to as many processes as shall serve."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import structlog

from gateway import log
from gateway.access import with_hashed_keys
from gateway.config import read_address, unknown_variables
from gateway.garbage import keep
from gateway.gauges import Board
from gateway.sockets import CannotListenError, bind, files, raise_file_limit, remove

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractContextManager
    from pathlib import Path

    from gateway.discovery import Found
    from gateway.registry import Registry
    from gateway.settings import Settings
    from gateway.wiring import Wire


def run(settings: Settings, registry: Registry, profile: Path | None = None) -> int:
    """
    Serve until told to end; return the exit status.

    Args:
        profile: where a flame graph is written at the end; with workers, each adds its
            number to the name.
    """
    settings = with_hashed_keys(settings)
    log.set_up(settings.log)
    registry.load_plugins()
    raise_file_limit()
    server = settings.server
    addresses = [read_address(text) for text in server.listen]
    try:
        sockets = bind(addresses, server.backlog, server.workers)
    except CannotListenError as exc:
        print(f"sluicegate: {exc}", file=sys.stderr)
        return 1
    for name in unknown_variables(os.environ):
        structlog.get_logger().warning("variable.ignored", variable=name)
    ours = files(sockets[0])
    try:
        if not settings.backends:
            settings = _use_what_is_there(settings, registry, sockets[0])
        return _run(settings, registry, sockets, profile)
    finally:
        remove(ours)


def _use_what_is_there(
    settings: Settings, registry: Registry, sockets: list[socket.socket]
) -> Settings:
    from gateway import banner
    from gateway.discovery import adopt, find

    ports = [sock.getsockname()[1] for sock in sockets if sock.family.name != "AF_UNIX"]
    found: list[Found] = asyncio.run(find(registry, os.environ, ports))
    settings = adopt(settings, found)
    print(banner.text(settings, found, sockets), flush=True)
    return settings


def _run(
    settings: Settings,
    registry: Registry,
    sockets: list[list[socket.socket]],
    profile: Path | None,
) -> int:
    # What is loaded before the workers are forked is there once for all of them.
    from gateway.server import serve
    from gateway.workers import supervise

    run_loop = _loop()

    def work(
        own: list[socket.socket], board: Board, number: int, wire: Wire | None
    ) -> None:
        main = serve(settings, registry, own, board, number, wire)
        with _profiled(profile, number if wire else None):
            run_loop(main)

    if len(sockets) > 1:
        # A worker that cannot start is replaced, over and over.
        asyncio.run(registry.try_factories(settings, os.environ))
        registry.load(settings)
        keep()
        return supervise(sockets, work)
    work(sockets[0], Board(1), 0, None)
    return 0


def _profiled(file: Path | None, worker: int | None) -> AbstractContextManager[None]:
    if file is None:
        return nullcontext()
    from gateway.profiling import of_worker, profiled

    return profiled(file if worker is None else of_worker(file, worker))


def _loop() -> Callable[[Coroutine[None, None, None]], None]:
    try:
        import uvloop
    except ImportError:  # it is for CPython only
        return asyncio.run
    return uvloop.run
