"""The benchmark's own HTTP: what it misreads, it would mismeasure."""

from __future__ import annotations

import pytest

from bench import canned
from bench.http1 import ChunkedReader, EventReader, HttpError, ReplyReader
from tests.streams import cuts

SIZES = [1, 7, 4096]
EVENTS = canned.events(12)


@pytest.mark.parametrize("size", SIZES)
def test_chunked(size: int) -> None:
    """Every byte of every chunk comes out, and nothing else."""
    reader = ChunkedReader()
    body = b"".join(map(canned.chunk, EVENTS)) + canned.LAST_CHUNK

    payload = b"".join(reader.feed(piece) for piece in cuts(body, size))

    assert payload == b"".join(EVENTS)
    assert reader.done
    assert reader.rest == b""


@pytest.mark.parametrize("size", SIZES)
def test_extensions_and_trailers(size: int) -> None:
    """What a proxy may add to chunks is skipped; upper-case sizes are sizes."""
    reader = ChunkedReader()
    body = b'A;name="x"\r\n0123\r\n6789\r\n1\r\n!\r\n0;last\r\nX-Sum: 1\r\nY: 2\r\n\r\n'

    payload = b"".join(reader.feed(piece) for piece in cuts(body, size))

    assert payload == b"0123\r\n6789!"
    assert reader.done


def test_next_message_stays() -> None:
    """What comes after the last chunk belongs to the next message."""
    reader = ChunkedReader()

    reader.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK")

    assert reader.rest == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("body", [b"zz\r\n", b"1\r\nab\r\n", b"1\r\na" + b"b" * 20_000])
def test_garbage(body: bytes) -> None:
    """A proxy that breaks the framing is found out."""
    with pytest.raises(HttpError):
        ChunkedReader().feed(body)


@pytest.mark.parametrize("size", SIZES)
def test_streamed_reply(size: int) -> None:
    """The upstream's stream is read whole, however it is cut."""
    reader, events = ReplyReader(), EventReader()
    body = canned.stream(EVENTS)

    got = [e for p in cuts(body, size) for e in events.feed(reader.feed(p))]

    assert [event + b"\n\n" for event in got] == EVENTS
    assert reader.status == 200
    assert reader.done


@pytest.mark.parametrize("size", SIZES)
def test_reply_with_length(size: int) -> None:
    """A reply is done with its last byte, also after a 100 Continue."""
    reader, reply = ReplyReader(), canned.reply()
    body = b"HTTP/1.1 100 Continue\r\n\r\n" + canned.JSON_HEAD % len(reply) + reply
    pieces = cuts(body, size)

    payload = b"".join(map(reader.feed, pieces[:-1]))
    done_before = reader.done
    payload += reader.feed(pieces[-1])

    assert payload == reply
    assert (done_before, reader.done) == (False, True)


def test_reply_up_to_the_close() -> None:
    """Without a length the end of the connection is the end of the reply."""
    reader = ReplyReader()

    payload = reader.feed(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
    reader.eof()

    assert payload == b"abc"
    assert reader.done
    assert reader.closing


def test_cut_reply() -> None:
    """A connection that ends within a reply is not a reply."""
    reader = ReplyReader()
    reader.feed(canned.JSON_HEAD % 5 + b"abc")

    with pytest.raises(HttpError):
        reader.eof()


def test_stamp() -> None:
    """The time that went into an event comes out of it."""
    before, after = canned.stamped()
    reader = ChunkedReader()

    event = reader.feed(before + canned.stamp(123_456_789) + after)

    assert canned.read_stamp(event) == 123_456_789
    assert canned.read_stamp(canned.DONE) is None
    assert 230 <= len(event) <= 270
