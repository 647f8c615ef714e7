"""Where bodies end: what two readers might not agree on is refused, at every cut."""

from __future__ import annotations

import pytest

from gateway.wire.http1 import IncompleteResponseError, ResponseReader
from gateway.wire.http1.reader import MAX_REST
from tests.fuzz.readings import at_any_cut
from tests.streams import cuts

OK = b"HTTP/1.1 200 OK\r\n"
OLD = b"HTTP/1.0 200 OK\r\n"
NO_CONTENT = b"HTTP/1.1 204\r\n"
SAME = b"HTTP/1.1 304\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = OK + b"Content-Length: 5\r\n\r\n"
LAST = b"0\r\n\r\n"
SIZES = [1, 7, 4096]


def framed(*fields: bytes, first: bytes = OK) -> bytes:
    return first + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


FINE = {
    "a length": (LENGTH + b"hello", b"hello", True),
    "no body": (framed(b"Content-Length: 0"), b"", True),
    "zeros in front": (framed(b"Content-Length: 005") + b"hello", b"hello", True),
    "a padded length": (framed(b"Content-Length: \t5 ") + b"hello", b"hello", True),
    "chunks": (CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n" + LAST, b"hello!", True),
    "no chunks": (CHUNKED + LAST, b"", True),
    "line ends as data": (CHUNKED + b"4\r\n\r\n\r\n\r\n" + LAST, b"\r\n\r\n", True),
    "an end as data": (CHUNKED + b"5\r\n0\r\n\r\n\r\n" + LAST, b"0\r\n\r\n", True),
    "large letters": (CHUNKED + b"A\r\n0123456789\r\n" + LAST, b"0123456789", True),
    "small letters": (CHUNKED + b"a\r\n0123456789\r\n" + LAST, b"0123456789", True),
    "16 digits": (
        CHUNKED + b"0" * 15 + b"1\r\n!\r\n" + b"0" * 16 + LAST[1:],
        b"!",
        True,
    ),
    "extensions": (
        CHUNKED + b'5;a;b=c;d="e;\\"\xc3\xa9\t";f\r\nhello\r\n0;g=h\r\n\r\n',
        b"hello",
        True,
    ),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n", b"hello", True),
    "Chunked": (framed(b"transfer-encoding:\tChunked") + LAST, b"", True),
    "until the end": (OK + b"\r\nhello\r\n\r\n", b"hello\r\n\r\n", False),
    "until the end, empty": (OK + b"\r\n", b"", False),
    "1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello", False),
    "1.0, a length": (
        framed(b"Content-Length: 5", first=OLD) + b"hello",
        b"hello",
        False,
    ),
    "1.0, kept": (
        framed(
            b"Connection: x, Keep-Alive",
            b"Content-Length: 5",
            first=OLD,
        )
        + b"hello",
        b"hello",
        True,
    ),
    "close": (framed(b"Connection: Close", b"Content-Length: 0"), b"", False),
    "close, listed": (
        framed(b"Connection: x ,\tclose", b"Content-Length: 0"),
        b"",
        False,
    ),
    "close, and not": (
        framed(b"Connection: keep-alive", b"Connection: close", b"Content-Length: 0"),
        b"",
        False,
    ),
    "close, by a proxy": (
        framed(b"Proxy-Connection: close", b"Content-Length: 0"),
        b"",
        False,
    ),
    "close, chunked": (
        framed(b"Connection: close", b"Transfer-Encoding: chunked") + LAST,
        b"",
        False,
    ),
    "kept": (framed(b"Connection: keep-alive", b"Content-Length: 0"), b"", True),
    "a Kelvin sign": (
        framed("Connection: \u212aeep-alive".encode(), b"Content-Length: 0"),
        b"",
        False,
    ),
    "an upgrade, offered": (
        framed(b"Connection: upgrade", b"Upgrade: h2", b"Content-Length: 5") + b"hello",
        b"hello",
        True,
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "204, no length": (framed(b"Content-Length: 00", first=NO_CONTENT), b"", True),
    "304": (framed(b"Content-Length: 9", first=SAME), b"", True),
    "304, chunked": (
        framed(b"Transfer-Encoding: chunked", first=SAME),
        b"",
        True,
    ),
    "205": (framed(b"Content-Length: 0", first=b"HTTP/1.1 205\r\n"), b"", True),
}


@pytest.mark.parametrize("case", FINE)
def test_body(case: str) -> None:
    """The body is the same wherever it is cut, and so is what becomes of the line."""
    raw, body, reusable = FINE[case]

    outcome = at_any_cut(raw)

    assert outcome.wrong is None
    assert outcome.reading is not None
    assert (outcome.reading.body, outcome.reading.reusable) == (body, reusable)


@pytest.mark.parametrize(
    ("raw", "reusable"),
    [
        (framed(b"Content-Length: 5"), True),
        (CHUNKED, True),
        (framed(b"Content-Length: 5", b"Connection: close"), False),
        (OK + b"\r\n", False),
    ],
)
def test_no_body_after_a_head_request(raw: bytes, reusable: bool) -> None:
    """A body that comes all the same belongs to no answer."""
    outcome = at_any_cut(raw, "HEAD")
    reader = ResponseReader("HEAD")
    reader.feed(raw)

    assert outcome.reading is not None
    assert (outcome.reading.body, outcome.reading.reusable) == (b"", reusable)
    assert reader.feed(b"hello") == b""
    assert (reader.rest, reader.keeps_alive) == (b"hello", False)


REFUSED = {
    "two lengths": framed(b"Content-Length: 5", b"Content-Length: 6"),
    "a length, twice": framed(b"Content-Length: 5", b"content-length: 5"),
    "a list of lengths": framed(b"Content-Length: 5, 5"),
    "no length": framed(b"Content-Length:"),
    "a sign": framed(b"Content-Length: +5"),
    "less than nothing": framed(b"Content-Length: -5"),
    "hexadecimal": framed(b"Content-Length: 0x5"),
    "a blank within": framed(b"Content-Length: 5 5"),
    "an underscore": framed(b"Content-Length: 1_0"),
    "a fraction": framed(b"Content-Length: 5.0"),
    "digits of another script": framed("Content-Length: \u0665".encode()),
    "a superscript": framed("Content-Length: \u00b2".encode()),
    "too many digits": framed(b"Content-Length: " + b"9" * 19),
    "501 digits": framed(b"Content-Length: " + b"0" * 500 + b"5"),
    "a length and chunks": framed(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunks and a length": framed(b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    "gzip": framed(b"Transfer-Encoding: gzip"),
    "gzip, chunked": framed(b"Transfer-Encoding: gzip, chunked"),
    "chunked, gzip": framed(b"Transfer-Encoding: chunked, gzip"),
    "chunked twice": framed(b"Transfer-Encoding: chunked, chunked"),
    "two codings": framed(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "identity": framed(b"Transfer-Encoding: identity"),
    "no coding": framed(b"Transfer-Encoding:"),
    "a parameter": framed(b"Transfer-Encoding: chunked;a=b"),
    "quoted": framed(b'Transfer-Encoding: "chunked"'),
    "a comma": framed(b"Transfer-Encoding: ,chunked"),
    "a tab behind": framed(b"Transfer-Encoding: chunked\t"),
    "a blank behind": framed(b"Transfer-Encoding: chunked "),
    "a vertical tab behind": framed(b"Transfer-Encoding: chunked\x0b"),
    "a Kelvin sign": framed("Transfer-Encoding: chun\u212aed".encode()),
    "chunks in 1.0": framed(b"Transfer-Encoding: chunked", first=OLD),
    "a 204 with a length": framed(b"Content-Length: 5", first=NO_CONTENT),
    "a 204 with chunks": framed(b"Transfer-Encoding: chunked", first=NO_CONTENT),
    "a hidden coding": framed(
        b"Content-Length: 5", b"X: y\rTransfer-Encoding: chunked"
    ),
    "a hidden length": framed(
        b"Transfer-Encoding: chunked", b"X: y\nContent-Length: 5"
    ),
    "a folded coding": framed(b"Transfer-Encoding:\r\n chunked"),
    "a coding before a colon": framed(b"Transfer-Encoding : chunked"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_ambiguous_length_refused(case: str) -> None:
    """Two readers could end such a body in two places; no byte of it is taken."""
    outcome = at_any_cut(REFUSED[case] + b"5\r\nhello\r\n0\r\n\r\n")

    assert outcome.wrong is not None
    assert outcome.body == b""


@pytest.mark.parametrize(
    "end", [b"", b"\r\n", OK + b"Content-Length: 0\r\n\r\n", b"\0"]
)
@pytest.mark.parametrize(
    "raw", [LENGTH + b"hello", CHUNKED + b"5\r\nhello\r\n" + LAST, CHUNKED + LAST]
)
def test_what_comes_after_the_end(raw: bytes, end: bytes) -> None:
    """A connection with bytes of one answer in it is never used for another."""
    for pieces in ([raw + end], [raw, end], cuts(raw + end, 1)):
        reader = ResponseReader()
        body = b"".join(reader.feed(piece) for piece in pieces)

        assert body in (b"hello", b"")
        assert reader.ended
        assert reader.rest == end
        assert reader.keeps_alive is (end == b"")


def test_what_comes_after_the_end_is_not_collected() -> None:
    reader = ResponseReader()
    reader.feed(LENGTH + b"hello")

    for _ in range(100):
        assert reader.feed(b"x" * 1000) == b""

    assert len(reader.rest) == MAX_REST


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "raw",
    [
        LENGTH,
        LENGTH + b"hell",
        CHUNKED,
        CHUNKED + b"5",
        CHUNKED + b"5\r\n",
        CHUNKED + b"5\r\nhell",
        CHUNKED + b"5\r\nhello",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n\r",
        CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n",
    ],
)
def test_the_end_within_a_body(raw: bytes, size: int) -> None:
    """A body that stops early is never taken for a whole one."""
    reader = ResponseReader()
    for piece in cuts(raw, size):
        reader.feed(piece)

    assert not reader.ended
    assert not reader.keeps_alive
    with pytest.raises(IncompleteResponseError, match="within the body"):
        reader.eof()
    assert isinstance(reader.wrong, IncompleteResponseError)


def test_the_end_after_the_end() -> None:
    """It is in order, but there is no connection any more."""
    reader = ResponseReader()
    reader.feed(LENGTH + b"hello")
    assert reader.keeps_alive

    reader.eof()

    assert reader.ended
    assert not reader.keeps_alive


def test_until_the_end() -> None:
    """Without a length the connection's end is the body's, and is told to be so."""
    reader = ResponseReader()

    assert reader.feed(OK + b"\r\nhel") == b"hel"
    assert reader.close_delimited
    assert not reader.ended
    assert reader.feed(b"lo") == b"lo"
    reader.eof()

    assert reader.ended
    assert not reader.keeps_alive
    assert not ResponseReader().close_delimited


@pytest.mark.parametrize(
    ("fields", "coding"),
    [
        ([], ""),
        ([b"Content-Encoding: identity"], ""),
        ([b"Content-Encoding: Identity"], ""),
        ([b"Content-Encoding:"], ""),
        ([b"Content-Encoding: GZIP"], "gzip"),
        ([b"content-encoding: gzip", b"Content-Encoding: br"], "gzip, br"),
    ],
)
def test_content_encoding(fields: list[bytes], coding: str) -> None:
    reader = ResponseReader()

    reader.feed(framed(*fields, b"Content-Length: 5"))

    assert reader.encoding == coding
