"""
HTTP/1.1 as a client speaks it: a response read strictly, a request's head written.

A gateway shares connections among strangers, so what two readers might not read alike
is refused, and `ResponseReader` never guesses. It is stricter than aiohttp's client,
which is lenient on purpose; by sections of RFC 9112 unless it says 9110:

- 2.2: a bare LF ends no line, a bare CR stands nowhere, nothing comes before the
  status line; aiohttp takes the first and skips blank lines.
- 2.3, 4: HTTP/1.0 and 1.1 and statuses from 100 to 599, nothing else.
- 5.1, 5.2: no line is folded; aiohttp joins them.
- 9110, 5.5: no control characters in values and the reason; aiohttp refuses CR, LF
  and NUL only.
- 6.1: no Transfer-Encoding but "chunked", alone and unpadded; no Transfer-Encoding in
  HTTP/1.0, a 1xx or a 204. aiohttp reads other codings to the connection's end.
- 6.3: one Content-Length of at most 18 digits, and none beside a Transfer-Encoding.
- 9110, 8.6: no length above zero in a 1xx or a 204.
- 7.1: a chunk's size has at most 16 digits and no blanks around it.
- 7.1.1: extensions are as the grammar has them, and short.
- 7.1.2, 9110, 6.5.1: trailers are fields, few, and none frames the message.
- 9110, 15.2.2: a 101 is refused, since nobody asked for one.
- 9.3, 9.6: an interim response that ends the connection is refused; after a HEAD
  without a length the connection is not used again.
- limits on fields, lines, the head, interim responses and trailers, each beside its
  reason where it is checked.

On what it accepts, aiohttp's parsers agree, but for the field "Sec-WebSocket-Key1",
which they refuse: `tests/fuzz` looks for where they do not.

Sources: RFC 9110 (fields, statuses) and RFC 9112 (the messages).
"""

from gateway.wire.http1.head import (
    Head,
    IncompleteResponseError,
    MalformedResponseError,
)
from gateway.wire.http1.reader import ResponseReader
from gateway.wire.http1.request import NO_LINES, Lines, header_lines, request_head

__all__ = [
    "NO_LINES",
    "Head",
    "IncompleteResponseError",
    "Lines",
    "MalformedResponseError",
    "ResponseReader",
    "header_lines",
    "request_head",
]
