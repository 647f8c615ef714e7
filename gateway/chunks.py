"""
Streams of one provider's or one client's, as somebody else's backend handles them.

See `gateway.translation` for what a chunk is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from gateway.domain.errors import LLMProxyError
from gateway.domain.events import Fault
from gateway.wire.json import encode, loads
from gateway.wire.ndjson import NdjsonFramer
from gateway.wire.sse import Frame, SseFramer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.events import Event
    from gateway.fronts.base import Writer
    from gateway.plugin import Translator

Chunk: TypeAlias = "dict[str, Any] | str | bytes"

# What OpenAI's streams end with, and some that have an end of their own.
DONE = b"[DONE]"


class StreamReader:
    """
    Reads one provider's stream; call `eof` where it ends.

    Text that begins like JSON is the data of one event, and so is all that follows
    it; else the stream comes raw and is cut into events here. Of protocols that have
    an event in each line text is whole JSON, or raw.
    """

    def __init__(self, translator: Translator) -> None:
        self._reader = translator.reader()
        self._framer = translator.framer()
        self._lines = isinstance(self._framer, NdjsonFramer)
        self._raw: bool | None = True if self._lines else None
        self._midway = False  # of a line
        self._begun = False

    def feed(self, chunk: Chunk) -> tuple[Event, ...]:
        """Return the events in *chunk*; a stream that is no stream is a `Fault`."""
        try:
            frames = list(self._frames(chunk))
        except LLMProxyError as error:  # an event without an end
            return (Fault(error),)
        return tuple(event for frame in frames for event in self._read(frame))

    def eof(self) -> tuple[Event, ...]:
        """Return what the end means: a `Fault` unless the provider was done."""
        frames = self._framer.eof() if self._raw else ()
        events = [event for frame in frames for event in self._read(frame)]
        return (*events, *self._reader.eof())

    def _read(self, frame: Frame) -> Iterable[Event]:
        # The last word may follow the end of the stream before.
        if not self._begun and frame.data.strip() == DONE:
            return ()
        self._begun = True
        return self._reader.feed(frame)

    def _frames(self, chunk: Chunk) -> Iterable[Frame]:
        data = bytes_of(chunk)
        if isinstance(chunk, dict):
            return _event(data)
        if self._raw is None and data.strip():
            self._raw = not data.lstrip().startswith((b"{", b"["))
        if not self._raw:
            return _event(data)
        return self._framer.feed(self._line(data) if self._lines else data)

    def _line(self, data: bytes) -> bytes:
        """Return *data* with the line's end that JSON by itself has not."""
        if not self._midway and _is_json(data):
            return data + b"\n"
        _, newline, last = data.rpartition(b"\n")
        self._midway = bool(last.strip()) or (self._midway and not newline)
        return data


class StreamWriter:
    """
    Writes one client's stream.

    Attributes:
        writer: gives the bytes as they go to the client, and the losses.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._framer = SseFramer()

    def feed(self, events: Iterable[Event]) -> tuple[Any, ...]:
        """Return the data of the events, each as JSON or else as text."""
        frames = self._framer.feed(self.writer.feed(events))
        return tuple(_shown(frame.data) for frame in frames)


def bytes_of(chunk: Chunk) -> bytes:
    if isinstance(chunk, dict):
        return encode(chunk)
    return chunk.encode("utf-8", "surrogatepass") if isinstance(chunk, str) else chunk


def _shown(data: bytes) -> Any:
    try:
        return loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _is_json(data: bytes) -> bool:
    return not isinstance(_shown(data), str)


def _event(data: bytes) -> list[Frame]:
    """Return an event with the name that its line would say, which its data repeats."""
    if not data.strip():
        return []
    json = _shown(data)
    name = json.get("type") if isinstance(json, dict) else None
    return [Frame(name if isinstance(name, str) else "", data)]
