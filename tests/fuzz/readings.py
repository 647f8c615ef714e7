"""One response, as our reader and as aiohttp's two parsers read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import http_parser
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from attrs import frozen

from gateway.wire.http1 import MalformedResponseError, ResponseReader
from tests.streams import cuts

PARSERS = {
    name: getattr(http_parser, f"HttpResponseParser{name}")
    for name in ("C", "Py")
    if hasattr(http_parser, f"HttpResponseParser{name}")
}
# Theirs count the first line, the blank one or the trailers among the fields, and
# name and value without what is between them. A limit is no reading.
_LIMITS = {"max_headers": 1024, "max_field_size": 1 << 17, "max_line_size": 1 << 17}
_NEVER = 1 << 30


@frozen
class Reading:
    """What a reader makes of a response that it takes to be whole."""

    version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reusable: bool


@frozen
class Outcome:
    """
    What our reader did.

    Attributes:
        reading: what it read; ``None`` if that is not whole.
        wrong: why it refused; ``None`` if it did not.
        body: what it gave, before it refused or not.
        used: what it took, without what came after the end.
    """

    reading: Reading | None
    wrong: str | None
    body: bytes
    used: bytes


def ours(pieces: Iterable[bytes], method: str = "POST") -> Outcome:
    """Feed *pieces*, then the connection's end."""
    reader, body, fed = ResponseReader(method), b"", b""
    try:
        for piece in pieces:
            fed += piece
            body += reader.feed(piece)
            if reader.ended:
                break
        reusable = reader.keeps_alive
        reader.eof()
    except MalformedResponseError as exc:
        return Outcome(None, str(exc), body, fed)
    if reader.rest:
        return ours([fed.removesuffix(reader.rest)], method)
    assert reader.head is not None
    version, status, reason, headers = reader.head
    fields = tuple(headers.items())
    reading = Reading(version, status, reason, fields, body, reusable)
    return Outcome(reading, None, body, fed)


def at_any_cut(raw: bytes, method: str = "POST") -> Outcome:
    """Return what is read of *raw*, if it makes no difference where it is cut."""
    whole = ours([raw], method)
    for place in range(1, len(raw)):
        cut = ours([raw[:place], raw[place:]], method)
        assert (cut.reading, cut.body) == (whole.reading, whole.body), place
    for size in (1, 7):
        cut = ours(cuts(raw, size), method)
        assert (cut.reading, cut.body) == (whole.reading, whole.body), size
    return whole


def theirs(name: str, pieces: Iterable[bytes], method: str = "POST") -> Reading | str:
    """Return what aiohttp's client would see, or why it would see nothing."""
    loop: Any = object()  # nobody waits; without one, aiohttp asks for the current
    parser = PARSERS[name](
        BaseProtocol(loop),
        loop,
        _NEVER,
        response_with_body=method != "HEAD",
        read_until_eof=True,
        auto_decompress=False,
        **({"method": method} if name == "Py" else {}),
        **_LIMITS,
    )
    found: list[tuple[Any, Any]] = []
    try:
        for piece in pieces:
            messages, _, _ = parser.feed_data(piece)
            found += messages
        parser.feed_eof()
    except HttpProcessingError as exc:
        return f"{type(exc).__name__}: {exc}"
    # As aiohttp's client does, which skips what is provisional.
    final = [pair for pair in found if not 100 <= pair[0].code < 200]
    if len(final) != 1:
        return f"{len(final)} responses"
    message, payload = final[0]
    if payload.exception() is not None:
        return repr(payload.exception())
    if not payload.is_eof():
        return "not ended"
    return Reading(
        "{}.{}".format(*message.version),
        message.code,
        message.reason,
        tuple(message.headers.items()),
        payload.read_nowait(),
        not message.should_close,
    )
