"""A front: one dialect as clients speak it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from attrs import field, frozen

from gateway.wire import jsonsplice

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json, Reply
    from gateway.domain.request import Request
    from gateway.wire.watching import Watching

EVENT_STREAM = "text/event-stream; charset=utf-8"


@frozen
class Ask:
    """
    The little that routing needs to know of a request.

    Attributes:
        model: what the client calls the model.
        stream: whether it wants the answer in pieces.
        choices: how many answers it wants.
        wants_usage: whether it asked for token counts in a stream.
        framing: how the pieces are framed; Gemini's clients can choose.
    """

    model: str
    stream: bool
    choices: int = 1
    wants_usage: bool = False
    framing: Literal["sse", "array"] = "sse"


@frozen
class Context:
    """
    What a writer needs to know beside the answer.

    Attributes:
        created: unix seconds, for an answer that does not know.
        name: unique, of ``[A-Za-z0-9]``: for ids that the dialect needs and the
            answer does not bring.
        request: as the client asked, for dialects whose answers repeat it.
        foreign: the answer comes from who does not speak the client's dialect.
    """

    ask: Ask
    created: int
    name: str
    request: Request | None = None
    foreign: bool = False


@frozen
class Cut:
    """
    Where a stream that passed untouched broke off.

    Attributes:
        events: how many events have passed.
        id: the answer's, as the upstream called it.
    """

    ask: Ask
    events: int = 0
    id: str | None = None
    model: str | None = None


@frozen
class Rendered:
    """
    A whole answer in the client's dialect.

    Attributes:
        json: the same before it was encoded.
        losses: what of the answer could not be said.
    """

    body: bytes
    json: Json = field(default=None, repr=False)
    losses: tuple[Loss, ...] = ()


class Writer(Protocol):
    """
    Turns events into a client's frames; several at once become one piece.

    A `Fault` becomes the dialect's own error frame, in whatever state the stream
    is, and nothing follows it.

    Attributes:
        losses: what of the answer could not be said, so far.
        result: the whole answer as JSON, after its end, where the dialect's
            clients may ask for it again; else ``None``.
    """

    losses: list[Loss]
    result: Json

    def feed(self, events: Iterable[Event]) -> bytes: ...


def rename_model(body: bytes, model: str) -> bytes:
    """Return *body* with another top-level ``model``, every other byte kept."""
    return jsonsplice.rename(body, "model", model)


@frozen
class Front:
    """
    Attributes:
        dialect: the protocol's name.
        peek: reads the least of a request; strict about that and only that. The
            second argument is what the path says already, if it does.
        read_request: reads all of it; only for backends of another protocol.
        write_reply: a whole answer.
        writer: makes the writer of one stream.
        write_error: the body of an error answer.
        write_break: the frames that end a stream which passed untouched so far.
        watching: how to watch answers that pass.
        rename: the body for an upstream that calls the model otherwise, where the
            body names it.
        paths: where members of the domain stand in this dialect, by the beginning
            of their path: ``{"sampling.n": "n"}``. For messages.
        content_type: of a stream.
        keep_alive: what may be sent between two frames to show life.
        read_count, write_count: token counting, where the dialect has it; the
            flag says that the number is an estimate.
        read_embeddings, write_embeddings: where the dialect has them.
    """

    dialect: str
    peek: Callable[[bytes, Ask | None], Ask]
    read_request: Callable[[bytes, Ask], Request]
    write_reply: Callable[[Reply, Context], Rendered]
    writer: Callable[[Context], Writer]
    write_error: Callable[[LLMProxyError], bytes]
    write_break: Callable[[LLMProxyError, Cut], bytes]
    watching: Watching
    rename: Callable[[bytes, str], bytes] = rename_model
    paths: Mapping[str, str] = field(factory=dict)
    content_type: Callable[[Ask], str] = lambda _: EVENT_STREAM
    # With one newline only: after an ``id:`` line a comment that ends an event
    # makes OpenAI's Python SDK parse an empty one.
    keep_alive: Callable[[Ask], bytes] = lambda _: b": keep-alive\n"
    read_count: Callable[[bytes, Ask], Request] | None = None
    write_count: Callable[[int, bool], bytes] | None = None
    read_embeddings: Callable[[bytes, Ask], EmbeddingRequest] | None = None
    write_embeddings: Callable[[EmbeddingReply, EmbeddingRequest], Rendered] | None = (
        None
    )
