"""Where a response's body ends, by RFC 9112, section 6.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidict import istr

from gateway.wire.http1.head import MalformedResponseError

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from gateway.wire.http1.head import Head

# Instead of a length.
CHUNKED = -1
UNTIL_CLOSE = -2
# There is none by the book; who knows no length may send one all the same.
UNFRAMED = -3

# No body is longer, and an unsigned 64-bit number holds it.
_MAX_DIGITS = 18

_CONNECTION = istr("Connection")
_CONTENT_ENCODING = istr("Content-Encoding")
_CONTENT_LENGTH = istr("Content-Length")
# RFC 9112, C.2.2: nobody should, but who sends it means it.
_PROXY_CONNECTION = istr("Proxy-Connection")
_TRANSFER_ENCODING = istr("Transfer-Encoding")


def body_length(head: Head, method: str) -> int:
    """
    Return the number of bytes to come, or one of the constants above.

    Raises:
        MalformedResponseError: two readers might not agree on it.
    """
    headers, status = head.headers, head.status
    chunked = _is_chunked(headers)
    length = _content_length(headers)
    if chunked and length is not None:
        raise MalformedResponseError("both Content-Length and Transfer-Encoding")
    if chunked and head.version == "1.0":
        raise MalformedResponseError("Transfer-Encoding in HTTP/1.0")
    if status < 200 or status == 204:
        if chunked or length:
            raise MalformedResponseError(f"a length of the body of a {status}")
        return 0
    if status == 304:
        return 0
    if method == "HEAD":
        return 0 if chunked or length is not None else UNFRAMED
    if chunked:
        return CHUNKED
    return UNTIL_CLOSE if length is None else length


def persists(head: Head) -> bool:
    """Tell whether the server will take another request after this response."""
    values = head.headers.getall(_CONNECTION, [])
    if _PROXY_CONNECTION in head.headers:
        values += head.headers.getall(_PROXY_CONNECTION)
    if not values:
        return head.version == "1.1"
    if values == ["keep-alive"]:
        return True
    options = ",".join(values)
    # Beyond ASCII, a letter may become one of ours in lower case.
    if not options.isascii():
        return False
    tokens = {option.strip(" \t").lower() for option in options.split(",")}
    if "close" in tokens:
        return False
    return head.version == "1.1" or "keep-alive" in tokens


def content_coding(headers: CIMultiDictProxy[str]) -> str:
    """Return how the body is encoded, in lower case; empty if it is as it is."""
    if _CONTENT_ENCODING not in headers:
        return ""
    coding = ", ".join(headers.getall(_CONTENT_ENCODING)).lower()
    return "" if coding == "identity" else coding


def _is_chunked(headers: CIMultiDictProxy[str]) -> bool:
    if _TRANSFER_ENCODING not in headers:
        return False
    codings = headers.getall(_TRANSFER_ENCODING)
    # The Kelvin sign is a k in lower case.
    coding = codings[0].lower() if codings[0].isascii() else ""
    if len(codings) > 1 or coding != "chunked":
        raise MalformedResponseError("a Transfer-Encoding other than chunked")
    return True


def _content_length(headers: CIMultiDictProxy[str]) -> int | None:
    if _CONTENT_LENGTH not in headers:
        return None
    lengths = headers.getall(_CONTENT_LENGTH)
    if len(lengths) > 1:
        raise MalformedResponseError("more than one Content-Length")
    length = lengths[0]
    if not (length.isascii() and length.isdigit() and len(length) <= _MAX_DIGITS):
        raise MalformedResponseError("a Content-Length that is no number")
    return int(length)
