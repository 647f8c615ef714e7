from __future__ import annotations

import pytest

from gateway.domain.errors import BackendError
from gateway.wire.ndjson import NdjsonFramer
from tests.streams import cuts

LINES = [b'{"n": 1}', b'{"text": "a\\nb"}', '{"text": "\u2028é"}'.encode()]


def read(body: bytes, size: int) -> list[bytes]:
    framer = NdjsonFramer()
    frames = [frame for cut in cuts(body, size) for frame in framer.feed(cut)]
    frames += framer.eof()
    assert all(frame.event == "" for frame in frames)
    return [frame.data.strip() for frame in frames]


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open"])
def test_lines(size: int, end: bytes, last: bool) -> None:
    """Each line is a frame, wherever it is cut and whether or not the last ends."""
    body = end.join(LINES) + (end if last else b"")

    assert read(body, size) == LINES


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_blank_lines(size: int) -> None:
    """Servers that keep a connection alive send some."""
    assert read(b"\n\r\n" + LINES[0] + b"\n \n\n" + LINES[1] + b"\n\r\n", size) == [
        LINES[0],
        LINES[1],
    ]


def test_nothing() -> None:
    assert read(b"", 1) == []


def test_line_comes_as_soon_as_it_ends() -> None:
    """A consumer must not wait for the line after."""
    framer = NdjsonFramer()

    assert [frame.data for frame in framer.feed(b"{}\n[")] == [b"{}"]


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_endless_line(size: int) -> None:
    """What never ends is no line, and must not fill the memory."""
    framer = NdjsonFramer(max_line=20)
    body = b"{}\n" + b" " * 21

    with pytest.raises(BackendError) as caught:
        for cut in cuts(body, size):
            framer.feed(cut)

    assert caught.value.code == "event_too_large"


def test_long_line_that_ends_at_once() -> None:
    """The cap holds for a line that comes in one piece, too."""
    with pytest.raises(BackendError):
        NdjsonFramer(max_line=3).feed(b"12345\n")
