"""What does not fit is left out, and said."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import fitting
from gateway.lane import serving_check, upstream_check
from gateway.settings import Backend, Server, Settings

PLAIN = Settings(
    server=Server(writer="aiohttp"), backends={"up": Backend(client="aiohttp")}
)
FAST = Settings(backends={"up": Backend(), "down": Backend(client="aiohttp")})


async def fits() -> None:
    return None


async def unfit() -> str:
    return "aiohttp 5"


@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize("asking", [True, False])
async def test_fitting(
    monkeypatch: pytest.MonkeyPatch, serving: Any, asking: Any
) -> None:
    """Each side falls back by itself, with a warning that names it."""
    monkeypatch.setattr(serving_check, "unfit", fits if serving else unfit)
    monkeypatch.setattr(upstream_check, "unfit", fits if asking else unfit)

    with capture_logs() as logs:
        settings = await fitting.fitting(FAST)

    assert settings.server.writer == ("fast" if serving else "aiohttp")
    assert settings.backends["up"].client == ("fast" if asking else "aiohttp")
    assert settings.backends["down"].client == "aiohttp"
    assert {line["setting"] for line in logs} == (
        (set() if serving else {"server.writer"})
        | (set() if asking else {"backends.*.client"})
    )
    assert all(line["event"] == "lane.unavailable" for line in logs)


async def test_nothing_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has switched the fast ways off is told nothing of them."""
    monkeypatch.setattr(serving_check, "unfit", unfit)
    monkeypatch.setattr(upstream_check, "unfit", unfit)

    with capture_logs() as logs:
        assert await fitting.fitting(PLAIN) is PLAIN

    assert not logs
