"""One response, read as it comes."""

from __future__ import annotations

from gateway.wire.http1.chunks import Chunks
from gateway.wire.http1.framing import (
    CHUNKED,
    UNTIL_CLOSE,
    body_length,
    content_coding,
    persists,
)
from gateway.wire.http1.head import (
    MAX_HEAD,
    Head,
    IncompleteResponseError,
    MalformedResponseError,
    check_begun,
    read_head,
)

# Progress reports come every 20 s from some servers (RFC 2518, 10.1), and hints once;
# a server that sends more of them than this will not answer.
MAX_INTERIM = 32
# In bytes. What comes after the end is told, not collected.
MAX_REST = 1024

_BLANK_LINE = b"\r\n\r\n"


class ResponseReader:
    """
    Reads one HTTP/1.1 response; interim ones (1xx) before it are skipped.

    Attributes:
        head: what came before the body; ``None`` until it is whole.
        ended: the whole message has come.
        rest: the first bytes of what came after its end; with any, the connection
            must not be used again.
        close_delimited: the body has no length: it ends with the connection, and
            nobody can tell whether it is whole.
        encoding: the Content-Encoding, in lower case; empty if there is none.
        wrong: what is malformed in what has come, set by the same `feed` that
            returns what was good before it.
    """

    __slots__ = (
        "_buffer",
        "_chunks",
        "_interim",
        "_left",
        "_method",
        "_persists",
        "close_delimited",
        "encoding",
        "ended",
        "head",
        "rest",
        "wrong",
    )

    def __init__(self, method: str = "POST") -> None:
        if method == "CONNECT":
            # RFC 9110, 9.3.6: after it, there are no messages to read.
            raise ValueError("a tunnel is no response")
        self.head: Head | None = None
        self.ended = False
        self.rest = b""
        self.close_delimited = False
        self.encoding = ""
        self.wrong: MalformedResponseError | None = None
        self._method = method
        self._persists = False
        self._buffer = bytearray()
        self._interim = 0
        self._chunks: Chunks | None = None
        self._left = 0

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may serve another request now."""
        return self._persists and self.ended and not self.rest

    def feed(self, data: bytes) -> bytes:
        """
        Return the body's bytes in *data*, joined; none while the head is on its way.

        What was good before a malformed place is returned: then ``wrong`` is set, and
        the next call raises it.

        Raises:
            MalformedResponseError: see the package. Each later call raises it, too.
        """
        chunks = self._chunks
        if chunks is not None:
            body = chunks.feed(data)
            if chunks.ended or chunks.wrong:
                self._finish(chunks, body)
            return body
        if self.wrong is not None:
            raise self.wrong.with_traceback(None)
        if self._left:
            return self._take(data)
        if self.ended:
            self._keep_rest(data)
            return b""
        if self.close_delimited:
            return data
        try:
            return self._open(data)
        except MalformedResponseError as exc:
            self.wrong = exc.with_traceback(None)
            raise

    def eof(self) -> None:
        """
        Take note that the server has closed the connection.

        Raises:
            IncompleteResponseError: the response has not ended.
            MalformedResponseError: it was malformed before.
        """
        self._persists = False
        if self.wrong is not None:
            raise self.wrong.with_traceback(None)
        if self.close_delimited:
            self.ended = True
        if not self.ended:
            where = "body" if self.head else "head"
            self.wrong = IncompleteResponseError(
                f"the connection ended within the {where} of a response"
            )
            raise self.wrong

    def _open(self, data: bytes) -> bytes:
        while True:
            end = -1 if self._buffer else data.find(_BLANK_LINE, 0, MAX_HEAD)
            if end < 0:
                data, end = self._collect(data)
                if end < 0:
                    return b""
            head = read_head(data[: end + 2])
            length = body_length(head, self._method)
            data = data[end + 4 :]
            if head.status >= 200:
                return self._begin(head, length, data)
            self._skip(head)

    def _collect(self, data: bytes) -> tuple[bytes, int]:
        """Return all that has come, and where its blank line is, -1 without one."""
        buffer, seen = self._buffer, len(self._buffer)
        buffer += data
        end = buffer.find(_BLANK_LINE, max(0, seen - 3), MAX_HEAD)
        if end >= 0:
            data = bytes(buffer)
            buffer.clear()
            return data, end
        check_begun(buffer, seen)
        if len(buffer) >= MAX_HEAD:
            raise MalformedResponseError(f"the head exceeds {MAX_HEAD} bytes")
        return b"", -1

    def _skip(self, head: Head) -> None:
        if head.status == 101:
            raise MalformedResponseError("it switches protocols, unasked")
        if not persists(head):
            raise MalformedResponseError("an interim response ends the connection")
        self._interim += 1
        if self._interim > MAX_INTERIM:
            raise MalformedResponseError(f"more than {MAX_INTERIM} interim responses")

    def _begin(self, head: Head, length: int, data: bytes) -> bytes:
        self.head = head
        self.encoding = content_coding(head.headers)
        self._persists = length >= CHUNKED and persists(head)
        if length == CHUNKED:
            self._chunks = Chunks()
        elif length == UNTIL_CLOSE:
            self.close_delimited = True
        elif length > 0:
            self._left = length
        else:
            self.ended = True
        return self.feed(data) if data else b""

    def _take(self, data: bytes) -> bytes:
        left = self._left
        if len(data) < left:
            self._left = left - len(data)
            return data
        self._left = 0
        self.ended = True
        if len(data) == left:
            return data
        self._keep_rest(data[left:])
        return data[:left]

    def _finish(self, chunks: Chunks, body: bytes) -> None:
        self._chunks = None
        if chunks.wrong is not None:
            self.wrong = chunks.wrong
            if not body:
                raise self.wrong
        else:
            self.ended = True
            self._keep_rest(chunks.rest)

    def _keep_rest(self, data: bytes) -> None:
        self.rest = (self.rest + data)[:MAX_REST]
