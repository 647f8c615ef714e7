"""The head of a message: the first line, the fields, and what is wrong with them."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from multidict import CIMultiDict, CIMultiDictProxy

# As many as aiohttp takes; well-known APIs behind a CDN send 20 to 30.
MAX_FIELDS = 128
# In bytes, without its CRLF. aiohttp's and Apache's limit: a cookie, and what
# providers tell of a request, fit many times.
MAX_LINE = 8190
# In bytes, first line and blank line counted: what one connection may keep of ours
# before anything is known. Twice the largest default of well-known servers.
MAX_HEAD = 64 * 1024

# RFC 9110, 5.6.2 and 5.5: a token, and a value of visible characters, inner blanks
# and whatever is above ASCII. UTF-8 has been decoded by then.
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # noqa: S105 (RFC 9110's word)
_VALUE = r"(?:[^\x00-\x08\n-\x1f\x7f]*[^\x00-\x20\x7f])?"

# All runs are possessive or end at a line's end, so no input makes them go back far.
# The blanks before the reason may lack with it, RFC 9112, 4: some servers do that.
_STATUS_LINE = re.compile(
    rf"HTTP/(1\.[01]) ([1-5][0-9]{{2}})(?: [ \t]*+({_VALUE})[ \t]*+)?\r\n"
)
# Hardly anybody pads a value at its end, and not to look for it is quicker.
_FIELD = re.compile(
    rf"^({TOKEN}):[ \t]*+([^\x00-\x08\n-\x1f\x7f]*+)(?<![ \t])\r\n", re.MULTILINE
)
_PADDED_FIELD = re.compile(rf"^({TOKEN}):[ \t]*+({_VALUE})[ \t]*+\r\n", re.MULTILINE)
_PADDED_CODING = re.compile(r"(?im)^transfer-encoding:[^\n]*[ \t]\r\n")
_OPENING = b"HTTP/1."
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CONTROL = re.compile(r"[\x00-\x08\n-\x1f\x7f]")


class MalformedResponseError(ValueError):
    """
    What came is not one HTTP/1.1 response that all read alike.

    The text says what and where, and never quotes a value.
    """


class IncompleteResponseError(MalformedResponseError):
    """The connection ended before the response did."""


class Head(NamedTuple):
    """
    What came before the body.

    Bytes that are no UTF-8 are surrogates in ``reason`` and the values, as aiohttp
    has them.
    """

    version: str
    status: int
    reason: str
    headers: CIMultiDictProxy[str]


def read_head(head: bytes) -> Head:
    """
    Return the head in *head*, which ends with the CRLF of its last line.

    Raises:
        MalformedResponseError: see the package.
    """
    text = head.decode("utf-8", "surrogateescape")
    first = _STATUS_LINE.match(text)
    if first is None:
        _refuse_first(text)
    version, status, reason = first.groups("")
    return Head(version, int(status), reason, _read_fields(text, first.end(), head))


def check_trailers(fields: bytes) -> None:
    """
    Look through *fields*, lines with their CRLFs; nobody is told what they say.

    Raises:
        MalformedResponseError: they are no fields, or would frame the message
            (RFC 9110, 6.5.1).
    """
    text = fields.decode("utf-8", "surrogateescape")
    headers = _read_fields(text, 0, fields)
    if "Content-Length" in headers or "Transfer-Encoding" in headers:
        raise MalformedResponseError("a trailer would frame the message")


def _read_fields(text: str, start: int, raw: bytes) -> CIMultiDictProxy[str]:
    pairs = _FIELD.findall(text, start)
    # Each match is one whole line, so none was passed over if there are as many.
    if len(pairs) != text.count("\n", start):
        pairs = _read_padded(text, start)
    if len(pairs) > MAX_FIELDS:
        raise MalformedResponseError(f"more than {MAX_FIELDS} header fields")
    if len(raw) > MAX_LINE:
        _check_lines(raw)
    return CIMultiDictProxy(CIMultiDict(pairs))


def _read_padded(text: str, start: int) -> list[tuple[str, str]]:
    pairs = _PADDED_FIELD.findall(text, start)
    if len(pairs) != text.count("\n", start):
        _refuse_field(text[start:])
    # Blanks behind a value are no part of it, but llhttp takes "chunked" and a tab for
    # an unknown coding, and reads until the connection ends.
    if _PADDED_CODING.search(text, start):
        raise MalformedResponseError("blanks stand behind a Transfer-Encoding")
    return pairs


def _check_lines(raw: bytes) -> None:
    for number, line in enumerate(raw.split(b"\r\n"), 1):
        if len(line) > MAX_LINE:
            raise MalformedResponseError(
                f"line {number} of the head exceeds {MAX_LINE} bytes"
            )


def check_begun(buffer: bytearray, start: int) -> None:
    """
    Refuse at once what cannot become a head, instead of waiting for its end.

    Args:
        buffer: what has come.
        start: how much of it was looked at before.
    """
    if not _OPENING.startswith(buffer[: len(_OPENING)]):
        _refuse_first(buffer[:80].decode("latin-1"))
    check_line_ends(buffer, start)


def check_line_ends(buffer: bytearray, start: int) -> None:
    """Refuse lines that end with an LF and no CR; see `check_begun`."""
    if _BARE_LF.search(buffer, start):
        raise MalformedResponseError("a line ends with a bare LF")


def _refuse_first(text: str) -> NoReturn:
    line, _, _ = text.partition("\r\n")
    if text[:1] in ("\r", "\n"):
        what = "a blank line stands before the status line"
    elif not line.startswith("HTTP/"):
        what = "it does not begin with a status line"
    elif not re.match(r"HTTP/1\.[01](?![^ ])", line):
        what = "it is not HTTP/1.0 or HTTP/1.1"
    elif _CONTROL.search(line):
        what = "a control character, bare CR or bare LF stands in the status line"
    else:
        what = "the status line has no status from 100 to 599"
    raise MalformedResponseError(what)


def _refuse_field(text: str) -> NoReturn:
    faults = (
        f"header field {number}: {_fault(line)}"
        for number, line in enumerate(text.split("\r\n"), 1)
        if line and not _PADDED_FIELD.fullmatch(line + "\r\n")
    )
    raise MalformedResponseError(next(faults, "malformed header fields"))


def _fault(line: str) -> str:
    name, colon, _ = line.partition(":")
    if line[0] in " \t":
        return "a line is folded"
    if _CONTROL.search(line):
        return "it has a control character, a bare CR or a bare LF"
    if not colon:
        return "it has no colon"
    if not name:
        return "it has no name"
    if name[-1] in " \t":
        return "white space stands before the colon"
    return "its name is no token"
