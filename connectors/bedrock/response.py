"""
A whole answer of Converse, to the domain.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Choice, Json, Reply
from gateway.wire.bedrock import (
    PROTOCOL,
    read_citation,
    read_finish,
    read_redacted,
    read_usage,
    unread,
)
from gateway.wire.faults import fault_in
from gateway.wire.json import encode
from gateway.wire.leaves import text_of, word_of
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.parts import Extras

FIELDS = "additionalModelResponseFields"
# Latency is no part of an answer; the ledger has its own.
_KNOWN = frozenset({"output", "stopReason", "usage", "metrics", FIELDS})
# Calls and results of tools that run at the provider's.
_SERVER_TOOL = "server_tool_use"


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
    message, fields = json["output"]["message"], json.get(FIELDS)
    left = unread(fields)
    choice = Choice(
        tuple(read_block(block) for block in message["content"]),
        read_finish(word_of(json["stopReason"]), fields),
        extras_of({} if left is None else {FIELDS: left}),
    )
    rest = {name: value for name, value in json.items() if name not in _KNOWN}
    return Reply(
        choices=(choice,),
        usage=read_usage(json.get("usage")),
        extras=extras_of(rest),
    )


def read_block(json: dict[str, Json]) -> Part:
    """
    Read a block; one of an unknown kind is `Opaque`.

    Raises:
        KeyError, TypeError: it lacks what its kind promises.
    """
    match json:
        case {"text": text}:
            return Text(text_of(text))
        case {"reasoningContent": thought}:
            return _read_thought(thought)
        case {"toolUse": call} if call.get("type") != _SERVER_TOOL:
            text = encode(call["input"]).decode()
            return ToolCall(word_of(call["toolUseId"]), word_of(call["name"]), text)
        case {"citationsContent": cited}:
            texts = [text_of(piece["text"]) for piece in cited.get("content") or ()]
            found = tuple(map(read_citation, cited.get("citations") or ()))
            return Text("".join(texts), citations=found)
        case {"image": {"format": kind, "source": {"bytes": data}}}:
            return Media("image", f"image/{word_of(kind)}", data=text_of(data))
        case dict():
            return Opaque(PROTOCOL, json)
        case _:
            raise TypeError("no block")


def _read_thought(json: dict[str, Json]) -> Thinking:
    if "redactedContent" in json:
        return Thinking("", read_redacted(text_of(json["redactedContent"])))
    thought = json["reasoningText"]
    seal = thought.get("signature")
    signature = Signature(PROTOCOL, text_of(seal)) if seal else None
    return Thinking(text_of(thought["text"]), signature)


def extras_of(members: dict[str, Json]) -> Extras:
    return {PROTOCOL: members} if members else {}


def read_count(json: Json) -> int:
    """
    Read the answer of ``CountTokens``.

    Raises:
        BackendError: it has another shape.
    """
    return whole(_count, json)


def _count(json: dict[str, Json]) -> int:
    count = json["inputTokens"]
    if type(count) is not int:
        raise TypeError("no count")
    return count
