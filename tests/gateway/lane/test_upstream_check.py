"""An aiohttp that has changed inside is noticed before any backend is asked."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector

from gateway.lane.upstream_check import unfit


async def test_fits() -> None:
    """It finds nothing in the installed one, at no cost, and leaves nothing behind."""
    before = asyncio.all_tasks()

    await unfit()
    begun = time.perf_counter()
    assert await unfit() is None

    assert time.perf_counter() - begun < 0.05  # mostly 0.0003
    assert asyncio.all_tasks() == before


async def _get(self: Any, key: Any, traces: Any, more: Any) -> Any:
    """Want another argument."""


def _release(self: Any, key: Any, protocol: Any, **_: Any) -> None:
    """Forget the connection."""
    self._release_acquired(key, protocol)


def _release_acquired(self: Any, key: Any, protocol: Any) -> None:
    """Leave it among those in use."""


@property  # type: ignore[misc]
def should_close(self: Any) -> bool:
    return True


CHANGES = {
    "_get": (BaseConnector, _get),
    "_release": (BaseConnector, _release),
    "_release_acquired": (BaseConnector, _release_acquired),
    "should_close": (ResponseHandler, should_close),
    "connect": (BaseConnector, None),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_changed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever differs is told in a word or two, and raises nothing."""
    where, change = CHANGES[name]
    monkeypatch.setattr(where, name, change)

    reason = await unfit()

    assert reason is not None
    assert "\n" not in reason
