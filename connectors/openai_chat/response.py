"""
Whole answers of the Chat Completions protocol.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors.openai_chat.stream import ChatFrames
from gateway.domain.events import Fault
from gateway.domain.fold import fold
from gateway.domain.reply import Finish, Reply, Stop
from gateway.wire.openai_chat import PROTOCOL
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.reply import Json


def read_reply(json: Json, origin: str = PROTOCOL) -> Reply:
    """
    Read a whole answer, as a stream of one chunk.

    Raises:
        BackendError: it is none, or it reports an error under the status 200.
    """

    def read(json: Json) -> Reply:
        frames = ChatFrames(origin)
        events = frames.chunk(json)
        if not events or not isinstance(events[-1], Fault):
            events += frames.done()
        return _as_told(fold(events))

    return whole(read, json)


def _as_told(reply: Reply) -> Reply:
    """Return the reply without ends that nobody told; a stream has to have them."""
    choices = [
        evolve(choice, finish=None) if choice.finish == Finish(Stop.OTHER) else choice
        for choice in reply.choices
    ]
    return evolve(reply, choices=tuple(choices))
