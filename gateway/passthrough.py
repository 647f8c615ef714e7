"""Lets an answer pass as it came, and watches a copy of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.fronts.base import Cut
from gateway.relay import settled, truncated
from gateway.secret import without_known
from gateway.wire import jsonsplice, openai_chat
from gateway.wire.json import loads
from gateway.wire.jsonarray import JsonArrayFramer
from gateway.wire.sse import Frame, SseSkimmer, SseSplitter, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.errors import LLMProxyError
    from gateway.domain.reply import Json
    from gateway.fronts.base import Ask, Front
    from gateway.ledger import Ledger


class Skimmer(Protocol):
    """Finds, in bytes that pass, the events that may matter."""

    events: int

    def feed(self, chunk: bytes) -> Iterable[Frame]: ...

    def eof(self) -> Iterable[Frame]: ...

    @property
    def at_boundary(self) -> bool: ...

    @property
    def between_events(self) -> bool: ...

    @property
    def progress(self) -> int: ...


class Passthrough:
    """
    Lets the chunks of a stream pass and watches a copy.

    Args:
        front: whose dialect it is: how to watch, and the last word to a client
            whose stream broke.
        ask: with several choices, each must finish.
    """

    verbatim = True
    unread = b""

    __slots__ = (
        "_ask",
        "_front",
        "_last",
        "_look",
        "_skimmer",
        "begun",
        "ended",
        "fault",
        "first",
        "ledger",
        "opening",
    )

    def __init__(self, ledger: Ledger, front: Front, ask: Ask) -> None:
        self.ledger = ledger
        self.begun = False
        self.ended = False
        self.fault: LLMProxyError | None = None
        self.opening: LLMProxyError | None = None
        self._front = front
        self._ask = ask
        self._look = front.watching.look
        self.first: bytes | None = None
        self._last = b""
        self._skimmer = _skimmer(front, ask)

    def feed(self, chunk: bytes) -> bytes:
        """
        Return the very *chunk*; what it means goes to the ledger.

        Only where an error quotes a key of ours, that is masked.

        Raises:
            BackendError: an event exceeds the cap.
        """
        for frame in self._skimmer.feed(chunk):
            self._read(frame)
            if not self.begun:  # the skimmer always gives the first event
                self.opening = self.fault
                self.begun = True
        # Some upstreams quote the key when they complain about it.
        return chunk if self.fault is None else without_known(chunk)

    @property
    def at_boundary(self) -> bool:
        return self._skimmer.at_boundary

    @property
    def progress(self) -> int:
        return self._skimmer.progress

    @property
    def result(self) -> Json:
        """What the last event repeats of the answer, in protocols where it does."""
        try:
            json = loads(self._last)
        except ValueError:
            return None
        return json.get("response") if isinstance(json, dict) else None

    def eof(self) -> bytes:
        # Some servers forget the last blank line: an event that can be read
        # is whole without.
        rest = [self._read(frame) for frame in self._skimmer.eof()]
        whole = self._skimmer.between_events or (bool(rest) and all(rest))
        return self._end(truncated(), whole)

    def fail(self, error: LLMProxyError) -> bytes:
        return self._end(error, self._skimmer.between_events)

    def _end(self, error: LLMProxyError, whole: bool) -> bytes:
        ledger = self.ledger
        ledger.events = self._skimmer.events
        finished = (
            whole
            and self._front.watching.finishes
            and len(ledger.finish) >= self._ask.choices
        )
        if settled(self, error, whole=self.ended or finished):
            return b""
        cut = Cut(self._ask, ledger.events, ledger.upstream_id, ledger.upstream_model)
        frame = self._front.write_break(error, cut)
        if self.at_boundary or self._ask.framing == "array":
            return frame
        # An event that was cut in half is closed first, or else the error would
        # become a part of it.
        return b"\n\n" + frame

    def _read(self, frame: Frame) -> bool:
        """Note what matters in *frame*; return whether it could be read."""
        if self.first is None:
            self.first = frame.data
        try:
            seen = self._look(frame.data, frame.event)
        except (msgspec.DecodeError, ValueError):
            return False
        self.ledger.saw(seen)
        if seen.last and not self.ended:
            self.ended = True
            self._last = frame.data
        self.fault = self.fault or seen.fault
        return True


def _skimmer(front: Front, ask: Ask) -> Skimmer:
    if ask.framing == "array":
        return JsonArrayFramer()
    watching = front.watching
    if ask.choices > 1:  # one event may end one of them and not another
        return SseSkimmer(watching.spots)
    return SseSkimmer(watching.spots, watching.ending, watching.alarm)


class UsageStripper(Passthrough):
    """
    A passthrough that takes out token counts which only the gateway asked for.

    Clients of OpenAI's chat break on a chunk with empty ``choices`` that they did
    not ask for. All other bytes stay; whole events are passed on, so this relay
    holds back what follows the last blank line.
    """

    __slots__ = ("_blocks",)

    def __init__(self, ledger: Ledger, front: Front, ask: Ask) -> None:
        super().__init__(ledger, front, ask)
        self._blocks = SseSplitter()

    def feed(self, chunk: bytes) -> bytes:
        super().feed(chunk)
        said = b"".join(_without_usage(block) for block in self._blocks.feed(chunk))
        return said if self.fault is None else without_known(said)

    @property
    def at_boundary(self) -> bool:
        return True

    def eof(self) -> bytes:
        return super().eof() or _without_usage(self._blocks.rest)


def _without_usage(block: bytes) -> bytes:
    if b'"usage"' not in block or (frame := parse(block)) is None:
        return block
    data = frame.data
    try:
        seen = openai_chat.sniff(data)
    except msgspec.DecodeError:
        return block
    if seen is None or data not in block:
        return block
    if seen.usage and seen.choices == [] and not seen.error:
        return b""
    return block.replace(data, jsonsplice.remove(data, "usage"))
