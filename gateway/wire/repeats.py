"""
A shortcut for frames that differ from the one before in nothing but their text.

Most of a stream of words is one frame over and over. The reader of the protocol
remains the one who says what a frame means: that a text may stand for another was
asked of it (`Repeats.learn`), and whatever else comes is read by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec
from attrs import evolve

from gateway.domain.events import TextDelta, ThinkingDelta, ToolInputDelta
from gateway.wire.json import encode
from gateway.wire.sse import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.domain.events import Event

Delta: TypeAlias = "TextDelta | ThinkingDelta | ToolInputDelta"
# What a writer is fed that takes runs: one whose ``takes_runs`` is true.
Told: TypeAlias = "Event | Run"

# After so many deltas in a row that do not repeat, none is expected to.
_PATIENCE = 8
_DELTAS = frozenset({TextDelta, ThinkingDelta, ToolInputDelta})
# Stricter than `gateway.wire.json.loads`: what it refuses is read the usual way.
_STRING = msgspec.json.Decoder(str)


class Repeating(Protocol):
    """What a protocol's own reader brings beside `reading.Frames`, if it does."""

    def plain(self, frame: Frame) -> Delta | None:
        """Return what `read` would, if that is a delta and changes nothing here."""

    def bare(self, data: bytes) -> bytes:
        """
        Return the *data* of a frame with the same in all places that mean nothing.

        Some pad their frames, each to another length. Where *data* is no JSON, what
        is returned must be none.
        """


class Run(msgspec.Struct):
    """
    Deltas that came together and differ in their text alone.

    Attributes:
        like: the delta with some other text.
        texts: none of them is empty.
    """

    like: Delta
    texts: list[str]

    def events(self) -> list[Event]:
        """Return what the run is short for."""
        kind, block = type(self.like), self.like.block
        return [kind(block, text) for text in self.texts]

    def joined(self) -> Event:
        """Return one event with all of the text."""
        return type(self.like)(self.like.block, "".join(self.texts))


class Repeats:
    """
    Reads the texts of frames that repeat.

    Attributes:
        patient: it is worth going on.
        like: what the frames are but for their text; ``None`` if they are not known
            to repeat.
    """

    def __init__(self, reader: Repeating) -> None:
        self.patient = True
        self.like: Delta | None = None
        self._plain = reader.plain
        self._bare = reader.bare
        self._left = _PATIENCE
        # The last frame that was nothing but a delta, around its text.
        self._event = ""
        self._before = self._after = b""

    def text(self, frame: Frame) -> str:
        """Return the text of a frame that repeats; empty if it does not."""
        if self.like is None:
            return ""
        data, before, after = self._bare(frame.data), self._before, self._after
        if (
            not data.startswith(before)
            or not data.endswith(after)
            or frame.event != self._event
        ):
            return ""
        try:
            # The quotes belong to both sides, so that no blank is taken for text.
            return _STRING.decode(b'"' + data[len(before) : -len(after)] + b'"')
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""

    def learn(self, frame: Frame, events: Sequence[Event]) -> None:
        """Take note of a frame that was read the usual way, and of what it was."""
        self.like = None
        if len(events) != 1 or type(delta := events[0]) not in _DELTAS:
            return
        literal, data = encode(delta.text), self._bare(frame.data)  # type: ignore[union-attr]
        at = data.rfind(literal)
        if at < 0:
            return
        before, after = data[: at + 1], data[at + len(literal) - 1 :]
        again = before == self._before and after == self._after
        self._event, self._before, self._after = frame.event, before, after
        if again and self._holds(delta):  # type: ignore[arg-type]
            self.like, self._left = delta, _PATIENCE  # type: ignore[assignment]
        else:
            self._left -= 1
            self.patient = self._left > 0

    def _holds(self, delta: Delta) -> bool:
        """Ask the reader about another text, lest the same words stood elsewhere."""
        other = evolve(delta, text=f"?{delta.text}")
        data = self._before + encode(other.text)[1:-1] + self._after
        return self._plain(Frame(self._event, data)) == other
