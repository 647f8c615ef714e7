"""AWS event streams: read as botocore reads them, and never past a wrong checksum."""

from __future__ import annotations

import struct
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.eventstream import EXCEPTION, EventStreamFramer
from gateway.wire.sse import Frame
from tests import recordings
from tests.eventstream import event, message
from tests.streams import cuts, random_cuts

STREAMS = [
    recording
    for recording in recordings.select("bedrock.converse", "bedrock.invoke")
    if recording.exchange["response"].get("stream_encoding") == "base64"
]
THREE = [("one", b'{"n":1}'), ("two", b"{}"), ("one", b"")]
BODY = b"".join(event(name, payload) for name, payload in THREE)


def framed(body: bytes, size: int = 1 << 20) -> list[Frame]:
    framer = EventStreamFramer()
    found = [frame for piece in cuts(body, size) for frame in framer.feed(piece)]
    return [*found, *framer.eof()]


def decoded(body: bytes) -> tuple[list[tuple[str, bytes]], bool]:
    """Return what botocore makes of *body*, and whether it is content."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    found = []
    try:
        for each in buffer:
            headers: dict[str, Any] = each.headers
            name = headers.get(":event-type")
            if headers.get(":message-type") == "exception":
                name = EXCEPTION + headers[":exception-type"]
            found.append((name or "", bytes(each.payload)))
    except (ParserError, KeyError, IndexError, UnicodeDecodeError, struct.error):
        return found, False
    return found, True


def plain(frames: list[Frame]) -> list[tuple[str, bytes]]:
    return [(frame.event, frame.data) for frame in frames]


@pytest.mark.recordings
@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_recorded(recording: recordings.Recording) -> None:
    """botocore and this one read the same, however the network cuts it."""
    expected, whole = decoded(recording.body)

    assert whole
    assert len(expected) > 3
    for size in (1, 7, 4096, 1 << 20):
        assert plain(framed(recording.body, size)) == expected


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_written(size: int) -> None:
    assert plain(framed(BODY, size)) == THREE


def test_exception() -> None:
    """Its name tells it from an event."""
    assert plain(framed(event("!throttlingException", b"{}"))) == [
        ("!throttlingException", b"{}")
    ]


def test_error() -> None:
    """An error says in its headers what it has to say."""
    headers = {
        ":message-type": "error",
        ":error-code": "InternalError",
        ":error-message": "no",
    }

    assert plain(framed(message(headers, b""))) == [
        ("!InternalError", b'{"message":"no"}')
    ]


def test_headers_of_all_types() -> None:
    """Those that are no texts are passed over, as botocore passes them over."""
    block = b"".join(
        bytes([len(name)]) + name + value
        for name, value in (
            (b"yes", b"\x00"),
            (b"no", b"\x01"),
            (b"byte", b"\x02\x7f"),
            (b"short", b"\x03\x00\x01"),
            (b"int", b"\x04" + bytes(4)),
            (b"long", b"\x05" + bytes(8)),
            (b"bytes", b"\x06\x00\x02ab"),
            (b"time", b"\x08" + bytes(8)),
            (b"uuid", b"\x09" + bytes(16)),
            (b":event-type", b"\x07\x00\x03one"),
        )
    )

    body = sealed(block, b"{}")

    assert decoded(body) == ([("one", b"{}")], True)
    assert plain(framed(body)) == [("one", b"{}")]


def sealed(block: bytes, payload: bytes) -> bytes:
    """Return a message whose checksums are right, whatever is in it."""
    lengths = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    whole = lengths + struct.pack("!I", crc32(lengths)) + block + payload
    return whole + struct.pack("!I", crc32(whole))


BROKEN = {
    "unknown type": b"\x01a\x0a",
    "cut off in a name": b"\x05ab",
    "cut off in a value": b"\x01a\x07\x00\x09x",
    "cut off before a type": b"\x01a",
    "no text": b"\x01a\x07\x00\x01\xff",
}


@pytest.mark.parametrize("block", BROKEN.values(), ids=BROKEN)
def test_broken_headers(block: bytes) -> None:
    """The good messages before it are read; nothing behind it is."""
    found = framed(BODY + sealed(block, b"{}") + BODY)

    assert plain(found[:3]) == THREE
    assert [frame.event for frame in found[3:]] == ["!upstream_malformed"]


@pytest.mark.parametrize("at", range(len(BODY) // 3))
def test_one_bit(at: int) -> None:
    """A bit that flips anywhere in a message is noticed."""
    body = bytearray(BODY)
    body[at] ^= 0x10

    found = framed(bytes(body))

    assert [frame.event for frame in found] == ["!upstream_malformed"]


@pytest.mark.parametrize("length", [0, 11, 15, 16])
def test_contradicting_lengths(length: int) -> None:
    """Lengths with a checksum that fits, and that cannot be."""
    lengths = struct.pack("!II", length, 5)
    body = lengths + struct.pack("!I", crc32(lengths)) + bytes(20)

    assert [frame.event for frame in framed(body)] == ["!upstream_malformed"]


def test_too_long() -> None:
    """Nobody waits for a message that may not be."""
    lengths = struct.pack("!II", 16 * 1024 * 1024 + 1, 0)
    head = lengths + struct.pack("!I", crc32(lengths))

    assert [frame.event for frame in framed(head)] == ["!event_too_large"]


def test_long() -> None:
    payload = b'"' + b"x" * 1_000_000 + b'"'

    assert plain(framed(event("one", payload), 65536)) == [("one", payload)]


@pytest.mark.parametrize("left", [1, 8, 12, 40])
def test_cut_off(left: int) -> None:
    """What is left at the end is no message."""
    assert plain(framed(BODY + BODY[:left])) == THREE


def test_many_kinds_of_headers() -> None:
    """A server that never repeats itself fills no memory."""
    framer = EventStreamFramer()
    for n in range(1000):
        found = framer.feed(event(f"event{n}", b"{}"))
        assert found == [Frame(f"event{n}", b"{}")]

    assert len(framer._names) <= 256


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_bytes(data: Any) -> None:
    """Where botocore reads, this one reads the same; where it trips, it says so."""
    body = bytearray(BODY * 2)
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    pieces = random_cuts(bytes(body), 3, 50)

    expected, whole = decoded(bytes(body))

    framer = EventStreamFramer()
    found = plain([frame for piece in pieces for frame in framer.feed(piece)])
    assert found[: len(expected)] == expected
    assert [name for name, _ in found[len(expected) :]] == (
        [] if whole else ["!upstream_malformed"]
    )
