"""A client's connection, as bare as it can be."""

from __future__ import annotations

import asyncio
from typing import cast

from bench.http1 import HttpError, ReplyReader


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self.lost = False
        self._reader = ReplyReader()
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._waiting:
            self._waiting = False
            self.failed(f"connection lost while waiting for a reply: {exc!r}")

    def eof_received(self) -> None:
        if not self._waiting:
            return
        try:
            self._reader.eof()
        except HttpError as exc:
            self._fail(str(exc))
        else:
            self._waiting = False
            self.finished()

    def data_received(self, data: bytes) -> None:
        if not self._waiting:
            return
        try:
            payload = self._reader.feed(data)
        except HttpError as exc:
            self._fail(str(exc))
            return
        if self._reader.status not in {0, 200}:
            self._fail(f"status {self._reader.status}: {payload[:300]!r}")
            return
        if payload:
            self.received(payload)
        if self._reader.done:
            self._waiting = False
            if self._reader.closing:
                self.close()
            self.finished()

    def ask(self, request: bytes) -> None:
        self._reader = ReplyReader()
        self._waiting = True
        self._transport.write(request)

    def close(self) -> None:
        self._waiting = False
        self.lost = True
        self._transport.abort()

    def received(self, payload: bytes) -> None:
        raise NotImplementedError

    def finished(self) -> None:
        raise NotImplementedError

    def failed(self, reason: str) -> None:
        raise NotImplementedError

    def _fail(self, reason: str) -> None:
        self.close()
        self.failed(reason)
