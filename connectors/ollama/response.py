"""
A whole answer of Ollama's, to the domain.

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/api/generate
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.ollama.parts import (
    KNOWN,
    KNOWN_OF_MESSAGE,
    message_of,
    read_calls,
    read_images,
    text_of,
)
from gateway.domain.parts import Part, Text, Thinking
from gateway.domain.reply import Choice, Json, Reply
from gateway.wire.faults import fault_in
from gateway.wire.leaves import name_of
from gateway.wire.ollama import (
    METRICS,
    PROTOCOL,
    read_created,
    read_finish,
    read_logprobs,
    read_usage,
)
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.parts import Extras


def read_reply(json: Json) -> Reply:
    """
    Return what *json* says.

    Raises:
        BackendError: it is an error, or no answer of this protocol.
    """
    if (fault := fault_in(json)) is not None:
        raise fault
    return whole(_read, json)


def _read(json: dict[str, Json]) -> Reply:
    message = message_of(json)
    parts = _read_parts(json, message)
    word = text_of(json, "done_reason")
    finish = read_finish(word, calls=bool(message.get("tool_calls")))
    return Reply(
        model=name_of(json, "model"),
        created=read_created(json),
        choices=(Choice(parts, finish),),
        usage=read_usage(json),
        extras=_extras(json, message),
    )


def _read_parts(json: dict[str, Json], message: dict[str, Json]) -> tuple[Part, ...]:
    parts: list[Part] = []
    if thinking := text_of(message, "thinking"):
        parts.append(Thinking(thinking))
    if content := text_of(message, "content"):
        parts.append(Text(content, read_logprobs(json.get("logprobs"))))
    parts += read_images(message)
    parts += read_calls(message, 0, (json.get("created_at"), json.get("model")))
    return tuple(parts)


def _extras(json: dict[str, Json], message: dict[str, Json]) -> Extras:
    known = ((json, KNOWN | METRICS), (message, KNOWN_OF_MESSAGE))
    members = {
        n: members[n] for members, names in known for n in members.keys() - names
    }
    return {PROTOCOL: members} if members else {}
