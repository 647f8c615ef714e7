"""What a streaming method of a backend gives: an iterator and the way to end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from gateway.plugin.backend import StreamingResponseEnvelope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.plugin.backend import CancelCallback, Headers, ProcessedResponse


@frozen
class StreamingResponseHandle:
    """
    A provider's stream in a backend's hands.

    Attributes:
        iterator: the pieces; an asynchronous generator with a ``finally`` that
            frees the upstream is what it should be.
        cancel_callback: frees the upstream from outside.
        headers: the provider's.
    """

    iterator: AsyncIterator[ProcessedResponse]
    cancel_callback: CancelCallback | None = None
    headers: Headers = field(factory=dict)

    def envelope(self, status_code: int = 200) -> StreamingResponseEnvelope:
        """
        Return what `LLMBackend.chat_completions` must return.

        Its cancel callback works once; later calls do nothing.
        """
        return StreamingResponseEnvelope(
            content=self.iterator,
            headers=self.headers,
            status_code=status_code,
            cancel_callback=once(self.cancel_callback),
        )


def once(callback: CancelCallback | None) -> CancelCallback | None:
    """Return what calls *callback* the first time and does nothing after that."""
    if callback is None:
        return None
    called = False

    async def call() -> None:
        nonlocal called
        if called:
            return
        called = True
        await callback()

    return call
