"""
A stream that is one JSON array, whose elements come one by one.

Gemini streams so unless it is asked for server-sent events.

Source: https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import re

from gateway.domain.errors import BackendError
from gateway.wire.sse import MAX_EVENT, Frame

# Up to the next brace that is in no string, or to the quote of a string that was
# cut. Brackets need no counting: what is between an element's braces is its own.
_TO_BRACE = re.compile(rb'(?:[^"{}]++|"(?:[^"\\]++|\\.)*+")*+([{}"]?)', re.DOTALL)
# As far as a string goes that has begun.
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
# The name of a frame that lacks its end, which is no error of the JSON's writer.
CUT = "cut"
_BETWEEN = re.compile(rb"[ \t\r\n,\[\]]*+")


class JsonArrayFramer:
    """
    Cuts the array into its elements, wherever the network cut it.

    Each must be an object; its bytes come as they were. Something else comes as a
    frame for the reader to refuse, and nothing after it. Instead of an array there
    may be a single object: some errors come so.

    Attributes:
        events: how many elements have passed.
    """

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._buffer = bytearray()
        self._seen = 0
        self._depth = 0
        self._in_string = False
        self._lost = False
        self._open = False
        self._max_event = max_event
        self.events = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """
        Return the elements that *chunk* completes.

        Raises:
            BackendError: an element exceeds the cap; the stream is lost.
        """
        frames: list[Frame] = []
        if self._lost:
            return frames
        self._buffer += chunk
        while self._step(frames):
            pass
        if len(self._buffer) > self._max_event:
            self._lost = True
            raise BackendError(
                f"an element exceeds {self._max_event} bytes", code="event_too_large"
            )
        return frames

    def eof(self) -> list[Frame]:
        """Return the element that was cut off, called `CUT`."""
        cut = self._depth and self._buffer
        return [Frame(CUT, bytes(self._buffer))] if cut else []

    @property
    def at_boundary(self) -> bool:
        """Whether the stream so far ends outside of all elements."""
        return not self._depth

    @property
    def between_events(self) -> bool:
        """Whether nothing is missing: an array needs its end, too."""
        return not self._depth and not self._open

    @property
    def progress(self) -> int:
        """A number that changes when an element begins and when it is whole."""
        return -self.events - 1 if self._depth else self.events

    def _step(self, frames: list[Frame]) -> bool:
        """Go on to the next brace or quote that counts; false if there is none."""
        buffer = self._buffer
        if not self._depth and not self._begin(frames):
            return False
        pattern = _STRING if self._in_string else _TO_BRACE
        found = pattern.search(buffer, self._seen)  # matches at once, if only nothing
        self._seen = found.end() if found else self._seen
        match found and found[1]:
            case b"{":
                self._depth += 1
            case b"}":
                self._depth -= 1
            case b'"':
                self._in_string = not self._in_string
            case _:
                return False
        if not self._depth:
            frames.append(Frame("", bytes(buffer[: self._seen])))
            del buffer[: self._seen]
            self._seen = 0
            self.events += 1
        return True

    def _begin(self, frames: list[Frame]) -> bool:
        """Drop what stands between elements; tell whether another one begins."""
        buffer = self._buffer
        found = _BETWEEN.match(buffer)
        between = found[0] if found else b""
        self._open = (self._open or b"[" in between) and b"]" not in between
        del buffer[: len(between)]
        if buffer and not buffer.startswith(b"{"):
            frames.append(Frame("", bytes(buffer)))
            self._lost = True
        return bool(buffer) and not self._lost
