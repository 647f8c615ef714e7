"""One request to a pair of models, from the first thought to the last word."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog

from connectors.hybrid.answering import Answer
from connectors.hybrid.asking import (
    OURS,
    OURS_IN_THOUGHTS,
    for_execution,
    for_reasoning,
    kept_losses,
)
from connectors.hybrid.failing import failed
from connectors.hybrid.leg import Leg
from connectors.hybrid.thinking import Thinker
from gateway.domain.events import Fault, ReplyEnd, ReplyStart, UsageUpdate
from gateway.plugin import APIConnectionError, LLMProxyError, ProcessedResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from connectors.hybrid.selector import Leaf, Pair
    from connectors.hybrid.settings import Settings
    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.request import Request
    from gateway.plugin import Headers, Identity, Provider

# When a model has finished, its counts follow at once or not at all.
LINGER = 1.0


class Run:
    """
    Asks both: first `open`, then the `pieces`.

    Args:
        thinks: otherwise the second model is asked alone.

    Attributes:
        losses: what the two could not be told, so far.
        headers: of the provider that answers, once it does.
    """

    def __init__(
        self,
        provider: Provider,
        pair: Pair,
        request: Request,
        identity: Identity | None,
        settings: Settings,
        *,
        thinks: bool,
    ) -> None:
        self.losses: list[Loss] = []
        self.headers: Headers = {}
        self._provider = provider
        self._pair = pair
        self._request = request
        self._identity = identity
        self._settings = settings
        self._thinks = thinks
        self._thinker = Thinker(settings.stop_phrases)
        self._thoughts = ""
        self._late = self._noted = self._over = False
        self._now = asyncio.get_running_loop().time
        self._due = self._now() + settings.reasoning_timeout
        self._leg = self._first()

    async def open(self) -> None:
        """
        Ask the first model, and return once it answers.

        Raises:
            LLMProxyError: it failed before.
        """
        phase = "reasoning" if self._thinks else "execution"
        try:
            async with asyncio.timeout_at(self._due if self._thinks else None):
                await self._leg.open()
        except TimeoutError:
            self._late = True
        except LLMProxyError as error:
            raise self._error(phase, error) from error

    async def cancel(self) -> None:
        """Free the upstream in either phase, and end the pieces."""
        self._over = True
        await self._leg.close()

    async def pieces(self) -> AsyncGenerator[ProcessedResponse]:
        """Yield the answer: thoughts, then what they led to."""
        try:
            yield _piece([ReplyStart()])
            if self._thinks and not self._over:
                async with aclosing(self._think()) as thinking:
                    async for piece in thinking:
                        yield piece
            if not self._over:
                async with aclosing(self._answer()) as answering:
                    async for piece in answering:
                        yield piece
        finally:
            await self._leg.close()

    # -- the first phase

    def _first(self) -> Leg:
        leaf, settings = self._pair.reasoning, self._settings
        if self._thinks:
            asked = for_reasoning(self._request, leaf, settings)
            return self._ask(leaf, asked, OURS_IN_THOUGHTS)
        return self._second()

    async def _think(self) -> AsyncGenerator[ProcessedResponse]:
        thinker = self._thinker
        while not (thinker.enough or self._late) and (events := await self._heard()):
            seen = thinker.feed(events)
            if thinker.enough:
                await self._leg.close()
            if thinker.finished:
                self._due = min(self._due, self._now() + LINGER)
            if seen:
                yield _piece(seen)
        await self._leg.close()
        if self._over:
            return
        for piece in self._thought():
            yield piece
        if not self._over:
            self._leg = self._second()

    async def _heard(self) -> tuple[Event, ...]:
        """Return the next events, none where it has failed or takes too long."""
        try:
            async with asyncio.timeout_at(self._due):
                return await self._next(self._leg)
        except TimeoutError:
            self._late = not self._thinker.finished
        except LLMProxyError as error:
            self._thinker.fault = error
        return ()

    def _thought(self) -> Iterator[ProcessedResponse]:
        """Yield what ends the first phase, and the answer if it was one."""
        thinker = self._thinker
        if thinker.fault is not None:
            yield self._failed("reasoning", thinker.fault)
            return
        if closing := thinker.close():
            yield _piece(closing)
        if self._late:
            structlog.get_logger().warning(
                "hybrid.reasoning_timeout", model=self._pair.reasoning.selector
            )
            return
        self._thoughts = thinker.thoughts
        if calls := thinker.calls():
            if not thinker.ended:
                yield self._failed("reasoning", _cut_short())
                return
            self._over = True
            yield _piece([*calls, ReplyEnd()])
        elif not thinker.enough and not thinker.finished:
            yield self._failed("reasoning", _cut_short())

    # -- the second phase

    def _second(self) -> Leg:
        leaf, settings = self._pair.execution, self._settings
        asked = for_execution(self._request, leaf, settings, self._thoughts)
        return self._ask(leaf, asked, OURS)

    async def _answer(self) -> AsyncGenerator[ProcessedResponse]:
        leg, thinker = self._leg, self._thinker
        strip = self._settings.execution_thinking == "strip"
        answer = Answer(thinker.next, thinker.usage, strip=strip)
        try:
            while answer.fault is None and (events := await self._next(leg)):
                self.headers = leg.headers
                if seen := answer.feed(events):
                    yield _piece(seen)
        except LLMProxyError as error:
            answer.fault = error
        if not self._over and not answer.ended:
            yield self._failed("execution", answer.fault or _cut_short())

    # -- what they have in common

    def _ask(self, leaf: Leaf, asked: Request, ours: tuple[str, ...]) -> Leg:
        self._noted, self._ours = False, ours
        return Leg(self._provider, leaf.selector, asked, self._identity)

    async def _next(self, leg: Leg) -> tuple[Event, ...]:
        events = await leg.next()
        if not self._noted:
            self._noted = True
            self.losses += kept_losses(leg.losses, leg.asked, self._request, self._ours)
        return events

    def _failed(self, phase: str, error: LLMProxyError) -> ProcessedResponse:
        self._over = True
        return _piece([Fault(self._error(phase, error))])

    def _error(self, phase: str, error: LLMProxyError) -> LLMProxyError:
        leaf: Leaf = getattr(self._pair, phase)
        return failed(phase, leaf.selector, error)


def _piece(events: Iterable[Event]) -> ProcessedResponse:
    content = tuple(events)
    usage = [event.usage for event in content if isinstance(event, UsageUpdate)]
    return ProcessedResponse(content, usage[-1] if usage else None)


def _cut_short() -> APIConnectionError:
    return APIConnectionError(
        "its answer ended before it was complete", code="upstream_truncated"
    )
