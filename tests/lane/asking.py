"""Asks a scripted upstream in this process, by the lane or by aiohttp's client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from connectors.auth import bearer
from gateway.building import build_declared
from gateway.domain.errors import LLMProxyError
from gateway.fronts.base import Ask
from gateway.lane.connection import LaneConnector
from gateway.plugin import Connector, Dialect
from gateway.settings import Backend

if TYPE_CHECKING:
    from gateway.answers import Answer
    from gateway.upstream import HttpBackend

_CHAT = Dialect("openai_chat", {"chat": "/chat/completions"})
_CONNECTOR = Connector("c", "", (_CHAT,), bearer, key_optional=True)
_ASK = Ask("m", stream=False)
BODY = b'{"model":"m"}'


@frozen
class Got:
    """
    What came of one request.

    Attributes:
        status: ``None`` if no head came.
        code: of the error; empty for a whole answer.
        body: as far as it came.
    """

    status: int | None
    body: bytes
    code: str = ""
    text: str = ""
    headers: Mapping[str, str] | None = None


class Asked:
    """One backend, asked as the gateway asks it."""

    def __init__(self, backend: HttpBackend) -> None:
        self.backend = backend
        connector = backend.session.connector
        assert isinstance(connector, LaneConnector)
        self.connector = connector

    @property
    def taken(self) -> int:
        """Connections that belong to a request."""
        return len(self.connector._acquired)

    @property
    def idle(self) -> list[Any]:
        """The connections that wait for the next request."""
        return [proto for some in self.connector._conns.values() for proto, _ in some]

    async def open(self, body: bytes = BODY, method: str = "POST") -> Answer:
        target = self.backend.native("openai_chat", "chat", _ASK, "m")
        assert target is not None
        return await self.backend.open(target, target.at("m"), body, {}, method)

    async def got(self, body: bytes = BODY, *, push: bool = False) -> Got:
        """Read an answer to its end, proper or not."""
        try:
            answer = await self.open(body)
        except LLMProxyError as error:
            return Got(None, b"", error.code, error.message)
        pieces: list[bytes] = []
        try:
            await (_delivered if push else _read)(answer, pieces)
        except LLMProxyError as error:
            return Got(answer.status, b"".join(pieces), error.code, error.message)
        finally:
            answer.close()
        return Got(answer.status, b"".join(pieces), headers=answer.headers)

    async def settled(self, timeout: float = 1.0) -> None:
        """Wait until no connection is taken and no transport is left paused."""
        async with asyncio.timeout(timeout):
            while self.taken:
                await asyncio.sleep(0.002)
        for protocol in self.idle:
            transport = protocol.transport
            assert transport.is_closing() or transport.is_reading()


def _ours(task: asyncio.Task[Any]) -> bool:
    return "/tests/" not in task.get_coro().cr_code.co_filename  # type: ignore[union-attr]


async def _read(answer: Answer, pieces: list[bytes]) -> None:
    while piece := await answer.read():
        pieces.append(piece)


async def _delivered(answer: Answer, pieces: list[bytes]) -> None:
    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return len(pieces) == 1  # as a stream does, to look at the first words

    while not await answer.deliver(take):
        pass


@frozen
class Side:
    """
    One of the two ways.

    Attributes:
        way: what ``client`` of the backend is.
    """

    way: Literal["fast", "aiohttp"]

    @property
    def fast(self) -> bool:
        return self.way == "fast"

    @asynccontextmanager
    async def asking(self, url: str, **members: Any) -> AsyncIterator[Asked]:
        """Give a backend at *url*; leaving asserts that nothing of it is left."""
        before = asyncio.all_tasks()
        settings = Backend(api_base_url=url, client=self.way, **members)
        backend = build_declared("up", _CONNECTOR, settings, {})
        asked = Asked(backend)
        assert (backend.lane is not None) is self.fast
        try:
            yield asked
            await asked.settled()
            left = {task for task in asyncio.all_tasks() - before if _ours(task)}
            assert not left, left
        finally:
            await backend.close()
