"""
Several serving processes under one supervisor.

Each worker has a listening socket of its own on the same port, among which the
kernel spreads connections. The supervisor holds all of them, so connections
that wait for a worker which has died are served by the one that replaces it.
See ``docs/decisions/0003-workers.md``.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import structlog
from attrs import define, field

from gateway import log
from gateway.gauges import Board
from gateway.wiring import MAX_MESSAGE, Wire, pair, send

Run: TypeAlias = Callable[[list[socket.socket], Board, int, Wire], None]

# A worker that dies sooner than this after its start is not replaced at once.
TOO_SOON = 1.0
_ENDING = (signal.SIGTERM, signal.SIGINT)


@define(eq=False)
class _Worker:
    number: int
    pid: int
    end: socket.socket
    started: float = field(factory=time.monotonic)


def supervise(sockets: list[list[socket.socket]], run: Run) -> int:
    """
    Keep a worker alive for each element of *sockets* until told to end.

    Args:
        run: called in each new process; serves until SIGTERM.

    Returns:
        The exit status: 0 after SIGTERM or SIGINT.
    """
    return _Supervisor(sockets, run).run()


class _Supervisor:
    def __init__(self, sockets: list[list[socket.socket]], run: Run) -> None:
        self._sockets = sockets
        self._run = run
        self._board = Board(len(sockets))
        self._workers: dict[int, _Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._log = structlog.get_logger()
        self._ending = False

    def run(self) -> int:
        wake, woken = socket.socketpair()
        for end in (wake, woken):
            end.setblocking(False)
        signal.set_wakeup_fd(woken.fileno())
        for caught in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(caught, lambda *_: None)
        self._selector.register(wake, selectors.EVENT_READ)
        for number in range(len(self._sockets)):
            self._fork(number)
        while self._workers:
            for key, _ in self._selector.select():
                if key.fileobj is wake:
                    self._on_signals(wake.recv(1024))
                else:
                    self._pass_on(key.data)
        return 0

    def _on_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGCHLD:
                self._reap()
            else:
                self._end()

    def _end(self) -> None:
        self._ending = True
        for own in self._sockets:
            for sock in own:
                sock.close()
        for pid in self._workers:
            os.kill(pid, signal.SIGTERM)

    def _fork(self, number: int) -> None:
        ours, theirs = pair()
        # What comes before the worker can hear it must wait, or it would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        pid = os.fork()
        if not pid:
            ours.close()
            self._serve(number, theirs)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        theirs.close()
        worker = _Worker(number, pid, ours)
        self._workers[pid] = worker
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _serve(self, number: int, end: socket.socket) -> None:
        """Become a worker; never returns."""
        signal.set_wakeup_fd(-1)
        for caught in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(caught, signal.SIG_DFL)
        # A terminal sends it to everybody; the supervisor passes it on.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        status = 1
        try:
            for other, own in enumerate(self._sockets):
                for sock in own:
                    if other != number and sock not in self._sockets[number]:
                        sock.close()
            for worker in self._workers.values():
                worker.end.close()
            self._run(
                self._sockets[number], self._board, number, Wire(end, self._board)
            )
            status = 0
        except BaseException:  # the process ends here, whatever it is
            self._log.exception("worker.failed", worker=number)
        finally:
            log.flush()  # what is registered at exit is not called
            os._exit(status)

    def _reap(self) -> None:
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            worker = self._workers.pop(pid)
            with suppress(KeyError):
                self._selector.unregister(worker.end)
            worker.end.close()
            self._board.clear(worker.number)
            if not self._ending:
                self._replace(worker, status)

    def _replace(self, worker: _Worker, status: int) -> None:
        self._log.error(
            "worker.died",
            worker=worker.number,
            pid=worker.pid,
            status=os.waitstatus_to_exitcode(status),
        )
        if time.monotonic() - worker.started < TOO_SOON:
            time.sleep(TOO_SOON)
        self._fork(worker.number)

    def _pass_on(self, sender: _Worker) -> None:
        try:
            message = sender.end.recv(MAX_MESSAGE)
        except OSError:  # it has died, and may be replaced already
            return
        if not message:  # it is ending, and would be readable until it has ended
            self._selector.unregister(sender.end)
        for worker in self._workers.values():
            if message and worker is not sender:
                send(worker.end, message)
