"""
What somebody else's backend returned, made fit for the gateway.

An author may get wrong what the contract says, and the contract is generous where
it is clear what was meant: a handle in place of an envelope, JSON in OpenAI's words
in place of a reply or of events. All else is a `plugin_error`, never a mistake of
the gateway's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, get_args

import structlog
from attrs import evolve

from gateway import http
from gateway.detached import Detachable
from gateway.domain import events
from gateway.domain.errors import BackendError, LLMProxyError
from gateway.domain.events import Fault, ReplyEnd, UsageUpdate
from gateway.domain.fold import Fold, unfold
from gateway.domain.grammar import Grammar, check
from gateway.domain.members import check_members
from gateway.domain.reply import Reply
from gateway.plugin import (
    ProcessedResponse,
    ResponseEnvelope,
    StreamingResponseEnvelope,
    StreamingResponseHandle,
)
from gateway.rendering import Pieces
from gateway.virtual_backend import PLUGINS_OWN, own_errors
from gateway.wire.faults import fault_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.chunks import StreamReader
    from gateway.domain.events import Event
    from gateway.plugin import Headers
    from gateway.virtual_backend import VirtualBackend

# A backend that hangs in its own cleaning up must not hold ours.
CANCEL_DEADLINE = 5.0
# One that does not even let itself be cancelled is left to itself.
_ABANDONED = CANCEL_DEADLINE + 0.5
_OPENAI = "openai"
_EVENTS = frozenset({*get_args(events.Event), *get_args(events.Delta)})

# Kept from the garbage collector while they clean up.
_freeing: set[asyncio.Task[None]] = set()


class _WrongTypeError(TypeError):
    """The contract says otherwise; names what was expected and what was there."""

    def __init__(self, where: str, expected: str, found: object) -> None:
        super().__init__(f"{where} is a {type(found).__name__}, not {expected}")


def envelope_in(returned: Any) -> ResponseEnvelope | StreamingResponseEnvelope:
    """
    Return the envelope that a backend meant.

    Raises:
        TypeError: it is none.
    """
    if isinstance(returned, StreamingResponseHandle):
        returned = returned.envelope()
    if not isinstance(returned, ResponseEnvelope | StreamingResponseEnvelope):
        raise _WrongTypeError("what chat_completions returned", "an envelope", returned)
    return returned


def _check_status(envelope: ResponseEnvelope | StreamingResponseEnvelope) -> None:
    """
    Pass an envelope whose status says that there is an answer.

    Raises:
        BackendError: it says that the answer is an error.
    """
    status = envelope.status_code
    if status < 400:
        return
    said = fault_in(envelope.content, "error")
    raise BackendError(
        said.message if said else f"the upstream answered {status}",
        said.details if said else None,
        code=said.code if said else None,
        status_code=status,
        retry_after=said.retry_after if said else None,
    )


def headers_in(envelope: ResponseEnvelope | StreamingResponseEnvelope) -> Headers:
    """Return those headers that may go to the client, and can."""
    given: Any = envelope.headers
    if not isinstance(given, Mapping):
        return {}
    named = {str(name): str(value) for name, value in given.items()}
    kept = http.to_client(named)
    return {name: text for name, text in kept.items() if text.isprintable()}


def reply_in(envelope: ResponseEnvelope, backend: VirtualBackend) -> Reply:
    """
    Return the whole answer in an envelope.

    Raises:
        TypeError: there is none, or something in it is of another type.
        BackendError: it is an error, or of an unknown shape.
        GrammarError: it is put together in a way that no answer is.
    """
    _check_status(envelope)
    content: Any = envelope.content
    if isinstance(content, dict | str | bytes) and backend.translation is not None:
        content = backend.translation.to_domain_response(content, _OPENAI)
    if not isinstance(content, Reply):
        raise _WrongTypeError("the envelope's content", "a Reply", content)
    reply: Reply = content
    if reply.usage is None and envelope.usage is not None:
        reply = evolve(reply, usage=envelope.usage)
    found = tuple(unfold(reply))
    check(found)
    for event in found:
        check_members(event)
    return reply


class Unpacking:
    """
    Reads the pieces of a streamed answer, one by one.

    Awaiting it gives the next piece, ``None`` at the end.

    Args:
        gone: whether nobody waits for the answer any more.

    Raises:
        BackendError: there is none. What the backend holds is still to be freed.
    """

    def __init__(
        self,
        envelope: StreamingResponseEnvelope,
        backend: VirtualBackend,
        gone: Callable[[], bool],
    ) -> None:
        self._gone = gone
        self._name = backend.name
        self._translation = backend.translation
        self._reader: StreamReader | None = None
        self._grammar = Grammar()
        self._over = self._exhausted = False
        with own_errors(self._name):
            _check_status(envelope)
            if not isinstance(envelope.content, AsyncIterable):
                raise _WrongTypeError(
                    "the envelope's content",
                    "an asynchronous iterator",
                    envelope.content,
                )
            self._pieces = aiter(envelope.content)

    async def __call__(self) -> ProcessedResponse | None:
        with own_errors(self._name):
            try:
                piece = await Detachable(anext(self._pieces), self._gone, self._late)
            except StopAsyncIteration:
                return self._end()
            found = self._events(piece)
            return ProcessedResponse(self._checked(found))

    def _late(self) -> None:
        late(self._name)

    async def folded(self, heard: Callable[[], None]) -> Reply:
        """
        Return the answer as a whole.

        Args:
            heard: called for each piece.

        Raises:
            LLMProxyError: it failed, or is not complete.
        """
        folding, source = Fold(), Pieces()
        while (piece := await self()) is not None:
            heard()
            for event in source.feed(piece):
                folding.feed(event)
        for event in () if self._over else source.eof():
            folding.feed(event)
        return folding.reply()

    def _end(self) -> ProcessedResponse | None:
        if self._reader is None or self._exhausted:
            return None
        self._exhausted = True
        return ProcessedResponse(self._checked(self._reader.eof()))

    def _events(self, piece: Any) -> tuple[Event, ...]:
        usage: Any = None
        if isinstance(piece, ProcessedResponse):
            piece, usage = piece.content, piece.usage
        if isinstance(piece, dict | str | bytes):
            piece = self._read(piece)
        if not isinstance(piece, tuple | list):
            raise _WrongTypeError("a piece's content", "a tuple of events", piece)
        told = usage is not None and not any(type(e) is UsageUpdate for e in piece)
        return (UsageUpdate(usage), *piece) if told else tuple(piece)

    def _read(self, chunk: Any) -> tuple[Event, ...]:
        if self._reader is None:
            if self._translation is None:
                raise _WrongTypeError("a piece's content", "a tuple of events", chunk)
            self._reader = self._translation.stream_reader(_OPENAI)
        return self._reader.feed(chunk)

    def _checked(self, found: tuple[Event, ...]) -> tuple[Event, ...]:
        """Return the events up to the last word, after which nothing counts."""
        for place, event in enumerate(found):
            if self._over:
                return found[:place]
            if type(event) not in _EVENTS:
                raise _WrongTypeError("an event", "one of gateway.domain.events", event)
            if type(event) is Fault and not isinstance(event.error, LLMProxyError):
                raise _WrongTypeError(
                    "a Fault's error", "an LLMProxyError", event.error
                )
            self._grammar.feed(event)
            check_members(event)
            self._over = type(event) in (ReplyEnd, Fault)
        return found


@asynccontextmanager
async def ending(envelope: StreamingResponseEnvelope, name: str) -> AsyncIterator[None]:
    """
    Free the backend's upstream when the block is left, however that is.

    Whoever is cancelled meanwhile does not wait, and what frees it goes on.
    """
    try:
        yield
    finally:
        task = asyncio.create_task(_free(envelope, name))
        _freeing.add(task)
        task.add_done_callback(_freeing.discard)
        _, hanging = await asyncio.wait({task}, timeout=_ABANDONED)
        if hanging:
            structlog.get_logger().warning("plugin.hangs", backend=name)


async def _free(envelope: StreamingResponseEnvelope, name: str) -> None:
    aclose: Callable[[], Awaitable[None]] | None
    aclose = getattr(envelope.content, "aclose", None)
    log = structlog.get_logger()
    try:
        async with asyncio.timeout(CANCEL_DEADLINE):
            for close in (envelope.cancel_callback, aclose):
                if close is not None:
                    await _once(close, log, name)
    except TimeoutError:
        late(name)


def late(name: str) -> None:
    """Tell that a backend takes too long for its own cleaning up."""
    structlog.get_logger().warning("plugin.cancel_timeout", backend=name)


async def _once(close: Callable[[], Awaitable[None]], log: Any, name: str) -> None:
    try:
        await close()
    except TimeoutError:
        raise
    except PLUGINS_OWN as exc:
        # "asynchronous generator is already running": somebody else closes it.
        if "already running" not in str(exc):
            log.warning("plugin.cancel_failed", backend=name, exc_info=exc)
