"""An aiohttp that has changed inside is noticed before anybody is served."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp.web import BaseRequest, StreamResponse
from aiohttp.web_protocol import RequestHandler

from gateway.lane.serving_check import unfit


async def test_fits() -> None:
    """It finds nothing in the installed one, at no cost, and leaves nothing behind."""
    before = asyncio.all_tasks()

    await unfit()
    begun = time.perf_counter()
    assert await unfit() is None

    assert time.perf_counter() - begun < 0.05  # mostly 0.001
    assert asyncio.all_tasks() == before


async def _handle_request(self: Any, request: Any, handler: Any) -> Any:
    raise AssertionError


def connection_lost(self: Any, exc: BaseException | None) -> None:
    """Leave the handler alone."""
    self.force_close()


async def _prepare_headers(self: StreamResponse) -> None:
    self._headers["x-new"] = "in aiohttp 5"
    await PREPARE_HEADERS(self)


PREPARE_HEADERS = StreamResponse._prepare_headers


async def _write_headers(self: StreamResponse) -> None:
    raise ConnectionResetError


CHANGES = [
    (RequestHandler, _handle_request),
    (RequestHandler, connection_lost),
    (StreamResponse, _prepare_headers),
    (StreamResponse, _write_headers),
]


@pytest.mark.parametrize(
    ("where", "change"), CHANGES, ids=[change.__name__ for _, change in CHANGES]
)
async def test_changed(monkeypatch: Any, where: type, change: Any) -> None:
    """A method that does something else is a reason, in words, and no exception."""
    before = asyncio.all_tasks()
    monkeypatch.setattr(where, change.__name__, change)

    assert isinstance(await unfit(), str)

    for task in asyncio.all_tasks() - before:
        task.cancel()


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (RequestHandler, "_handle_request"),
        (RequestHandler, "_process_keepalive"),
        (RequestHandler, "_waiter"),
        (RequestHandler, "_messages"),
        (RequestHandler, "_lingering_time"),
        (BaseRequest, "_prepare_hook"),
        (BaseRequest, "keep_alive"),
        (BaseRequest, "protocol"),
        (StreamResponse, "_payload_writer"),
        (StreamResponse, "_eof_sent"),
    ],
)
async def test_gone(monkeypatch: Any, where: type, name: str) -> None:
    monkeypatch.delattr(where, name)

    assert isinstance(await unfit(), str)


async def test_named(monkeypatch: Any) -> None:
    """The reason shows what differs."""
    monkeypatch.setattr(StreamResponse, "_prepare_headers", _prepare_headers)

    assert "x-new: in aiohttp 5" in str(await unfit())
