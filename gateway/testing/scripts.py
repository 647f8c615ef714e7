"""What a provider says in one of the protocols that clients speak, too."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from attrs import field, frozen

from gateway.domain.errors import BackendError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Fault,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold
from gateway.domain.parts import Text
from gateway.domain.reply import Finish, Stop, Usage
from gateway.fronts.base import Ask, Context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.domain.events import Event
    from gateway.fronts.base import Front

# The wire protocols whose words are here.
PROTOCOLS = ("openai_chat", "openai_responses", "anthropic", "gemini")
WORDS = ("Hel", "lo, w", "\u00f6rld ", "\u2713 ", "and \u6f22\u5b57", ".")
USAGE = Usage(input=7, output=5)


@frozen
class Script:
    """
    A provider's side of the conversation.

    Args:
        protocol: one of `PROTOCOLS`.
        words: of its answer, a piece of the stream for each.
    """

    protocol: str
    model: str = "model-1"
    words: Sequence[str] = field(default=WORDS)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def answer(self) -> bytes:
        """Return the whole answer."""
        context = self._context(stream=False)
        return self._front.write_reply(fold(self._events()), context).body

    def pieces(self) -> list[bytes]:
        """Return the answer as a stream, an event or few for each piece."""
        writer = self._front.writer(self._context(stream=True))
        pieces = [writer.feed((event,)) for event in self._events()]
        return [piece for piece in pieces if piece]

    def error(self, status: int, code: str, message: str) -> bytes:
        """Return the body of an error answer."""
        return self._front.write_error(
            BackendError(message, code=code, status_code=status)
        )

    def broken(self, message: str) -> list[bytes]:
        """Return a stream that ends in an error after its first words."""
        writer = self._front.writer(self._context(stream=True))
        begin = self._events()[:4]
        error = BackendError(message, code="server_error", status_code=500)
        pieces = [writer.feed((event,)) for event in (*begin, Fault(error))]
        return [piece for piece in pieces if piece]

    @property
    def _front(self) -> Front:
        front: Front = import_module(f"gateway.fronts.{self.protocol}.front").FRONT
        return front

    def _context(self, *, stream: bool) -> Context:
        ask = Ask(self.model, stream, wants_usage=True)
        return Context(ask, created=1_700_000_000, name="contract")

    def _events(self) -> list[Event]:
        return [
            ReplyStart("reply-1", self.model, 1_700_000_000),
            BlockStart(0, Text("")),
            *(TextDelta(0, word) for word in self.words),
            BlockEnd(0),
            ChoiceEnd(Finish(Stop.END, "stop")),
            UsageUpdate(USAGE),
            ReplyEnd(),
        ]
