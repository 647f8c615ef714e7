from __future__ import annotations

from typing import Any

from connectors.hybrid.leg import Leg
from gateway.domain.events import Event, ReplyEnd, ReplyStart
from gateway.domain.request import Request
from gateway.plugin import ProcessedResponse, StreamingResponseEnvelope


class Plain:
    """Pieces that are no generator: nothing closes them."""

    def __init__(self, *pieces: tuple[Event, ...]) -> None:
        self._pieces = iter(pieces)

    def __aiter__(self) -> Plain:
        return self

    async def __anext__(self) -> ProcessedResponse:
        for piece in self._pieces:
            return ProcessedResponse(piece)
        raise StopAsyncIteration


class Provider:
    async def chat_completions(self, *_: Any) -> StreamingResponseEnvelope:
        return StreamingResponseEnvelope(Plain((ReplyStart(),), (), (ReplyEnd(),)))


def leg() -> Leg:
    return Leg(Provider(), "a:b", Request("m"), None)  # type: ignore[arg-type]


async def test_empty_pieces_are_skipped() -> None:
    """What has no event in it is no end."""
    asked = leg()

    assert await asked.next() == (ReplyStart(),)
    assert await asked.next() == (ReplyEnd(),)
    assert await asked.next() == ()


async def test_nothing_to_free() -> None:
    """An answer that cannot be cancelled is just read no more."""
    asked = leg()
    await asked.next()

    await asked.close()

    assert await asked.next() == ()


async def test_closed_before_it_begins() -> None:
    """Nothing is open yet."""
    await leg().close()
