"""
What must hold of any bytes that a server may send.

Whatever our reader accepts, both of aiohttp's parsers read to the same; where it is
cut makes no difference; and what is ambiguous by a list of plain rules is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.fuzz.readings import PARSERS, Outcome, Reading, ours, theirs
from tests.streams import cuts, random_cuts

METHODS = ("POST", "GET", "HEAD")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# aiohttp refuses this field, which a draft of WebSocket had.
_THEIR_OWN = b"sec-websocket-key1"


class DisagreementError(Exception):
    """Two readings of the same bytes."""


def check(raw: bytes, method: str, seed: int) -> Outcome:
    """
    Return what our reader does with *raw*.

    Args:
        seed: for one of the cuts.

    Raises:
        DisagreementError: something does not hold.
    """
    whole = ours([raw], method)
    for pieces in (cuts(raw, 1), cuts(raw, 7), random_cuts(raw, seed, 60)):
        cut = ours(pieces, method)
        alike = (cut.reading, cut.body) == (whole.reading, whole.body)
        if not alike or (whole.reading and cut.used != whole.used):
            raise DisagreementError(f"{raw!r} {method}: {whole} but cut {cut}")
    if whole.reading is None:
        return whole
    if found := list(doubts(whole.used, method)):
        raise DisagreementError(f"{raw!r} {method}: accepted in spite of {found}")
    if _THEIR_OWN not in raw.lower():
        for name in PARSERS:
            for pieces in ([whole.used], random_cuts(whole.used, seed, 60)):
                other = theirs(name, pieces, method)
                if not _same(whole.reading, other):
                    raise DisagreementError(
                        f"{raw!r} {method}: {whole.reading} but {name} {other}"
                    )
    return whole


def _same(mine: Reading, other: Reading | str) -> bool:
    if isinstance(other, str):
        return False
    # To close a connection is always right.
    return mine.reusable <= other.reusable and _plain(mine) == _plain(other)


def _plain(reading: Reading) -> tuple[object, ...]:
    # The C parser writes well-known names its own way. The Python one strips from the
    # reason whatever Unicode takes for white space.
    headers = [(name.lower(), value) for name, value in reading.headers]
    reason = reading.reason.strip()
    return reading.version, reading.status, reason, headers, reading.body


def doubts(raw: bytes, method: str = "POST") -> Iterator[str]:
    """
    Yield what is ambiguous in *raw*, by rules as plain as they can be written.

    They are a second opinion, so they share nothing with the reader.
    """
    interim, status = True, b""
    lines: list[bytes] = []
    while interim:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        if first[:9] not in (b"HTTP/1.0 ", b"HTTP/1.1 "):
            yield "another version"
        status = first[9:12]
        interim = status.startswith(b"1")
        yield from _doubts_of_lines([first, *lines])
        yield from _doubts_of_fields(lines)
        lengths, codings = _values(lines, b"content-length"), _codings(lines)
        if (interim or status == b"204") and (codings or any(map(_more, lengths))):
            yield "a length where there is no body"
        if codings and first.startswith(b"HTTP/1.0"):
            yield "a coding in 1.0"
    if _codings(lines) and method != "HEAD" and status not in (b"204", b"304"):
        yield from _doubts_of_chunks(raw)


def _doubts_of_lines(lines: list[bytes]) -> Iterator[str]:
    if any((char < 32 and char != 9) or char == 127 for line in lines for char in line):
        yield "a control character"


def _doubts_of_fields(lines: list[bytes]) -> Iterator[str]:
    for line in lines:
        name, colon, _ = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            yield f"no name: {name!r}"
    lengths, codings = _values(lines, b"content-length"), _codings(lines)
    if len(lengths) + len(codings) > 1:
        yield "two lengths"
    if any(not length.isdigit() for length in lengths):
        yield "a length that is no number"
    if codings not in ([], [b"chunked"]):
        yield "an unknown coding"


def _doubts_of_chunks(raw: bytes) -> Iterator[str]:
    while True:
        line, _, raw = raw.partition(b"\r\n")
        digits, _, extension = line.partition(b";")
        if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", digits):
            yield "no size"
            return
        yield from _doubts_of_lines([extension])
        size = int(digits, 16)
        if not size:
            break
        if raw[size : size + 2] != b"\r\n":
            yield "no CRLF after the data"
        raw = raw[size + 2 :]
    # What is left are trailers, each line with its CRLF, and a blank line.
    *trailers, blank, rest = raw.split(b"\r\n")
    yield from _doubts_of_lines(trailers)
    yield from _doubts_of_fields(trailers)
    if blank or rest:
        yield "something after the end"
    if _values(trailers, b"content-length") or _codings(trailers):
        yield "a length in the trailers"


def _more(length: bytes) -> bool:
    return length.strip(b"0") != b""


def _codings(lines: list[bytes]) -> list[bytes]:
    return [value.lower() for value in _values(lines, b"transfer-encoding")]


def _values(lines: list[bytes], wanted: bytes) -> list[bytes]:
    fields = [line.partition(b":") for line in lines]
    return [value.strip(b" \t") for name, _, value in fields if name.lower() == wanted]
