"""A real gateway between a caller and an upstream that both do as they are told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from tests.client import CHAT, Answer, Caller, ask, chat

if TYPE_CHECKING:
    from tests.process import Gateway, Line
    from tests.upstream import Request, Script, Upstream

_NUMBERS = itertools.count()


@frozen
class Scene:
    """One exchange in progress: a caller that has sent its request."""

    case: str
    caller: Caller
    stage: Stage

    async def request(self) -> Request:
        """Wait for the request to arrive at the upstream."""
        return await self.stage.upstream.request(self.case)

    async def done(self) -> Line:
        return await self.stage.gateway.done(self.case)


@frozen
class Stage:
    upstream: Upstream
    gateway: Gateway

    def add(self, script: Script | None) -> str:
        """Return the name of a case for which the upstream plays *script*, if any."""
        case = f"case-{next(_NUMBERS)}"
        if script is not None:
            self.upstream.scripts[case] = script
        return case

    async def exchange(
        self,
        script: Script | None = None,
        *,
        path: str = CHAT,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> tuple[Answer, Line]:
        """Return the answer to one chat request, and its ``exchange.done``."""
        case = self.add(script)
        body = chat(case, **members)
        named = {"x-request-id": case, **(headers or {})}
        answer = await ask(self.gateway.port, body, path, headers=named)
        return answer, await self.gateway.done(case)

    @contextlib.asynccontextmanager
    async def scene(
        self,
        script: Script | None = None,
        *,
        receive_buffer: int | None = None,
        **members: Any,
    ) -> AsyncIterator[Scene]:
        """Send one chat request, and leave the answer to the test."""
        case = self.add(script)
        async with Caller(self.gateway.port, receive_buffer=receive_buffer) as caller:
            await caller.send(chat(case, **members), headers={"x-request-id": case})
            yield Scene(case, caller, self)


async def stalled(count: Callable[[], int], quiet: float = 0.3) -> int:
    """Wait until *count* has not grown for *quiet* seconds; return it."""
    async with asyncio.timeout(20):
        seen, since = count(), time.monotonic()
        while not seen or time.monotonic() - since < quiet:
            await asyncio.sleep(0.02)
            if count() != seen:
                seen, since = count(), time.monotonic()
    return seen
