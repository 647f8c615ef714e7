"""How a backend must let go of its provider."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from gateway.domain.events import ReplyEnd
from gateway.plugin import LLMProxyError, ProcessedResponse
from gateway.testing.base import Base
from gateway.testing.guards import expect
from gateway.testing.stage import Stage, drained, outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.plugin import StreamingResponseEnvelope


class Cancelling(Base):
    """Part of `BackendContract`."""

    def test_cancel_before_the_first_piece(self) -> None:
        """The provider has begun and said nothing yet."""

        async def main(stage: Stage) -> None:
            envelope = await stage.open()
            await self._promptly(_cancel(envelope), "cancel_callback")
            await self._let_go(stage)
            rest = await self._promptly(
                outcome(drained(envelope)), "the cancelled stream"
            )
            _is_no_success(rest)

        self._play_hanging(main, 0)

    def test_cancel_during_a_read(self) -> None:
        """Who waits for the next piece is woken, and is told nothing strange."""

        async def main(stage: Stage) -> None:
            envelope = await stage.open()
            reading = asyncio.create_task(outcome(drained(envelope)))
            await _waits(stage, reading)
            await self._promptly(_cancel(envelope), "cancel_callback")
            await self._let_go(stage)
            rest = await self._promptly(reading, "who reads the cancelled stream")
            _is_no_success(rest)

        self._play_hanging(main, 3)

    def test_cancel_after_the_end(self) -> None:
        """It does nothing."""

        async def main(stage: Stage) -> None:
            envelope = await stage.open()
            await drained(envelope)
            await self._promptly(_cancel(envelope), "cancel_callback")

        self.play(main)

    def test_cancel_twice(self) -> None:
        """The second time does nothing, one after the other or at the same time."""

        async def main(stage: Stage) -> None:
            envelope = await stage.open()
            pieces: Any = envelope.content
            await _first(pieces)
            both = asyncio.gather(_cancel(envelope), _cancel(envelope))
            await self._promptly(both, "cancel_callback")
            await self._promptly(_cancel(envelope), "cancel_callback")
            await outcome(pieces.aclose())

        self._play_hanging(main, 3)

    def test_closed_iterator(self) -> None:
        """Who stops reading and closes the iterator has freed the provider."""

        async def main(stage: Stage) -> None:
            envelope = await stage.open()
            pieces: Any = envelope.content
            await _first(pieces)
            await self._promptly(pieces.aclose(), "aclose() of the iterator")
            await self._let_go(stage)

        self._play_hanging(main, 3)

    def test_cancelled_task(self) -> None:
        """A caller that leaves cancels the task, which must not swallow that."""

        async def main(stage: Stage) -> None:
            envelope = await stage.open()
            reading = asyncio.create_task(drained(envelope))
            await _waits(stage, reading)
            reading.cancel()
            await asyncio.wait({reading}, timeout=self.promptly)
            expect(reading.done(), "a cancelled task goes on reading")
            expect(reading.cancelled(), "CancelledError is swallowed, or replaced")

        self._play_hanging(main, 3)

    async def _promptly(self, attempt: Awaitable[Any], what: str) -> Any:
        try:
            return await asyncio.wait_for(attempt, self.promptly)
        except TimeoutError:
            expect(False, f"{what} is not done after {self.promptly:g} s")

    async def _let_go(self, stage: Stage) -> None:
        """Wait until the provider sees that nobody listens any more."""
        for request in stage.upstream.asked:
            with suppress(TimeoutError):
                await asyncio.wait_for(request.gone.wait(), self.promptly)
            expect(
                request.gone.is_set(),
                f"the provider's connection is still open {self.promptly:g} s later",
            )

    def _play_hanging(
        self, main: Callable[[Stage], Awaitable[None]], pieces: int
    ) -> None:
        """Play a provider that says some pieces, and then nothing."""
        if self.talks:
            self.play(main, self.stopping(pieces, "hang"))
            return
        if not self.hanging_model:
            pytest.skip("this backend has no hanging_model")

        async def there(stage: Stage) -> None:
            await main(Stage(stage.backend, stage.upstream, self.hanging_model))

        self.play(there)


async def _cancel(envelope: StreamingResponseEnvelope) -> None:
    if envelope.cancel_callback is not None:
        await envelope.cancel_callback()


async def _first(pieces: Any) -> None:
    """Wait for the first piece that brings something."""
    async for piece in pieces:
        if not isinstance(piece, ProcessedResponse) or piece.content:
            return


async def _waits(stage: Stage, reading: asyncio.Task[Any]) -> None:
    """Wait until all that the provider has said can be read, and *reading* waits."""
    del stage
    for _ in range(50):
        await asyncio.sleep(0.001)
        if reading.done():
            return


def _is_no_success(rest: Any) -> None:
    if isinstance(rest, Exception):
        expect(
            isinstance(rest, LLMProxyError),
            f"{type(rest).__name__} comes out of the cancelled stream",
        )
    else:
        expect(
            not any(isinstance(event, ReplyEnd) for event in rest),
            "a cancelled answer is passed off as complete",
        )
