"""The heads of responses: what is read, and what is refused, wherever it is cut."""

from __future__ import annotations

import time

import pytest

from gateway.wire.http1 import (
    Head,
    IncompleteResponseError,
    MalformedResponseError,
    ResponseReader,
)
from gateway.wire.http1.head import MAX_FIELDS, MAX_HEAD, MAX_LINE
from gateway.wire.http1.reader import MAX_INTERIM
from tests.fuzz.readings import at_any_cut, ours
from tests.streams import cuts

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
SIZES = [1, 7, 4096]


def head(raw: bytes) -> Head:
    reader = ResponseReader()
    reader.feed(raw)
    assert reader.head is not None
    return reader.head


def test_head() -> None:
    """Fields keep their order, their case and each other's company."""
    raw = OK + b"Set-Cookie: a\r\nserver:x\r\nSet-Cookie: b\r\n" + EMPTY

    version, status, reason, headers = head(raw)

    assert (version, status, reason) == ("1.1", 200, "OK")
    assert list(headers.items()) == [
        ("Set-Cookie", "a"),
        ("server", "x"),
        ("Set-Cookie", "b"),
        ("Content-Length", "0"),
    ]
    assert headers["SERVER"] == "x"
    assert at_any_cut(raw).reading is not None


@pytest.mark.parametrize(
    ("line", "version", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", "1.1", 200, "OK"),
        (b"HTTP/1.0 404 Not Found", "1.0", 404, "Not Found"),
        (b"HTTP/1.1 529", "1.1", 529, ""),
        (b"HTTP/1.1 599 ", "1.1", 599, ""),
        (b"HTTP/1.1 200  a \tb\t ", "1.1", 200, "a \tb"),
        (b"HTTP/1.1 200 \xc3\xa9\xff", "1.1", 200, "é\udcff"),
    ],
)
def test_status_line(line: bytes, version: str, status: int, reason: str) -> None:
    """The reason may lack, and may be anything that can be seen."""
    raw = line + b"\r\n" + EMPTY

    assert head(raw)[:3] == (version, status, reason)
    assert at_any_cut(raw).reading is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"A: b", "b"),
        (b"A:b", "b"),
        (b"A:\t b \t", "b"),
        (b"A: b ", "b"),
        (b"A:", ""),
        (b"A: \t", ""),
        (b"A: b: c;  d,\te", "b: c;  d,\te"),
        (b'A: "\\\xc3\xa9\xff\x80"', '"\\é\udcff\udc80"'),
        (b"a!#$%&'*+-.^_`|~9: b", "b"),
    ],
)
def test_field(field: bytes, value: str) -> None:
    """The blanks around a value are no part of it; bytes that are no text survive."""
    raw = OK + field + b"\r\n" + EMPTY

    assert list(head(raw).headers.values()) == [value, "0"]
    assert at_any_cut(raw).reading is not None


FIRST = {
    "nothing but a line end": b"\r\n",
    "a blank line before it": b"\r\nHTTP/1.1 200 OK",
    "an LF before it": b"\nHTTP/1.1 200 OK",
    "a blank before it": b" HTTP/1.1 200 OK",
    "garbage before it": b"0\r\n\r\nHTTP/1.1 200 OK",
    "HTTP/0.9": b"<html>",
    "HTTP/1.2": b"HTTP/1.2 200 OK",
    "HTTP/1.10": b"HTTP/1.10 200 OK",
    "HTTP/1": b"HTTP/1 200 OK",
    "HTTP/2": b"HTTP/2 200 OK",
    "HTTP/2.0": b"HTTP/2.0 200 OK",
    "HTTP/2 settings": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "small letters": b"http/1.1 200 OK",
    "another protocol": b"ICY 200 OK",
    "no status": b"HTTP/1.1",
    "no status but a blank": b"HTTP/1.1 ",
    "two digits": b"HTTP/1.1 20 OK",
    "four digits": b"HTTP/1.1 2000 OK",
    "a letter": b"HTTP/1.1 2O0 OK",
    "a digit of another script": "HTTP/1.1 20\u0660 OK".encode(),
    "a status of 099": b"HTTP/1.1 099 OK",
    "a status of 600": b"HTTP/1.1 600 OK",
    "a sign": b"HTTP/1.1 +20 OK",
    "two blanks": b"HTTP/1.1  200 OK",
    "a tab": b"HTTP/1.1\t200 OK",
    "no blank before the reason": b"HTTP/1.1 200OK",
    "a tab before the reason": b"HTTP/1.1 200\tOK",
    "NUL in the reason": b"HTTP/1.1 200 O\0K",
    "CR in the reason": b"HTTP/1.1 200 O\rK",
    "LF in the reason": b"HTTP/1.1 200 O\nK",
    "a control in the reason": b"HTTP/1.1 200 O\x7fK",
}


@pytest.mark.parametrize("case", FIRST)
def test_first_line_refused(case: str) -> None:
    """What is no status line of HTTP/1.0 or 1.1 is no answer."""
    outcome = at_any_cut(FIRST[case] + b"\r\n" + EMPTY)

    assert outcome.wrong is not None


FIELDS = {
    "a folded line": b"A: b\r\n c",
    "a folded line, by a tab": b"A: b\r\n\tc",
    "a folded first line": b" A: b",
    "a blank before the colon": b"A : b",
    "a tab before the colon": b"A\t: b",
    "an empty name": b": b",
    "no colon": b"A",
    "a status line": b"HTTP/1.1 200 OK",
    "a blank in the name": b"A B: c",
    "a name that is no token": b"A(b): c",
    "a name beyond ASCII": "É: b".encode(),
    "a quoted name": b'"A": b',
    "a bare LF": b"A: b\nC: d",
    "a bare LF at the end": b"A: b\n",
    "a bare CR": b"A: b\rC: d",
    "a bare CR at the end": b"A: b\r",
    "a bare CR before the colon": b"A\r: b",
    "NUL in the value": b"A: b\0c",
    "NUL in the name": b"A\0: b",
    "an escape": b"A: \x1b[0m",
    "a backspace": b"A: b\x08",
    "a vertical tab": b"A: b\x0bc",
    "a form feed": b"A: b\x0cc",
    "a delete": b"A: b\x7f",
    "only a line end": b"A: b\r\n\rC: d",
}


@pytest.mark.parametrize("case", FIELDS)
def test_field_refused(case: str) -> None:
    """Nobody must see a field where another sees none, or another one."""
    for before, after in ((b"", b""), (b"X: y\r\n", b"Z: \t\r\n")):
        raw = OK + before + FIELDS[case] + b"\r\n" + after + EMPTY
        assert at_any_cut(raw).wrong is not None


def test_what_is_wrong_is_told_without_values() -> None:
    """The text goes into logs; it has the place, and not what stands there."""
    texts = {
        str(at_any_cut(OK + b"A: b\r\n" + field + b"\r\n" + EMPTY).wrong)
        for field in (
            b"Key: sk-secret\x01",
            b"Key : sk-secret",
            b" sk-secret",
            b": sk-secret",
            b"sk-secret",
            b"K(y: sk-secret",
        )
    }

    assert len(texts) == 6
    assert all(text.startswith("header field 2: ") for text in texts)
    assert "secret" not in "".join(texts)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (b"<html>", "does not begin with a status line"),
        (b"HTTP/2.0 200 OK\r\n", "not HTTP/1.0 or HTTP/1.1"),
        (b"\r\n", "a blank line stands before"),
        (OK + b"A: b\nC: d", "a bare LF"),
        (b"HTTP/1.1 200 OK\n\n{}", "a bare LF"),
    ],
)
def test_refused_at_once(raw: bytes, wrong: str, size: int) -> None:
    """A server that speaks something else need not end its head to be told so."""
    reader = ResponseReader()

    with pytest.raises(MalformedResponseError, match=wrong):
        for piece in cuts(raw, size):
            reader.feed(piece)


@pytest.mark.parametrize(
    ("fields", "fine"),
    [
        (b"A: " + b"x" * (MAX_LINE - 3) + b"\r\n", True),
        (b"A: " + b"x" * (MAX_LINE - 2) + b"\r\n", False),
        (b"A: b\r\n" * (MAX_FIELDS - 1), True),
        (b"A: b\r\n" * MAX_FIELDS, False),
        (b"A: %b\r\n" % (b"x" * 8000) * 8, True),
        (b"A: %b\r\n" % (b"x" * 8188) * 8, False),
    ],
)
def test_limits(fields: bytes, fine: bool) -> None:
    """A head that never ends fills no memory, and a huge one is nobody's."""
    raw = OK + fields + EMPTY

    for size in (7, 4096, 1 << 20):
        assert (ours(cuts(raw, size)).wrong is None) is fine


@pytest.mark.parametrize("more", [0, 1])
def test_limit_of_the_head(more: int) -> None:
    fields = [b"A: %b\r\n" % (b"x" * 8000)] * 8
    room = MAX_HEAD - len(OK + b"".join(fields) + b"B: \r\n" + EMPTY)
    raw = OK + b"".join(fields) + b"B: %b\r\n" % (b"x" * (room + more)) + EMPTY
    assert len(raw) == MAX_HEAD + more

    for size in (7, 4096, 1 << 20):
        wrong = ours(cuts(raw, size)).wrong
        assert wrong == (f"the head exceeds {MAX_HEAD} bytes" if more else None)


def test_endless_head() -> None:
    """The limit counts what has come, not what is whole."""
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 " + b"x" * (MAX_HEAD - 14))

    with pytest.raises(MalformedResponseError, match="the head exceeds"):
        reader.feed(b"x")


def test_long_status_line() -> None:
    raw = b"HTTP/1.1 200 " + b"x" * MAX_LINE + b"\r\n" + EMPTY

    assert ours([raw]).wrong == (f"line 1 of the head exceeds {MAX_LINE} bytes")


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 0\r\n\r\n"


def test_interim_responses_are_skipped() -> None:
    """Only the last head is the answer's, and no field of another is taken for its."""
    outcome = at_any_cut(CONTINUE + HINTS + OK + EMPTY)

    assert outcome.reading is not None
    assert outcome.reading.status == 200
    assert outcome.reading.headers == (("Content-Length", "0"),)
    assert outcome.reading.reusable


@pytest.mark.parametrize("size", [7, 1 << 20])
def test_interim_responses_without_end(size: int) -> None:
    assert ours(cuts(CONTINUE * MAX_INTERIM + OK + EMPTY, size)).wrong is None
    assert "interim" in str(
        ours(cuts(CONTINUE * (MAX_INTERIM + 1) + OK + EMPTY, size)).wrong
    )


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 1",
        b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 100 Continue\r\nConnection: close",
        b"HTTP/1.0 100 Continue",
        b"HTTP/1.1 100 Continue\r\n folded",
    ],
)
def test_interim_response_refused(interim: bytes) -> None:
    """It has no body, does not end the connection, and nobody asked for an upgrade."""
    assert at_any_cut(interim + b"\r\n\r\n" + OK + EMPTY).wrong is not None


@pytest.mark.parametrize("raw", [b"", OK[:5], OK, OK + EMPTY[:-2], CONTINUE])
def test_the_end_within_a_head(raw: bytes) -> None:
    reader = ResponseReader()
    reader.feed(raw)

    with pytest.raises(IncompleteResponseError, match="within the head"):
        reader.eof()
    with pytest.raises(IncompleteResponseError, match="within the head"):
        reader.feed(b"\r\n\r\n")

    assert reader.head is None
    assert not reader.keeps_alive


def test_a_tunnel_is_no_response() -> None:
    with pytest.raises(ValueError, match="tunnel"):
        ResponseReader("CONNECT")


BLANKS = b" " * 8000
ADVERSE = {
    "byte by byte": (b"A: b\r\n" * 120 + b"B: " + b"x" * 8000, 1),
    "blanks, then a control": (b"A: x" + BLANKS + b"\x01\r\n", 1 << 20),
    "blanks and letters": (b"A:" + b" x" * 4000 + b"\x01\r\n", 1 << 20),
    "tabs and letters": (b"A:" + b"\t \tx" * 2000 + b"\t\x01\r\n", 1 << 20),
    "a name without end": (b"x" * 60000, 7),
    "colons": (b":" * 60000, 7),
    "codings": (b"Transfer-Encoding: x \t x\r\n" * 2000, 1 << 20),
    "codings, padded": (b"Transfer-Encoding: " + b" \t" * 4000 + b"\r\n", 1 << 20),
    "CR": (b"\r" * 60000, 7),
    "line ends": (b"A:\r\n" * 15000, 3),
    "a reason of blanks": (b"", 1 << 20),
}


@pytest.mark.parametrize("case", ADVERSE)
def test_linear_time(case: str) -> None:
    """What a hostile upstream can send costs by its length, not by its square."""
    fields, size = ADVERSE[case]
    first = OK if fields else b"HTTP/1.1 200 " + b" x" * 30000 + b"\x01\r\n"
    before = time.process_time()

    for _ in range(5):
        ours(cuts(first + fields + b"\r\n", size))

    # Under 0.1 s on a slow machine; what is quadratic here takes a minute.
    assert time.process_time() - before < 5
