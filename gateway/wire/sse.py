"""
Server-sent events: cut into events, looked through in passing, written.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from gateway.domain.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# Images come as one event of some megabytes; more than this is no event stream.
MAX_EVENT = 32 * 1024 * 1024

BOM = b"\xef\xbb\xbf"

# A line ends in CRLF, LF or CR. The groups are atomic, or else a lone CRLF would
# match as a CR and an LF.
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LF, _CRLF = b"\n\n", b"\r\n\r\n"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_COMMENTS = re.compile(rb"(?:[\r\n]|:[^\r\n]*+)*+")


# Not of attrs, as other values are: one is made for every event, ten times as fast.
class Frame(msgspec.Struct, frozen=True, gc=False):
    """One event: its name (empty if it has none) and its data lines, joined."""

    event: str
    data: bytes


class SseSplitter:
    """
    Cuts a byte stream behind each blank line, wherever the network cut it.

    The pieces joined are the stream. A block may hold comments only.
    """

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._buffer = bytearray()
        self._seen = 0
        self._max_event = max_event

    def feed(self, chunk: bytes) -> list[bytes]:
        """
        Return the blocks that *chunk* completes, with their blank lines.

        Raises:
            BackendError: a block exceeds the cap; the stream is lost.
        """
        buffer = self._buffer
        buffer += chunk
        blocks, start = [], 0
        # The first half of a blank line may have come with an earlier chunk.
        for match in _BLANK_LINE.finditer(buffer, max(0, self._seen - 3)):
            blocks.append(bytes(buffer[start : match.end()]))
            start = match.end()
        if start:
            del buffer[:start]
        self._seen = len(buffer)
        if len(buffer) > self._max_event:
            raise BackendError(
                f"an event exceeds {self._max_event} bytes", code="event_too_large"
            )
        return blocks

    def whole(self, chunk: bytes) -> bytes | None:
        """
        Take *chunk* and return the blocks it completes as one piece, for `frames_in`.

        ``None``: it was not taken, and must be fed.
        """
        blank = _LF if chunk.find(b"\r") < 0 else _CRLF
        end = chunk.rfind(blank) + len(blank)
        buffer = self._buffer
        if end < len(blank) or len(buffer) + len(chunk) > self._max_event:
            return None
        # Servers write whole events, and the network seldom cuts one.
        whole = chunk
        if end < len(chunk):
            if blank is _CRLF and _BLANK_LINE.search(chunk, end):
                return None
            whole = chunk[:end]
        if buffer:
            whole = bytes(buffer) + whole
        if whole is not chunk:
            buffer[:] = chunk[end:]
            self._seen = len(buffer)
        return whole

    @property
    def rest(self) -> bytes:
        """The bytes after the last blank line."""
        return bytes(self._buffer)

    @property
    def at_boundary(self) -> bool:
        # The LF of a CRLF whose CR already ended the block is no content.
        return not self._buffer or self._buffer == b"\n"

    @property
    def between_events(self) -> bool:
        """Whether what follows the last blank line is nothing but comments."""
        return _COMMENTS.fullmatch(self._buffer) is not None


def parse(block: bytes) -> Frame | None:
    """Return the event in *block*; ``None`` if it holds comments only."""
    name, data = "", None
    for line in _lines(block.removeprefix(BOM)):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data = value if data is None else data + b"\n" + value
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return None if data is None else Frame(name, data)


def _lines(block: bytes) -> list[bytes]:
    # Not splitlines(): a form feed does not end a line here.
    if b"\r" in block:
        return _LINE_END.split(block)
    return block.split(b"\n")


def _bare_error(block: bytes) -> Frame | None:
    """Return Google's errors in mid-stream: JSON that is no event."""
    json = block.strip()
    bare = json.startswith(b"{") and b'"error"' in json
    return Frame("error", json) if bare else None


class SseFramer:
    """Reads every event of a stream."""

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._splitter = SseSplitter(max_event)

    def feed(self, chunk: bytes) -> Iterable[Frame]:
        """
        Return the events that *chunk* completes.

        Raises:
            BackendError: one exceeds the cap; the stream is lost.
        """
        whole = self._splitter.whole(chunk)
        return self._cut(chunk) if whole is None else frames_in(whole)

    def eof(self) -> Iterator[Frame]:
        """Yield a last event that lacks its blank line; some servers forget it."""
        if (frame := parse(self._splitter.rest)) is not None:
            yield frame

    def _cut(self, chunk: bytes) -> Iterator[Frame]:
        for block in self._splitter.feed(chunk):
            if (frame := parse(block)) is not None:
                yield frame


def frames_in(
    whole: bytes, parse: Callable[[bytes], Frame | None] = parse
) -> list[Frame]:
    """
    Return the events in blocks that have all come.

    Args:
        parse: reads a block of an unusual form.
    """
    # One event, as nearly always, in one of the two usual forms.
    last, end, cr = len(whole) - 2, whole.find(b"\n"), whole.find(b"\r")
    if whole[:6] == b"data: ":
        if end == last and cr < 0:
            return [Frame("", whole[6:-2])]
        if end == last - 1 == cr + 1 and whole[-2:] == b"\r\n":
            return [Frame("", whole[6:-4])]
    elif (
        cr < 0
        and whole[:7] == b"event: "
        and whole[end : end + 7] == b"\ndata: "
        and whole.find(b"\n", end + 1) == last
    ):
        return [Frame(whole[7:end].decode("utf-8", "replace"), whole[end + 7 : -2])]
    return _usual(whole) or [
        frame
        for block in SseSplitter(len(whole)).feed(whole)
        if (frame := parse(block)) is not None
    ]


def _usual(whole: bytes) -> list[Frame]:
    """Do it for two usual forms: a line of data, or a name and a line of data."""
    if whole.find(b"\r") < 0:
        lines = whole.split(b"\n")
    else:
        lines = whole.split(b"\r\n")
        if not len(lines) - 1 == whole.count(b"\r") == whole.count(b"\n"):
            return []
    if not any(lines[1::2]):
        frames = [Frame("", line[6:]) for line in lines[::2] if line[:6] == b"data: "]
        return frames if 2 * len(frames) + 1 == len(lines) else []
    if any(lines[2::3]):
        return []
    frames = [
        Frame(name[7:].decode("utf-8", "replace"), line[6:])
        for name, line in zip(lines[::3], lines[1::3])  # noqa: B905 - the last is odd
        if name[:7] == b"event: " and line[:6] == b"data: "
    ]
    return frames if 3 * len(frames) + 1 == len(lines) else []


class SseSkimmer:
    """
    Watches a copy of a stream for the few events that matter.

    Most chunks are whole events in which nothing does; they cost a few byte
    searches and no allocation.

    Args:
        spots: says where in some bytes, in order, what matters stands. The first
            event always does, and one that is called ``error``.
        ending: says of an event how it ends, if no event that ends so matters
            unless it has *alarm* in it; else it gives nothing. Most events of a
            stream end alike.

    Attributes:
        events: how many events (with data) have passed.
    """

    def __init__(
        self,
        spots: Callable[[bytes], Sequence[int]],
        ending: Callable[[bytes], bytes] = lambda _: b"",
        alarm: bytes = b"",
        max_event: int = MAX_EVENT,
    ) -> None:
        self._spots = spots
        self._ending = ending
        self._alarm = alarm
        self._end = b""
        self._seam = b""
        self._named = False
        self._splitter = SseSplitter(max_event)
        self._whole = True
        self.events = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the events in *chunk* that may matter."""
        if b"\r" in chunk:
            return self._slow(chunk)
        if self._whole and chunk.endswith(b"\n\n"):
            return self._fast(chunk, 0, len(chunk))
        # What is whole between the end of an event that had begun and the
        # beginning of one that has not ended.
        start, end = 0, chunk.rfind(b"\n\n") + 2
        frames: list[Frame] = []
        if not self._whole:
            start = chunk.find(b"\n\n") + 2
            frames = self._slow(chunk[:start] if start > 1 else chunk)
        if start > 1 or self._whole:
            if end > start + 1 and self._whole:
                frames += self._fast(chunk, start, end)
                start = end
            if start < len(chunk):
                frames += self._slow(chunk[start:])
        return frames

    def eof(self) -> list[Frame]:
        """Return a last event that lacks its blank line."""
        return self._sift([self._splitter.rest])

    @property
    def at_boundary(self) -> bool:
        """Whether the stream so far ends with a whole event."""
        return self._whole

    @property
    def progress(self) -> int:
        """A number that changes when an event begins and when it is whole."""
        return self.events if self._whole else -self.events - 1

    @property
    def between_events(self) -> bool:
        """Whether no event has begun since; not for every chunk, it costs time."""
        return self._whole or self._splitter.between_events

    def _fast(self, chunk: bytes, start: int, end: int) -> list[Frame]:
        """Read whole events, most of which are likely to end alike."""
        frames: list[Frame] = []
        while not self.events and start < end:  # the first shows how they end
            second = chunk.find(b"\n\n", start, end) + 2
            second = second if second > 1 else end
            self._learn(chunk[start:second])
            frames += self._slow(chunk[start:second])
            start = second
        alike = chunk.rfind(self._end, start, end) if self._end else -1
        if alike >= 0 and self._pass(chunk, start, alike + len(self._end)):
            start = alike + len(self._end)
        return frames + self._each(chunk, start, end) if start < end else frames

    def _learn(self, events: bytes) -> None:
        self._end = self._ending(events)
        self._named = events.startswith(b"event:")
        self._seam = self._end + (b"event:" if self._named else b"data:")

    def _pass(self, chunk: bytes, start: int, end: int) -> bool:
        """Count these events if all end alike and none matters."""
        events = self._count(chunk, start, end, self._seam)
        if not events or chunk.find(self._alarm, start, end) >= 0:
            return False
        self.events += events
        return True

    def _count(self, chunk: bytes, start: int, end: int, seam: bytes) -> int:
        """
        Return how many events there are, or 0 if any has another form.

        The forms are one line of data, and a name and a line of data; *seam* is
        what stands between two.
        """
        lines = chunk.count(b"\n", start, end)
        if not self._named:
            events = 1 if lines == 2 else chunk.count(seam, start, end) + 1
            plain = lines == 2 * events and chunk.startswith(b"data:", start)
            return events if plain else 0
        events = 1 if lines == 3 else chunk.count(seam, start, end) + 1
        plain = (
            lines == 3 * events
            and chunk.startswith(b"event:", start)
            # JSON on one line each: none is continued on another.
            and chunk.count(b"\ndata: {", start, end) == events
            and chunk.count(b"}\n\n", start, end) == events
            and chunk.find(b"event: error", start, end) < 0
            and chunk.find(b"event:error", start, end) < 0
        )
        return events if plain else 0

    def _each(self, chunk: bytes, start: int, end: int) -> list[Frame]:
        """Look where something stands, if all events have one of the usual forms."""
        part = chunk[start:end]
        self._learn(part)
        seam = b"\n\nevent:" if self._named else b"\n\ndata:"
        events = self._count(part, 0, len(part), seam)
        if not events:
            return self._slow(part)
        self.events += events
        frames, seen = [], -1
        for spot in self._spots(part):
            if spot > seen:
                begin = part.rfind(b"\n\n", 0, spot) + 2
                seen = part.find(b"\n\n", spot)
                frames.append(parse(part[begin if begin > 1 else 0 : seen]))
        return [frame for frame in frames if frame is not None]

    def _slow(self, chunk: bytes) -> list[Frame]:
        frames = self._sift(self._splitter.feed(chunk))
        self._whole = self._splitter.at_boundary
        return frames

    def _sift(self, blocks: list[bytes]) -> list[Frame]:
        frames = []
        for block in blocks:
            if (frame := parse(block) or _bare_error(block)) is not None:
                # Not the block: there a value may be cut by the next "data:".
                known = not self.events or frame.event == "error"
                if known or self._spots(frame.data):
                    frames.append(frame)
                self.events += 1
        return frames
