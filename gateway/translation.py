"""
The facade through which a backend of somebody else's translates.

A *format* is a protocol or a provider's name: ``openai``, ``anthropic``,
``responses``, ``openrouter`` and so on; `TranslationService.formats` has all. The
domain's side are `Request`, `Reply` and the events of `gateway.domain.events`.

A stream's chunk is the data of one server-sent event, as JSON or as text, or raw
text of the stream, cut anywhere. Reading it needs memory: which block is open, what
of a line has come. `TranslationService.stream_reader` gives an object for one stream;
the methods that take a chunk alone keep one for the current task and format until
the stream has ended or the next request of that format is translated, so two streams
of one format in one task need two readers.

Where the provider's stream is over, `TranslationService.to_domain_stream_end` tells
what that means: protocols like Gemini's have no last word of their own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from importlib import import_module
from time import time
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4
from weakref import WeakKeyDictionary

from attrs import define, evolve, field

from gateway.chunks import StreamReader, StreamWriter, bytes_of
from gateway.domain.errors import (
    BackendError,
    ConfigurationError,
    JSONParsingError,
    TranslationError,
)
from gateway.domain.events import Fault, ReplyEnd
from gateway.domain.loss import Grade
from gateway.fronts.base import Ask, Context
from gateway.wire.json import loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.chunks import Chunk
    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json, Reply
    from gateway.domain.request import Request, Turn
    from gateway.fronts.base import Front
    from gateway.plugin import Dialect, Translator, Written

# Names of formats that are no connector's: the protocol, and a connector that has it.
# Whoever says "openai" has a server that is compatible, and OpenAI's newest words, such
# as ``max_completion_tokens``, are what such servers ignore.
PROTOCOLS = {
    "openai_chat": "openai-compatible",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "cohere": "cohere",
    "ollama": "ollama",
    "bedrock_converse": "bedrock",
}
ALIASES = {
    "openai": "openai_chat",
    "openai-chat": "openai_chat",
    "chat": "openai_chat",
    "responses": "openai_responses",
    "openai-responses": "openai_responses",
}
# The dialects of clients; each is a package below `gateway.fronts`.
FRONTS = ("openai_chat", "openai_responses", "anthropic", "gemini")
# What JSON is taken for where nobody says what it is.
OPENAI = "openai"


@define
class Noted:
    """
    What `TranslationService.from_domain_request` could not say.

    Attributes:
        strict: it refuses whatever cannot be said.
    """

    strict: bool = False
    losses: list[Loss] = field(factory=list)


# Of the request that is being served.
NOTED: ContextVar[Noted | None] = ContextVar("noted", default=None)


class Connectors(Protocol):
    """What the registry offers of connectors, which it loads by their names."""

    @property
    def names(self) -> list[str]: ...

    def peek(self, name: str) -> Any: ...


class Installed(Mapping[str, "Dialect"]):
    """The dialects that the installed connectors bring, loaded when first used."""

    def __init__(self, connectors: Connectors) -> None:
        self._connectors = connectors

    def __getitem__(self, name: str) -> Dialect:
        protocol = ALIASES.get(name, name)
        connector = self._connectors.peek(PROTOCOLS.get(protocol, name))
        speaks: tuple[Dialect, ...] = getattr(connector, "speaks", ())
        for dialect in speaks:
            wanted = protocol not in PROTOCOLS or dialect.protocol == protocol
            if wanted and dialect.translator is not None:
                return dialect
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*PROTOCOLS, *ALIASES, *self._connectors.names}))

    def __len__(self) -> int:
        return len(list(iter(self)))


class TranslationService:
    """
    Translates between the domain and the formats.

    Each method raises `ConfigurationError` for an unknown format, and
    `TranslationError` for one that is not spoken in that direction.

    Args:
        dialects: by format; see `Installed`.
    """

    def __init__(self, dialects: Mapping[str, Dialect]) -> None:
        self._dialects = dialects
        self._streams: WeakKeyDictionary[Any, dict[tuple[str, str], Any]] = (
            WeakKeyDictionary()
        )

    @property
    def formats(self) -> list[str]:
        return list(self._dialects)

    # -- upstream's side: requests out, answers in

    def from_domain_request(
        self,
        request: Request | dict[str, Any],
        target_format: str,
        *,
        messages: Sequence[Turn | dict[str, Any]] = (),
    ) -> dict[str, Json]:
        """
        Return the body of *request* for a provider.

        While the gateway serves a request, what of it could not be said comes into
        the answer's ``x-gateway-loss``.

        Args:
            request: JSON is read as OpenAI's.
            target_format: the provider's.
            messages: take the place of the request's own, if there are any; see
                `with_messages`.

        Raises:
            TranslationError: it asks for what the format cannot say; the ``details``
                tell what. `write_request` gives the rest of the losses, too.
        """
        asked = self.with_messages(request, messages)
        written = self.write_request(asked, target_format)
        noted = NOTED.get() or Noted()
        noted.losses.extend(written.losses)
        refused = [
            loss
            for loss in written.losses
            if noted.strict or loss.grade is Grade.REFUSED
        ]
        if refused:
            reasons = [{"path": loss.path, "why": loss.why} for loss in refused]
            raise TranslationError(
                f"{target_format} cannot say {refused[0].path}: {refused[0].why}",
                param=refused[0].path,
                details={"losses": reasons},
            )
        return written.body

    def with_messages(
        self,
        request: Request | dict[str, Any],
        messages: Sequence[Turn | dict[str, Any]],
    ) -> Request:
        """
        Return *request* with *messages* in place of its own, if there are any.

        Args:
            request: JSON is read as OpenAI's.
            messages: turns, or OpenAI's messages.

        Raises:
            InvalidRequestError: what is read is not as it should be.
        """
        if isinstance(request, dict):
            request = self.to_domain_request(request, OPENAI)
        if not messages:
            return request
        turns: list[Turn] = []
        for message in messages:
            if isinstance(message, dict):
                alone = {"model": request.model, "messages": [message]}
                turns += self.to_domain_request(alone, OPENAI).turns
            else:
                turns.append(message)
        return evolve(request, turns=tuple(turns))

    def write_request(self, request: Request, target_format: str) -> Written:
        """Return body, losses and headers of *request*, whatever the losses are."""
        self._forget("read", target_format)
        return self._translator(target_format).write_request(request)

    def to_domain_response(self, response: Chunk, source_format: str) -> Reply:
        """
        Return a provider's whole answer.

        Raises:
            BackendError: it has another shape, or is an error.
        """
        translator = self._translator(source_format)
        if isinstance(response, str | bytes):
            return translator.read_reply(_json(response))
        if not isinstance(response, dict):
            raise BackendError(
                f"the upstream's answer is a {type(response).__name__}, not an object",
                code="upstream_invalid_reply",
            )
        return translator.read_reply(response)

    def to_domain_stream_chunk(
        self, chunk: Chunk, source_format: str
    ) -> tuple[Event, ...]:
        """Return the events in *chunk* of the current task's stream of that format."""
        key = _key("read", source_format)
        open_streams = self._open()
        if key not in open_streams:
            open_streams[key] = self.stream_reader(source_format)
        events: tuple[Event, ...] = open_streams[key].feed(chunk)
        if _ended(events):
            del open_streams[key]
        return events

    def to_domain_stream_end(self, source_format: str) -> tuple[Event, ...]:
        """
        Return what it means that the current task's stream of that format is over.

        That is nothing where the stream had a last word, the end of the answer where
        the protocol has none, and else a `Fault`: it was cut short.
        """
        self._translator(source_format)
        reader: StreamReader | None = self._forget("read", source_format)
        return () if reader is None else reader.eof()

    def stream_reader(self, source_format: str) -> StreamReader:
        """Return what reads one provider's stream."""
        return StreamReader(self._translator(source_format))

    # -- the client's side: requests in, answers out

    def to_domain_request(
        self,
        request: Chunk,
        source_format: str,
        *,
        model: str | None = None,
        stream: bool = False,
    ) -> Request:
        """
        Return a client's request.

        Args:
            request: its body.
            source_format: a dialect of clients.
            model: where the body does not name it (Gemini's is in the path).
            stream: the same.

        Raises:
            InvalidRequestError: it is not as it should be; ``param`` says where.
        """
        front = self._front(source_format)
        self._forget("write", source_format)
        body = bytes_of(request)
        known = Ask(model, stream) if model is not None else None
        return front.read_request(body, front.peek(body, known))

    def from_domain_response(
        self, reply: Reply, target_format: str, request: Request | None = None
    ) -> dict[str, Json]:
        """
        Return a whole answer for a client.

        Args:
            reply: what was answered.
            target_format: a dialect of clients.
            request: what was asked, for dialects whose answers repeat it.
        """
        front = self._front(target_format)
        context = _context(request, reply.model or "")
        json: dict[str, Json] = loads(front.write_reply(reply, context).body)
        return json

    def from_domain_stream_chunk(
        self, chunk: Iterable[Event], target_format: str
    ) -> tuple[Any, ...]:
        """
        Return the data of the client's events that *chunk* becomes.

        Each is JSON, or text where it is none (``[DONE]``). It goes to the current
        task's stream of that format.
        """
        key = _key("write", target_format)
        open_streams = self._open()
        if key not in open_streams:
            open_streams[key] = self.stream_writer(target_format)
        events = tuple(chunk)
        data: tuple[Any, ...] = open_streams[key].feed(events)
        if _ended(events):
            del open_streams[key]
        return data

    def stream_writer(
        self, target_format: str, request: Request | None = None
    ) -> StreamWriter:
        """Return what writes one client's stream."""
        front = self._front(target_format)
        return StreamWriter(front.writer(_context(request, "", stream=True)))

    # -- formats

    def _dialect(self, name: str) -> Dialect:
        try:
            return self._dialects[name]
        except KeyError:
            raise ConfigurationError(
                f"no format is called {name!r}; there are {', '.join(self.formats)}",
                code="unknown_format",
            ) from None

    def _translator(self, name: str) -> Translator:
        translator = self._dialect(name).translator
        if translator is None:
            raise TranslationError(f"{name} can be passed on, and not translated")
        return translator

    def _front(self, name: str) -> Front:
        protocol = ALIASES.get(name, name)
        if protocol not in FRONTS:
            protocol = self._dialect(name).protocol
        if protocol not in FRONTS:
            raise TranslationError(
                f"no client speaks {name}; clients speak {', '.join(FRONTS)}"
            )
        front: Front = import_module(f"gateway.fronts.{protocol}.front").FRONT
        return front

    def _forget(self, way: str, name: str) -> Any:
        """Return the current task's stream of that format, which is so no more."""
        return self._open().pop(_key(way, name), None)

    def _open(self) -> dict[tuple[str, str], Any]:
        """Return the open streams of the current task, or of the thread without one."""
        key: Any = threading.current_thread()
        with suppress(RuntimeError):  # no event loop runs here
            key = asyncio.current_task() or key
        return self._streams.setdefault(key, {})


def _key(way: str, name: str) -> tuple[str, str]:
    return way, ALIASES.get(name, name)


def _ended(events: Iterable[Event]) -> bool:
    return any(isinstance(event, ReplyEnd | Fault) for event in events)


def _context(request: Request | None, model: str, *, stream: bool = False) -> Context:
    ask = Ask(request.model if request is not None else model, stream)
    if request is not None:
        ask = Ask(request.model, stream, wants_usage=request.include_usage)
    return Context(ask, created=int(time()), name=uuid4().hex, request=request)


def _json(text: str | bytes) -> Json:
    try:
        return loads(text)
    except ValueError as exc:
        raise JSONParsingError("the answer is not JSON") from exc
