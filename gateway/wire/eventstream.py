"""
AWS' event streams: binary messages, each with two checksums.

botocore has a decoder, too. It is not used here, and the tests hold this one against
it: it copies its whole buffer for each message (a read of a megabyte costs twice as
much per message as one at a time), takes nine times as long for a message that comes
alone, raises errors of half a dozen kinds over bytes that are wrong, and would make
`botocore` a must for those who have a Bedrock API key, which needs no signature.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
and https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING
from zlib import crc32

from gateway.domain.errors import BackendError
from gateway.wire.json import encode
from gateway.wire.sse import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT_TYPE = "application/vnd.amazon.eventstream"
# What the name of a frame begins with that is no event but an exception.
EXCEPTION = "!"
# Longest message, as the second source has it.
MAX_MESSAGE = 16 * 1024 * 1024

# Length of all, length of the headers, and a checksum of these two.
_PRELUDE = Struct("!III")
_CHECKSUM = 4
_LEAST = _PRELUDE.size + _CHECKSUM
# Type of a header's value: bytes that follow. Of types 6 and 7 the length does.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES, _TEXT = 6, 7
_KNOWN_HEADERS = 256


class EventStreamFramer:
    """
    Makes a frame of each message: its name is the event's type.

    Of an exception the name is its type behind a `EXCEPTION`. Bytes that are not what
    their checksums say are such an exception, too, and the last frame: where the next
    message would begin nobody knows. Bytes that are left at the end are no frame: a
    message without its checksum may be any.
    """

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._buffer = bytearray()
        self._max_message = max_message
        self._lost = False
        # Nearly all messages of a stream have one of a few header blocks.
        self._names: dict[bytes, tuple[str, str]] = {}

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the messages that *chunk* completes; it never raises."""
        frames: list[Frame] = []
        if self._lost:
            return frames
        buffer = self._buffer
        buffer += chunk
        start = 0
        try:
            while (end := self._end(start)) is not None:
                frames.append(self._frame(bytes(buffer[start:end])))
                start = end
        except BackendError as exc:
            self._lost = True
            start = len(buffer)
            said = encode({"message": exc.message})
            frames.append(Frame(EXCEPTION + exc.code, said))
        del buffer[:start]
        return frames

    def eof(self) -> tuple[Frame, ...]:
        return ()

    def _end(self, start: int) -> int | None:
        """Return where the message at *start* ends; ``None``: not here yet."""
        buffer = self._buffer
        if len(buffer) - start < _PRELUDE.size:
            return None
        length, headers, checksum = _PRELUDE.unpack_from(buffer, start)
        if crc32(buffer[start : start + 8]) != checksum:
            raise _broken("the checksum of a prelude does not fit")
        if length > self._max_message:
            raise BackendError(
                f"an event exceeds {self._max_message} bytes", code="event_too_large"
            )
        if length < _LEAST + headers:
            raise _broken("the lengths of a message contradict each other")
        end: int = start + length
        return end if end <= len(buffer) else None

    def _frame(self, message: bytes) -> Frame:
        last = len(message) - _CHECKSUM
        if crc32(message[:last]) != int.from_bytes(message[last:], "big"):
            raise _broken("the checksum of a message does not fit")
        _, length, _ = _PRELUDE.unpack_from(message)
        begin = _PRELUDE.size + length
        block = message[_PRELUDE.size : begin]
        found = self._names.get(block)
        if found is None:
            found = _name(block)
            if len(self._names) < _KNOWN_HEADERS:
                self._names[block] = found
        name, said = found
        data = message[begin:last]
        return Frame(name, data or encode({"message": said}) if said else data)


def _name(block: bytes) -> tuple[str, str]:
    """Return the frame's name, and what an error says in its headers."""
    headers = dict(_headers(block))
    match headers.get(":message-type"):
        case "exception":
            return EXCEPTION + headers.get(":exception-type", ""), ""
        case "error":
            name = EXCEPTION + headers.get(":error-code", "")
            return name, headers.get(":error-message", "")
        case _:
            return headers.get(":event-type", ""), ""


def _headers(block: bytes) -> Iterator[tuple[str, str]]:
    """Yield the headers that are texts; the others have nothing to tell here."""
    at = 0
    try:
        while at < len(block):
            name = block[at + 1 : at + 1 + block[at]].decode()
            at += 1 + block[at]
            kind = block[at]
            at += 1
            if kind in (_BYTES, _TEXT):
                size = int.from_bytes(block[at : at + 2], "big")
                value = block[at + 2 : at + 2 + size]
                at += 2 + size
                if kind == _TEXT:
                    yield name, value.decode()
            else:
                at += _SIZES[kind]
    except (IndexError, KeyError, UnicodeDecodeError) as exc:
        raise _broken("the headers of a message cannot be read") from exc
    if at != len(block):
        raise _broken("the headers of a message are cut off")


def _broken(what: str) -> BackendError:
    return BackendError(
        f"the upstream sent a malformed event stream: {what}", code="upstream_malformed"
    )
