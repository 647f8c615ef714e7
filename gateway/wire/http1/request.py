"""The head of a request, as bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NewType

from gateway.wire.http1.head import TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

# Header lines with their CRLFs, known to be sound.
Lines = NewType("Lines", bytes)

NO_LINES = Lines(b"")

# RFC 9112, 3: a token, and a target without blanks and a fragment.
_START = re.compile(rf"{TOKEN} [!-\"$-~]++ HTTP/1\.1\r\n")
# No controls, and no surrogates, which have no bytes.
_VALUE = r"[^\x00-\x08\n-\x1f\x7f\ud800-\udfff]*+"
_LINES = re.compile(rf"(?:{TOKEN}: {_VALUE}\r\n)*+")


def header_lines(headers: Mapping[str, str]) -> Lines:
    """
    Return *headers* as lines; make those that stay the same once.

    Values are sent as UTF-8, as aiohttp does.

    Raises:
        ValueError: a name is no token, or a value has control characters or
            surrogates. The text has the name only.
    """
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    # Each header is one line, so a line more has been smuggled in.
    if _LINES.fullmatch(text) is None or text.count("\n") != len(headers):
        raise ValueError(_fault(headers))
    return Lines(text.encode())


def request_head(
    method: str, target: str, headers: Mapping[str, str], ready: Lines = NO_LINES
) -> bytes:
    """
    Return the head of a request, with its blank line.

    Args:
        target: as it stands in the request line, with what must be escaped escaped.
        headers: all of them, also Host and what frames the body.
        ready: further ones, from `header_lines`; they come first.

    Raises:
        ValueError: something would not be read as it is meant.
    """
    start = f"{method} {target} HTTP/1.1\r\n"
    if _START.fullmatch(start) is None:
        raise ValueError("a method or target that cannot stand in a request line")
    return b"%b%b%b\r\n" % (start.encode(), ready, header_lines(headers))


def _fault(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if not re.fullmatch(TOKEN, name):
            return f"a header's name is no token: {name[:40]!r}"
        if not re.fullmatch(_VALUE, value):
            return f"the value of {name} has a character that must not be sent"
    raise AssertionError("each header is sound by itself")
