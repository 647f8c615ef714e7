"""
Reading HTTP/1.1 replies with as little work as correct reading allows.

Nothing here does I/O. Both readers are fed what the network gave and return the
payload in it; `done` says that the message is complete, `rest` what came after it.
"""

from __future__ import annotations

_LINE_LIMIT = 16_384  # of a head or of a chunk's size line; ours are below 1 kB


class HttpError(Exception):
    """The peer sent what is not HTTP/1.1."""


class ChunkedReader:
    """
    Reads one chunked body.

    Source: RFC 9112, section 7.1. Chunk extensions and trailers are skipped.
    """

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._left = 0
        self._data_ended = False
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """
        Return the payload in *data*.

        Raises:
            HttpError: a size that is no hexadecimal number, data of another length
                than its size said, or a line that does not end.
        """
        if self.rest:
            data = self.rest + data
        pieces = []
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._data_ended = not self._left
                continue
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                if end - at > _LINE_LIMIT:
                    raise HttpError("expected a chunk's size, got an endless line")
                break
            self._read_line(data[at:line_end])
            at = line_end + 2
        self.rest = data[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_line(self, line: bytes) -> None:
        if self._data_ended:
            if line:
                raise HttpError("a chunk is longer than its size")
            self._data_ended = False
        elif self._in_trailer:
            self.done = not line
        else:
            self._left = _size(line)
            self._in_trailer = not self._left


class ReplyReader:
    """
    Reads one reply: head, then a body by length, by chunks or up to the close.

    Attributes:
        status: ``0`` until the head is read.
        closing: the peer will close the connection after this reply.
    """

    def __init__(self) -> None:
        self.status = 0
        self.closing = False
        self.done = False
        self.rest = b""
        self._left: int | None = None
        self._chunks: ChunkedReader | None = None

    def feed(self, data: bytes) -> bytes:
        """
        Return the body's payload in *data*.

        Raises:
            HttpError: the reply is not HTTP/1.1.
        """
        if not self.status:
            data = self._read_head(self.rest + data)
            if not self.status:
                self.rest = data
                return b""
            self.rest = b""
        if self._chunks is not None:
            payload = self._chunks.feed(data)
            if self._chunks.done:
                self.done, self.rest = True, self._chunks.rest
            return payload
        if self._left is None:
            return data
        payload, self.rest = data[: self._left], data[self._left :]
        self._left -= len(payload)
        self.done = not self._left
        return payload

    def eof(self) -> None:
        """
        Say that the connection has ended.

        Raises:
            HttpError: the reply had not.
        """
        if self.status and self._chunks is None and self._left is None:
            self.done = True
        if not self.done:
            raise HttpError("the connection ended within a reply")

    def _read_head(self, data: bytes) -> bytes:
        head, blank, rest = data.partition(b"\r\n\r\n")
        if not blank:
            if len(data) > _LINE_LIMIT:
                raise HttpError("expected a head, got endless lines")
            return data
        if not head.startswith(b"HTTP/1."):
            raise HttpError(f"expected HTTP/1.1, got {head[:20]!r}")
        self.status = int(head[9:12])
        if 100 <= self.status < 200:
            self.status = 0
            return self._read_head(rest)
        fields = head.lower() + b"\r\n"
        self.closing = b"\r\nconnection: close\r\n" in fields
        if b"\r\ntransfer-encoding: chunked\r\n" in fields:
            self._chunks = ChunkedReader()
        else:
            self._left = read_length(fields)
            self.done = self._left == 0
            self.closing = self.closing or self._left is None
        return rest


class EventReader:
    """Cuts a stream's payload into its events, each with its blank line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, payload: bytes) -> list[bytes]:
        if self._rest:
            payload = self._rest + payload
        *events, self._rest = payload.split(b"\n\n")
        return events


def read_length(fields: bytes) -> int | None:
    """Return the ``content-length`` in lower-case *fields*, ``None`` if missing."""
    _, name, value = fields.partition(b"\r\ncontent-length:")
    return int(value.partition(b"\r\n")[0]) if name else None


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise HttpError(f"expected a chunk's size, got {line[:20]!r}") from None
