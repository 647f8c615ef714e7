"""The chunked coding: what hides another message in it is refused, at every cut."""

from __future__ import annotations

import time

import pytest

from gateway.wire.http1 import MalformedResponseError, ResponseReader
from gateway.wire.http1.chunks import MAX_SIZE_LINE, MAX_TRAILERS
from tests.fuzz.readings import at_any_cut, ours
from tests.streams import cuts

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"

SIZE_LINES = {
    "no size": b"",
    "an extension only": b";a=b",
    "17 digits": b"0" * 16 + b"5",
    "2 to the 64th and 5": b"10000000000000005",
    "0x": b"0x5",
    "0X": b"0X5",
    "a sign": b"+5",
    "less than nothing": b"-5",
    "an underscore": b"0_5",
    "a blank before": b" 5",
    "a blank behind": b"5 ",
    "a tab behind": b"5\t",
    "no digit": b"g",
    "digits of another script": "\u0665".encode(),
    "h": b"5h",
    "a NUL": b"5\0",
    "a bare LF": b"5\n",
    "a bare CR": b"5\r",
    "a bare CR before": b"\r5",
    "a line end before": b"\r\n5",
    "an LF in an extension": b"5;a\nb",
    "a CR in an extension": b"5;a\rb",
    "a NUL in an extension": b"5;a\0b",
    "a delete in an extension": b"5;a=\x7f",
    "an LF in a quoted extension": b'5;a="\n"',
    "a CRLF in a quoted extension": b'5;a="\r\n"',
    "a quoted extension without end": b'5;a="b',
    "an extension without a name": b"5;",
    "a value without a name": b"5;=a",
    "no value": b"5;a=",
    "blanks before an extension": b"5 ;a",
    "blanks within an extension": b"5; a",
    "a comma": b"5,a",
    "a long extension": b"5;a=" + b"x" * MAX_SIZE_LINE,
}


@pytest.mark.parametrize("case", SIZE_LINES)
def test_chunk_size_refused(case: str) -> None:
    """What was good before is given, and it is no end of the body."""
    raw = CHUNKED + b"3\r\nabc\r\n" + SIZE_LINES[case] + b"\r\nhello\r\n" + LAST

    outcome = at_any_cut(raw)

    assert outcome.wrong is not None
    assert outcome.body == b"abc"


@pytest.mark.parametrize(
    "close",
    [b"\n", b"\r", b"", b"X\r\n", b"\rX", b"\n\r", b"\r\r\n", b" \r\n", b"\0\0"],
)
def test_chunk_end_refused(close: bytes) -> None:
    """A chunk that is longer or shorter than it says is none."""
    raw = CHUNKED + b"5\r\nhello" + close + b"5\r\nagain\r\n" + LAST

    outcome = at_any_cut(raw)

    assert outcome.wrong == "no CRLF stands behind a chunk's data"
    assert outcome.body == b"hello"


@pytest.mark.parametrize("room", [0, 1])
def test_limit_of_a_size_line(room: int) -> None:
    line = b"5;" + b"x" * (MAX_SIZE_LINE - 1 - room)

    outcome = at_any_cut(CHUNKED + line + b"\r\nhello\r\n" + LAST)

    assert (outcome.wrong is None) is bool(room)


TRAILERS = {
    "a head": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "another response": OK + b"Content-Length: 5",
    "a length": b"Content-Length: 5",
    "a coding": b"A: b\r\ntransfer-encoding: chunked",
    "another chunk": b"5\r\nhello\r\n0",
    "a folded line": b"A: b\r\n c",
    "no colon": b"A",
    "a blank before the colon": b"A : b",
    "a bare LF": b"A: b\nC: d",
    "a bare LF at first": b"\nA: b",
    "a bare CR": b"A: b\rC: d",
    "a bare CR at first": b"\rA: b",
    "a NUL": b"A: \0",
    "too many": b"A: b\r\n" * 128 + b"A: b",
}


@pytest.mark.parametrize("case", TRAILERS)
def test_trailers_refused(case: str) -> None:
    """What comes after the last chunk ends the message, and begins no other."""
    raw = CHUNKED + b"5\r\nhello\r\n0\r\n" + TRAILERS[case] + b"\r\n\r\n"

    outcome = at_any_cut(raw)

    assert outcome.wrong is not None
    assert outcome.body == b"hello"


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_endless_trailers(size: int) -> None:
    """Nobody reads them, so they must not fill the memory."""
    reader = ResponseReader()
    reader.feed(CHUNKED + b"0\r\n")

    with pytest.raises(MalformedResponseError, match="trailers exceed"):
        for piece in cuts(b"A: b\r\n" * MAX_TRAILERS, size):
            reader.feed(piece)


@pytest.mark.parametrize("size", [7, 4096, 1 << 20])
@pytest.mark.parametrize("more", [0, 1])
def test_limit_of_trailers(more: int, size: int) -> None:
    """The limit is the same however they come."""
    fields = b"A: %b\r\n" % (b"x" * 1000) * 8
    room = MAX_TRAILERS - len(b"\r\n" + fields + b"B: \r\n\r\n")
    trailers = fields + b"B: %b\r\n\r\n" % (b"x" * (room + more))

    outcome = ours(cuts(CHUNKED + b"0\r\n" + trailers, size))

    assert (outcome.wrong is None) is not bool(more)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "begun", [b"X", b"5 ", b"5\nhello", b"5;a\nb", b"0\r\nA: b\n", b"0\r\n\n"]
)
def test_refused_at_once(begun: bytes, size: int) -> None:
    """What cannot become a chunk is not waited for."""
    reader = ResponseReader()
    reader.feed(CHUNKED)

    with pytest.raises(MalformedResponseError):
        for piece in cuts(begun, size):
            reader.feed(piece)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_endless_extension(size: int) -> None:
    """A line is not collected beyond its limit."""
    reader, fed = ResponseReader(), 0
    reader.feed(CHUNKED)

    with pytest.raises(MalformedResponseError, match="a chunk's size exceeds"):
        for piece in cuts(b"5;a=" + b"x" * 9000, size):
            fed += len(piece)
            reader.feed(piece)

    assert fed <= MAX_SIZE_LINE + 1 + size


def test_good_bytes_before_a_fault() -> None:
    """They are given first; the fault is told at once, and raised next."""
    reader = ResponseReader()

    assert reader.feed(CHUNKED + b"5\r\nhello\r\nX\r\n") == b"hello"
    assert isinstance(reader.wrong, MalformedResponseError)
    for _ in range(2):
        with pytest.raises(MalformedResponseError, match="a chunk's size"):
            reader.feed(b"more")
        with pytest.raises(MalformedResponseError, match="a chunk's size"):
            reader.eof()
    assert not reader.ended
    assert not reader.keeps_alive


def test_nothing_good_before_a_fault() -> None:
    """With nothing to give first, it is raised at once; the head is there already."""
    reader = ResponseReader()

    with pytest.raises(MalformedResponseError, match="a chunk's size"):
        reader.feed(CHUNKED + b"X\r\n")

    assert reader.head is not None
    with pytest.raises(MalformedResponseError, match="a chunk's size"):
        reader.feed(b"")


def test_several_chunks_in_one_read_are_joined() -> None:
    """One read is one write, however many events came in it."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (n, b"x" * n) for n in range(1, 2000, 37))
    reader = ResponseReader()
    reader.feed(CHUNKED)

    body = reader.feed(chunks + b"7d0\r\nyy")

    assert body == b"x" * sum(range(1, 2000, 37)) + b"yy"


MB = 1 << 20
ADVERSE = {
    "one large chunk, byte by byte": (b"%x\r\n%b\r\n" % (MB // 4, b"x" * (MB // 4)), 1),
    "small chunks, byte by byte": (b"1\r\nx\r\n" * (MB // 32), 1),
    "small chunks in one read": (b"1\r\nx\r\n" * (MB // 6), MB),
    "small chunks in small reads": (b"1\r\nx\r\n" * (MB // 24), 7),
    "extensions, byte by byte": (b"1;%b\r\nx\r\n" % (b"x" * 500) * (MB // 4096), 1),
    "quotes": (b'1;a="' + b'\\"' * 240 + b"\r\n", 7),
    "many extensions": ((b"1" + b";a=b" * 120 + b"\r\nx\r\n") * (MB // 1024), 4096),
    "trailers, byte by byte": (b"0\r\n" + b"A: b\r\n" * 1300, 1),
    "a size without end": (b"0" * MB, MB),
}


@pytest.mark.parametrize("case", ADVERSE)
def test_linear_time(case: str) -> None:
    """What a hostile upstream can send costs by its length, not by its square."""
    raw, size = ADVERSE[case]
    reader, pieces = ResponseReader(), cuts(raw, size)
    reader.feed(CHUNKED)
    before = time.process_time()

    for piece in pieces:
        try:
            reader.feed(piece)
        except MalformedResponseError:
            break

    # Around 0.1 s on a slow machine; what is quadratic here takes a minute.
    assert time.process_time() - before < 5
