"""
A whole answer of Cohere's, to the domain.

The plan that a model makes before it calls tools is a thought like any other.

Source: https://docs.cohere.com/reference/chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.parts import Opaque, Part, Text, Thinking, ToolCall
from gateway.domain.reply import Choice, Json, Reply
from gateway.wire.cohere import (
    PROTOCOL,
    error_in,
    read_citations,
    read_finish,
    read_logprob,
    read_usage,
)
from gateway.wire.leaves import name_of, text_of, word_of
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.parts import Citation, Extras, Logprob

_KNOWN = frozenset({"id", "message", "finish_reason", "usage", "logprobs"})
_KNOWN_OF_MESSAGE = frozenset(
    {"role", "content", "tool_plan", "tool_calls", "citations"}
)


def read_reply(json: Json) -> Reply:
    """
    Return what *json* says.

    Raises:
        BackendError: it is an error, or no answer of this protocol.
    """
    if (fault := error_in(json)) is not None:
        raise fault
    return whole(_read, json)


def _read(json: dict[str, Json]) -> Reply:
    message = json["message"]
    heads = [read_block(block) for block in message.get("content") or ()]
    cited, left = _sort(heads, message.get("citations") or [])
    tokens = tuple(map(read_logprob, json.get("logprobs") or ()))
    first = next((i for i, part in enumerate(heads) if isinstance(part, Text)), None)
    content = [
        _dressed(part, cited.get(i, []), tokens if i == first else ())
        for i, part in enumerate(heads)
    ]
    plan = message.get("tool_plan")
    parts = [Thinking(text_of(plan))] if plan else []
    calls = [read_call(call) for call in message.get("tool_calls") or ()]
    return Reply(
        id=name_of(json, "id"),
        choices=(
            Choice(
                (*parts, *content, *calls), read_finish(text_of(json["finish_reason"]))
            ),
        ),
        usage=read_usage(json.get("usage")),
        extras=_extras(json, message, left),
    )


def read_block(json: dict[str, Json]) -> Part:
    """Return a part of the content, or its head where a stream begins it."""
    match json["type"]:
        case "text":
            return Text(text_of(json["text"]))
        case "thinking":
            return Thinking(text_of(json["thinking"]))
        case _:
            return Opaque(PROTOCOL, json)


def read_call(json: dict[str, Json]) -> ToolCall:
    """Return a call; a model that gives no arguments says so by an empty text."""
    function = json["function"]
    text = text_of(function.get("arguments") or "{}")
    return ToolCall(word_of(json["id"]), word_of(function["name"]), text)


def _sort(
    content: list[Part], citations: list[Json]
) -> tuple[dict[int, list[Citation]], list[Json]]:
    """Return citations by the text they are of, and those of something else."""
    found: dict[int, list[Citation]] = {}
    left = []
    for json in citations:
        at = json.get("content_index", 0)
        about_text = 0 <= at < len(content) and isinstance(content[at], Text)
        if about_text and json.get("type", "TEXT_CONTENT") == "TEXT_CONTENT":
            found.setdefault(at, []).extend(read_citations(json))
        else:
            left.append(json)
    return found, left


def _dressed(
    part: Part, citations: list[Citation], logprobs: tuple[Logprob, ...]
) -> Part:
    if not isinstance(part, Text):
        return part
    return evolve(part, citations=tuple(citations), logprobs=logprobs)


def _extras(
    json: dict[str, Json], message: dict[str, Json], left: list[Json]
) -> Extras:
    known = ((json, _KNOWN), (message, _KNOWN_OF_MESSAGE))
    members = {
        n: members[n] for members, names in known for n in members.keys() - names
    }
    if left:
        members["citations"] = left
    return {PROTOCOL: members} if members else {}
