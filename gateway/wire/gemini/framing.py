"""How Google frames a stream of events: in CRLF, and an error without ``data:``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.wire.sse import MAX_EVENT, Frame, SseSplitter, frames_in, parse

if TYPE_CHECKING:
    from collections.abc import Iterable


class GeminiFramer:
    """
    Reads every event of a stream.

    An error in mid-stream comes as bare JSON over several lines.
    """

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._splitter = SseSplitter(max_event)

    def feed(self, chunk: bytes) -> Iterable[Frame]:
        """
        Return the events that *chunk* completes.

        Raises:
            BackendError: one exceeds the cap; the stream is lost.
        """
        whole = self._splitter.whole(chunk)
        if whole is not None:
            return frames_in(whole, _parse)
        return [
            frame
            for block in self._splitter.feed(chunk)
            if (frame := _parse(block)) is not None
        ]

    def eof(self) -> list[Frame]:
        """Return a last event that lacks its blank line: Google's errors do."""
        frame = _parse(self._splitter.rest)
        return [] if frame is None else [frame]


def _parse(block: bytes) -> Frame | None:
    if (frame := parse(block)) is None and block.lstrip().startswith(b"{"):
        return Frame("", block)
    return frame
