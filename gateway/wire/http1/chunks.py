"""The chunked transfer coding, by RFC 9112, section 7.1."""

from __future__ import annotations

import re
from typing import NoReturn

from gateway.wire.http1.head import (
    TOKEN,
    MalformedResponseError,
    check_line_ends,
    check_trailers,
)

# More would not fit 64 bits, where some readers begin at zero again.
MAX_DIGITS = 16
# In bytes, without its CRLF. Nobody sends extensions; what is before the line's end
# is kept, and looked at again with each read.
MAX_SIZE_LINE = 512
# In bytes, with both line ends around them. Checksums and timings are all that is
# known to come in trailers.
MAX_TRAILERS = 8 * 1024

_CRLF = b"\r\n"
_END = b"\r\n\r\n"
# RFC 9112, 7.1.1, without the blanks that senders must not write.
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
_EXTENSION = rb";%b(?:=(?:%b|%b))?" % (TOKEN.encode(), TOKEN.encode(), _QUOTED)
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,%d})(?:%b)*+" % (MAX_DIGITS, _EXTENSION))
# What may become one, for what came without its end.
_BEGUN = re.compile(rb"[0-9A-Fa-f]{1,%d}(?:;[\t -~\x80-\xff]*+)?\r?" % MAX_DIGITS)

# Events have these sizes; to look one up is quicker than to read it.
_USUAL = {text % size: size for text in (b"%x", b"%X") for size in range(1, 1024)}


class Chunks:
    """
    Takes the chunks off a body, wherever the network cut it.

    Attributes:
        ended: the last chunk and the trailers have come.
        wrong: what is malformed in what came last, if anything is.
        rest: what came after the end.
    """

    __slots__ = (
        "_held",
        "_left",
        "_seen",
        "_trailers",
        "_trailing",
        "ended",
        "rest",
        "wrong",
    )

    def __init__(self) -> None:
        self.ended = False
        self.wrong: MalformedResponseError | None = None
        self.rest = b""
        # What has not come of the current chunk's data and the CRLF after it.
        self._left = 0
        # The beginning of a size line.
        self._held = b""
        # What came after the last size, with that line's end, and what was looked at.
        self._trailers = bytearray()
        self._trailing = False
        self._seen = 0

    def feed(self, data: bytes) -> bytes:
        """
        Return the body's bytes in *data*, joined, up to the end or what is wrong.

        Never raises: what was good before a fault has come as well.
        """
        pieces: list[bytes] = []
        try:
            if self._trailing:
                self._trail(data)
            else:
                self._take(data, pieces)
        except MalformedResponseError as exc:
            self.wrong = exc.with_traceback(None)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, data: bytes, pieces: list[bytes]) -> None:
        at = 0
        if self._left:
            at = self._go_on(data, 0, pieces)
        elif self._held:
            data, self._held = self._held + data, b""
        end = len(data)
        while at < end:
            line_end = data.find(_CRLF, at, at + MAX_SIZE_LINE + 2)
            if line_end < 0:
                self._hold(data[at:])
                return
            line = data[at:line_end]
            size = _USUAL.get(line) or _read_size(line)
            if not size:
                self._trailing = True
                self._trail(data[line_end:])
                return
            begin = line_end + 2
            at = begin + size + 2
            if data[at - 2 : at] == _CRLF:
                pieces.append(data[begin : at - 2])
            else:
                self._left = size + 2
                self._go_on(data, begin, pieces)

    def _go_on(self, data: bytes, begin: int, pieces: list[bytes]) -> int:
        """Take what has come of a chunk and its CRLF; return where they end."""
        left = self._left
        end = begin + left
        stop = max(end - 2, begin)
        if stop > begin < len(data):
            pieces.append(data[begin:stop])
        close = data[stop:end]
        if not _CRLF[max(0, 2 - left) :].startswith(close):
            raise MalformedResponseError("no CRLF stands behind a chunk's data")
        self._left = max(0, end - len(data))
        return end

    def _hold(self, line: bytes) -> None:
        if len(line) > MAX_SIZE_LINE + 1 or not _BEGUN.fullmatch(line):
            _refuse_size(line)
        self._held = line

    def _trail(self, data: bytes) -> None:
        buffer = self._trailers
        buffer += data
        end = buffer.find(_END, max(0, self._seen - 3), MAX_TRAILERS)
        if end < 0:
            check_line_ends(buffer, self._seen)
            if len(buffer) >= MAX_TRAILERS:
                raise MalformedResponseError(f"trailers exceed {MAX_TRAILERS} bytes")
            self._seen = len(buffer)
            return
        if end:
            check_trailers(bytes(buffer[2 : end + 2]))
        self.ended = True
        self.rest = bytes(buffer[end + 4 :])


def _read_size(line: bytes) -> int:
    found = _SIZE_LINE.fullmatch(line)
    if found is None:
        _refuse_size(line)
    return int(found[1], 16)


def _refuse_size(line: bytes) -> NoReturn:
    if len(line) > MAX_SIZE_LINE:
        what = f"the line of a chunk's size exceeds {MAX_SIZE_LINE} bytes"
    elif b";" in line:
        what = "the extension of a chunk is malformed"
    else:
        what = f"a chunk's size is not 1 to {MAX_DIGITS} hexadecimal digits"
    raise MalformedResponseError(what)
