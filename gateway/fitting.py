"""Falls back to aiohttp's own ways where the installed aiohttp does not fit ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from attrs import evolve

from gateway.lane import serving_check, upstream_check

if TYPE_CHECKING:
    from gateway.settings import Settings


async def fitting(settings: Settings) -> Settings:
    """
    Return *settings* without the fast ways that the installed aiohttp does not fit.

    They lean on its inside, which another release may change; a warning says so.
    """
    if settings.server.writer == "fast" and (reason := await serving_check.unfit()):
        _tell("server.writer", reason)
        settings = evolve(settings, server=evolve(settings.server, writer="aiohttp"))
    backends = settings.backends
    if any(backend.client == "fast" for backend in backends.values()):
        reason = await upstream_check.unfit()
        if reason:
            _tell("backends.*.client", reason)
            plain = {n: evolve(b, client="aiohttp") for n, b in backends.items()}
            settings = evolve(settings, backends=plain)
    return settings


def _tell(setting: str, reason: str) -> None:
    structlog.get_logger().warning(
        "lane.unavailable", setting=setting, instead="aiohttp", reason=reason
    )
