"""
A real OAuth 2 server, which the tests start: ``server.mjs`` on Node.

``make tests/oauth/node_modules`` installs what it needs, as pinned in the lock file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from attrs import define

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE = Path(__file__).parent
INSTALLED = HERE / "node_modules" / "oidc-provider"


CLIENT = "sluice"
CLIENT_SECRET = "planted-secret:+/&%"
# A client that has no secret.
PUBLIC = "public"


@define
class Issuer:
    """The server, and what the tests tell it."""

    port: int

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    async def sign_in(self, **given: Any) -> dict[str, Any]:
        """Return what a credentials file holds after a sign-in."""
        members: dict[str, Any] = await self._tell("sign-in", given)
        return members

    async def set(self, **state: Any) -> None:
        """Set ``ttl`` (seconds), ``mode`` (ok, down, echo, basic) or ``delay`` (ms)."""
        await self._tell("set", state)

    async def calls(self) -> list[dict[str, Any]]:
        """Return what the token endpoint was asked since the last `reset`."""
        found: list[dict[str, Any]] = await self._tell("calls", {})
        return found

    async def valid(self, token: str) -> bool:
        return bool((await self._tell("valid", {"token": token}))["valid"])

    async def revoke(self, refresh_token: str) -> None:
        await self._tell("revoke", {"refresh_token": refresh_token})

    async def reset(self) -> None:
        await self.set(ttl=3600, mode="ok", delay=0, calls=[])

    async def _tell(self, name: str, given: dict[str, Any]) -> Any:
        url = f"http://127.0.0.1:{self.port}/control/{name}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json=given) as answer,
        ):
            assert answer.status == 200, name
            return await answer.json()


@contextlib.asynccontextmanager
async def issuer() -> AsyncIterator[Issuer]:
    """Start the server; it stops when its input ends."""
    if not INSTALLED.exists():
        reason = "missing: make tests/oauth/node_modules"
        if os.environ.get("SLUICEGATE_REQUIRE_ALL") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "server.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        yield Issuer(json.loads(line)["port"])
    finally:
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()
