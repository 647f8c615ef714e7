"""Plays the demo's scripts in time."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import evolve

from connectors.demo.script import TOKENS, script_of
from connectors.demo.settings import MODELS, read_settings
from gateway.domain.fold import Fold
from gateway.plugin import (
    LLMBackend,
    ProcessedResponse,
    ResponseEnvelope,
    StreamingResponseEnvelope,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.demo.script import Script
    from connectors.demo.settings import Settings
    from gateway.domain.events import Event
    from gateway.domain.request import Request

_TICK = 0.01  # seconds; faster tokens than this come several at a time
_BATCH = 128  # tokens at a time where nothing has to be waited for


class DemoBackend(LLMBackend):
    """
    Answers by itself; ``docs/demo.md`` lists its models.

    The name of a model arrives with its query, as in ``lorem?tokens=200``.
    """

    backend_type = "demo"

    def __init__(self, client: Any, config: Any, translation_service: Any) -> None:
        super().__init__(config)
        del client, translation_service  # nobody to talk to, nothing to translate

    async def initialize(self, **kwargs: Any) -> None:
        """Need nothing."""

    async def chat_completions(
        self,
        request_data: Request,
        processed_messages: list[Any],
        effective_model: str,
        identity: Any = None,  # noqa: ARG002 - the contract's
        **kwargs: Any,  # noqa: ARG002 - the contract's
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        """
        Answer as the name of the model says.

        Raises:
            RoutingError: no such model.
            InvalidRequestError: no such parameter, or more than the demo can do.
            BackendError: one that the caller asked for.
        """
        settings = read_settings(effective_model)
        request = request_data
        if processed_messages:
            request = evolve(request, turns=tuple(processed_messages))
        script = script_of(request, settings, uuid4().hex[:16], int(time.time()))
        player = Player(script, settings)
        if request.stream:
            return StreamingResponseEnvelope(
                player.pieces(), cancel_callback=player.cancel
            )
        folding = Fold()
        async for piece in player.pieces():
            for event in piece.content:
                folding.feed(event)
        reply = folding.reply()
        return ResponseEnvelope(reply, usage=reply.usage)

    def get_available_models(self) -> list[str]:
        return list(MODELS)


class Player:
    """
    Plays one script, once.

    Token *n* is due *n* / rate seconds after the first one. Being late for one
    token does not delay those after it: they come together.
    """

    def __init__(self, script: Script, settings: Settings) -> None:
        self._script = script
        self._settings = settings
        self._cancelled = False
        self._wait: asyncio.Future[None] | None = None

    async def cancel(self) -> None:
        """End the pieces, wherever they are; again and again if need be."""
        self._cancelled = True
        if self._wait is not None:
            _wake(self._wait)

    async def pieces(self) -> AsyncIterator[ProcessedResponse]:
        clock = asyncio.get_running_loop().time
        start = clock() + self._settings.first
        if not await self._until(start):
            return
        batch: list[Event] = []
        played = ready = 0
        for event in self._script.events:
            if isinstance(event, TOKENS):
                due = start + self._offset(played)
                if ready and (due > clock() or ready >= _BATCH):
                    yield ProcessedResponse(tuple(batch))
                    batch, ready = [], 0
                    if not await self._until(due):
                        return
                played, ready = played + 1, ready + 1
            batch.append(event)
        if batch:
            yield ProcessedResponse(tuple(batch))
        if self._script.hangs:
            await self._until(math.inf)

    def _offset(self, played: int) -> float:
        """Return when a token is due, in seconds after the first."""
        rate = self._settings.rate
        if not rate:
            return 0.0
        offset = played / rate
        return offset if rate <= 1 / _TICK else math.ceil(offset / _TICK) * _TICK

    async def _until(self, due: float) -> bool:
        """Wait until *due* on the loop's clock; false: cancelled meanwhile."""
        if self._cancelled:
            return False
        loop = asyncio.get_running_loop()
        self._wait = loop.create_future()
        timer = None if due == math.inf else loop.call_at(due, _wake, self._wait)
        try:
            await self._wait
        finally:
            if timer is not None:
                timer.cancel()
        return not self._cancelled


def _wake(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)
