"""
Carries finished exchanges between workers, so that each can show all of them.

A worker sends only while somebody listens somewhere; the supervisor passes on.
What does not fit into a socket's buffer is lost: this is a view, not a record.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gateway.gauges import Board
    from gateway.journal import Fields, Journal

MAX_MESSAGE = 64 * 1024


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the supervisor's end and the worker's."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


class Wire:
    """A worker's end."""

    def __init__(self, end: socket.socket, board: Board) -> None:
        self._end = end
        self._board = board
        self._journal: Journal | None = None

    def connect(self, journal: Journal) -> None:
        self._journal = journal
        journal.elsewhere = self._send
        asyncio.get_running_loop().add_reader(self._end, self._receive)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        self._end.close()

    def _send(self, fields: Fields) -> None:
        if self._board.total("listeners"):
            send(self._end, msgspec.json.encode(fields))

    def _receive(self) -> None:
        try:
            message = self._end.recv(MAX_MESSAGE)
        except BlockingIOError:
            return
        except ConnectionError:
            message = b""
        if not message:
            # The supervisor is gone: nobody would end this worker any more.
            asyncio.get_running_loop().remove_reader(self._end)
            os.kill(os.getpid(), signal.SIGTERM)
        elif self._journal is not None:
            self._journal.deliver(msgspec.json.decode(message))


def send(end: socket.socket, message: bytes) -> None:
    # Its buffer may be full, or the worker just going.
    with suppress(OSError):
        end.send(message)
