"""A front: one dialect as clients speak it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.events import Event
    from gateway.domain.reply import Reply
    from gateway.domain.request import Request


@frozen
class Ask:
    """
    The little that routing needs to know of a request.

    Attributes:
        model: what the client calls the model.
        stream: whether it wants the answer in pieces.
        choices: how many answers it wants.
        wants_usage: whether it asked for token counts in a stream.
    """

    model: str
    stream: bool
    choices: int = 1
    wants_usage: bool = False


class Writer(Protocol):
    """Turns events into a client's frames; several at once become one piece."""

    def feed(self, events: Iterable[Event]) -> bytes: ...


class WriteReply(Protocol):
    def __call__(self, reply: Reply, *, created: int) -> bytes: ...


@frozen
class Front:
    """
    Attributes:
        dialect: the protocol's name.
        peek: reads the least of a request; strict about that and only that.
        read_request: reads all of it; only for backends of another protocol.
        write_reply: a whole answer's body; *created* is in unix seconds.
        writer: called with the model as the client named it, the time, and
            whether the client wants token counts.
        write_error: the body of an error answer.
        write_error_frame: the frame that ends a broken stream.
    """

    dialect: str
    peek: Callable[[bytes], Ask]
    read_request: Callable[[bytes], Request]
    write_reply: WriteReply
    writer: Callable[[str, int, bool], Writer]
    write_error: Callable[[LLMProxyError], bytes]
    write_error_frame: Callable[[LLMProxyError], bytes]
