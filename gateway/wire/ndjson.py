"""
JSON objects, one a line: how Ollama streams.

Source: https://github.com/ndjson/ndjson-spec
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.errors import BackendError
from gateway.wire.sse import MAX_EVENT, Frame

if TYPE_CHECKING:
    from collections.abc import Iterator


class NdjsonFramer:
    """
    Makes a frame without a name of each line; blank lines are none.

    A line ends in LF or CRLF. A CR by itself is white space, which JSON allows
    around a value, and JSON has no line ends inside a string.
    """

    def __init__(self, max_line: int = MAX_EVENT) -> None:
        self._begun: list[bytes] = []
        self._size = 0
        self._max_line = max_line

    def feed(self, chunk: bytes) -> list[Frame]:
        """
        Return the lines that *chunk* completes.

        Raises:
            BackendError: a line exceeds the cap; the stream is lost.
        """
        first, newline, others = chunk.partition(b"\n")
        self._begun.append(first)
        self._size += len(first)
        self._check()
        if not newline:
            return []
        lines = [b"".join(self._begun), *others.split(b"\n")]
        self._begun = [lines.pop()]
        self._size = len(self._begun[0])
        self._check()
        return [Frame("", line) for line in lines if not line.isspace() and line]

    def eof(self) -> Iterator[Frame]:
        """Yield a last line that lacks its end, as most servers leave it."""
        line = b"".join(self._begun)
        if line.strip():
            yield Frame("", line)

    def _check(self) -> None:
        if self._size > self._max_line:
            raise BackendError(
                f"a line exceeds {self._max_line} bytes", code="event_too_large"
            )
