"""Every front and every translator, by its protocol's name."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from attrs import frozen

from gateway.fronts.base import Ask, Context
from gateway.rendering import Decoded
from gateway.wire.json import loads
from gateway.wire.jsonarray import JsonArrayFramer
from tests.contract.cases import UPSTREAMS, Asked, Case
from tests.streams import cuts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Reply
    from gateway.domain.request import Request
    from gateway.fronts.base import Front
    from gateway.plugin import Translator
    from gateway.wire.reading import Framer


# Of protocols that are not called as their provider is.
PACKAGES = {"bedrock_converse": "bedrock"}


@functools.cache
def front(protocol: str) -> Front:
    module = importlib.import_module(f"gateway.fronts.{protocol}.front")
    found: Front = module.FRONT
    return found


@functools.cache
def translator(protocol: str) -> Translator:
    package = PACKAGES.get(protocol, protocol)
    module = importlib.import_module(f"connectors.{package}")
    found: Translator = module.DIALECT.translator
    assert found is not None
    return found


def framer(case: Case) -> Framer:
    """Return what cuts the case; an upstream is never asked for an array."""
    return JsonArrayFramer() if case.framing == "array" else _framer(case.protocol)


def _framer(protocol: str) -> Framer:
    return translator(protocol).framer()


def batches(case: Case, pieces: Iterable[bytes]) -> list[list[Event]]:
    """Return the events of each piece, and those of the end."""
    source = Decoded(framer(case), translator(case.protocol).reader())
    return [*(source.feed(piece) for piece in pieces), source.eof()]


def events(case: Case, size: int = 1 << 20) -> list[Event]:
    """Return what the reader makes of a stream that comes in pieces of *size*."""
    return [e for batch in batches(case, cuts(case.body, size)) for e in batch]


def by_frame(case: Case) -> list[list[Event]]:
    """Return the events of each frame, as they come from a slow upstream."""
    cutter, reader = framer(case), translator(case.protocol).reader()
    frames = [*cutter.feed(case.body), *cutter.eof()]
    return [*(reader.feed(frame) for frame in frames), reader.eof()]


def read_whole(case: Case) -> Reply:
    """Return what the reader makes of a whole answer; raises `LLMProxyError`."""
    return translator(case.protocol).read_reply(loads(case.body))


def read_asked(asked: Asked) -> Request:
    """Return what the dialect's front makes of a request."""
    door = front(asked.protocol)
    ask = door.peek(asked.body, given(asked))
    return door.read_request(asked.body, ask)


def given(asked: Asked) -> Ask | None:
    """Return what the path says of a request, as `Front.peek` takes it."""
    if asked.protocol != "gemini":
        return None
    framing: Any = asked.framing
    return Ask(asked.model or "m1", asked.stream, framing=framing)


def context(dialect: str, *, stream: bool = False, framing: Any = "sse") -> Context:
    """Return the context of a caller who wants everything there is."""
    ask = Ask("m1", stream, 1, wants_usage=True, framing=framing)
    return Context(ask, 1700000000, "w17")


@frozen
class Heard:
    """What a client was sent, and what of the answer could not be said."""

    body: bytes
    losses: tuple[Loss, ...]


def tell_stream(dialect: str, found: Iterable[Event]) -> Heard:
    """Return the stream that a client of *dialect* is sent, event by event."""
    return tell_pieces(dialect, ([event] for event in found))


def tell_pieces(dialect: str, pieces: Iterable[Iterable[Event]]) -> Heard:
    """Return the same for events that come several at once."""
    writer = front(dialect).writer(context(dialect, stream=True))
    body = b"".join([writer.feed(piece) for piece in pieces])
    return Heard(body, tuple(writer.losses))


def tell_whole(dialect: str, reply: Reply) -> Heard:
    rendered = front(dialect).write_reply(reply, context(dialect))
    return Heard(rendered.body, rendered.losses)


PAIRS = tuple((client, upstream) for client in UPSTREAMS[:4] for upstream in UPSTREAMS)
