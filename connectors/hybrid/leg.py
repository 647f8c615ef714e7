"""One of the two models being asked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

from gateway.domain.fold import unfold
from gateway.plugin import ResponseEnvelope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.request import Request
    from gateway.plugin import (
        CancelCallback,
        Headers,
        Identity,
        ProcessedResponse,
        Provider,
        StreamingResponseEnvelope,
    )

# What is asked right now is asked by a hybrid backend.
inside: ContextVar[bool] = ContextVar("inside", default=False)


class Leg:
    """
    Asks one model, once; `close` it whatever happens.

    Attributes:
        asked: the request.
        headers: the provider's, once it has answered.
        losses: what it could not be told.
    """

    def __init__(
        self,
        provider: Provider,
        selector: str,
        asked: Request,
        identity: Identity | None,
    ) -> None:
        self.asked = asked
        self.headers: Headers = {}
        self.losses: list[Loss] = []
        self._provider = provider
        self._selector = selector
        self._identity = identity
        self._opening: asyncio.Task[None] | None = None
        self._pieces: AsyncIterator[ProcessedResponse] | None = None
        self._whole: tuple[Event, ...] = ()
        self._cancel: CancelCallback | None = None
        self._closed = False

    async def next(self) -> tuple[Event, ...]:
        """
        Return the next events, none where there are no more.

        Raises:
            LLMProxyError: the model failed.
        """
        await self.open()
        if self._closed:
            return ()
        if self._pieces is None:
            whole, self._whole = self._whole, ()
            return whole
        async for piece in self._pieces:
            if piece.content:
                return piece.content
        return ()

    async def close(self) -> None:
        """Free the upstream, wherever it is; again and again if need be."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            await cancel()

    async def open(self) -> None:
        """
        Return once it answers, or is closed; again at once.

        Raises:
            LLMProxyError: the model failed.
        """
        if self._opening is not None or self._closed:
            return
        # A task of its own can be ended from outside.
        self._opening = asyncio.create_task(self._ask())
        try:
            await self._opening
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise

    async def _ask(self) -> None:
        inside.set(True)  # in this task's own context
        envelope = await self._provider.chat_completions(
            self._selector, self.asked, self._identity
        )
        self.headers, self.losses = envelope.headers, envelope.losses
        if isinstance(envelope, ResponseEnvelope):
            self._whole = tuple(unfold(envelope.content))
            return
        self._pieces, self._cancel = envelope.content, _ending(envelope)


def _ending(envelope: StreamingResponseEnvelope) -> CancelCallback:
    async def end() -> None:
        if envelope.cancel_callback is not None:
            await envelope.cancel_callback()
        close = getattr(envelope.content, "aclose", None)
        if close is not None:
            with suppress(RuntimeError):  # it is running, and now it ends
                await close()

    return end
