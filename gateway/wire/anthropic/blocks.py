"""
Content blocks that a reply and a request's history have in common.

Source: https://platform.claude.com/docs/en/api/messages, and the types
``ContentBlock`` and ``ContentBlockParam`` of Anthropic's Python SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.parts import Opaque, Signature, Text, Thinking, ToolCall
from gateway.wire.anthropic.citations import read_citation
from gateway.wire.anthropic.names import (
    PROTOCOL,
    extras_of,
    form,
    optional,
    text_of,
    without,
)
from gateway.wire.json import JSON_SPACE, encode, loads
from gateway.wire.seal import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.parts import Part
    from gateway.domain.reply import Json

_REDACTED = "redacted_thinking:"
# Where Anthropic's own documentation puts what a model wrote instead of JSON.
# Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
NO_JSON = "INVALID_JSON"
FREE_TEXT = "input"


def read_block(json: dict[str, Json]) -> Part:
    """
    Read a block of a reply; one of an unknown type is `Opaque`.

    Raises:
        KeyError, TypeError: it lacks what its type promises.
    """
    match json["type"]:
        case "text":
            rest = without(json, ("type", "text", "citations"))
            citations = json.get("citations")
            if not citations and "citations" in json:
                rest |= form("citations", citations)
            return Text(
                text_of(json["text"]),
                citations=tuple(read_citation(c) for c in citations or ()),
                extras=extras_of(rest),
            )
        case "thinking":
            extras = extras_of(without(json, ("type", "thinking", "signature")))
            value = optional(json.get("signature"))
            signature = Signature(PROTOCOL, value) if value else None
            return Thinking(text_of(json["thinking"]), signature, extras=extras)
        case "redacted_thinking":
            extras = extras_of(without(json, ("type", "data")))
            return Thinking("", read_redacted(text_of(json["data"])), extras=extras)
        case "tool_use":
            rest = without(json, ("type", "id", "name", "input"))
            text = read_input(json.get("input"))
            return ToolCall(
                text_of(json["id"]), text_of(json["name"]), text, extras=extras_of(rest)
            )
        case _:
            return Opaque(PROTOCOL, json)


def read_signature(value: str) -> Signature | None:
    """
    Return the seal in a ``signature`` that a client sent back.

    Clients' types require the member, so an unsigned thought has an empty one.
    """
    return unseal(value, PROTOCOL) if value else None


def read_redacted(data: str) -> Signature:
    """
    Return the seal of a thought that is nothing else.

    Its value says so, because that has to survive dialects that have one slot
    for both.
    """
    return Signature(PROTOCOL, _REDACTED + data)


def redacted(signature: Signature | None) -> str | None:
    """Return the ``data`` of a redacted thought; ``None`` if it is another."""
    if signature is None or signature.origin != PROTOCOL:
        return None
    found = signature.value.removeprefix(_REDACTED)
    return None if found == signature.value else found


def write_thinking(text: str, signature: Signature | None) -> dict[str, Json]:
    """Return the block; a seal of another origin stands sealed in its slot."""
    data = redacted(signature)
    if data is not None:
        return {"type": "redacted_thinking", "data": data}
    value = "" if signature is None else seal(signature, PROTOCOL)
    return {"type": "thinking", "thinking": text, "signature": value}


def read_input(json: Json) -> str:
    """Return a call's input as text."""
    return "" if json is None else encode(json).decode()


def write_input(text: str, *, custom: bool = False) -> tuple[dict[str, Json], bool]:
    """
    Return a call's input as the object that it has to be, and whether it is one.

    Args:
        custom: the text never was meant to be JSON.
    """
    if custom:
        return {FREE_TEXT: text}, False
    if not text.strip(JSON_SPACE):
        return {}, True
    try:
        json = loads(text)
    except ValueError:
        return {NO_JSON: text}, False
    return (json, True) if isinstance(json, dict) else ({NO_JSON: text}, False)


def whole_of(json: dict[str, Json], deltas: Iterable[Json]) -> dict[str, Json]:
    """
    Return an opaque block as it is after its *deltas*.

    Those of the provider's own tools are pieces of their input; of any other the
    members are added to the block's, texts one behind the other.
    """
    whole, pieces = dict(json), []
    for delta in deltas:
        if delta.get("type") == "input_json_delta":
            pieces.append(text_of(delta["partial_json"]))
            continue
        for name, value in without(delta, ("type",)).items():
            before = whole.get(name)
            both = isinstance(before, str) and isinstance(value, str)
            whole[name] = before + value if both else value
    if pieces:
        whole["input"] = write_input("".join(pieces))[0]
    return whole


_NEXT, _BEFORE = "next:", "prev:"


def write_carrier(signature: Signature, *, ahead: bool) -> dict[str, Json]:
    """
    Return a block that carries the seal of its neighbour.

    Gemini seals texts and calls; Anthropic has a slot in thoughts alone, so an
    empty thought stands beside, and `rejoined` takes it apart again.

    Args:
        ahead: the neighbour follows; else it stands before.
    """
    mark = _NEXT if ahead else _BEFORE
    value = mark + seal(signature, PROTOCOL)
    return {"type": "thinking", "thinking": "", "signature": value}


def rejoined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return *parts* with the seals that carriers among them brought, in place."""
    found: list[Part] = []
    coming: Signature | None = None
    for part in parts:
        match part:
            case Thinking(text="", signature=Signature(origin=origin, value=value)) if (
                origin == PROTOCOL and value.startswith((_NEXT, _BEFORE))
            ):
                seal_ = unseal(value[len(_NEXT) :], PROTOCOL)
                if value.startswith(_NEXT):
                    coming = seal_
                elif found and isinstance(found[-1], Text | ToolCall):
                    found[-1] = evolve(found[-1], signature=seal_)
            case Text() | ToolCall() if coming is not None:
                found.append(evolve(part, signature=coming))
                coming = None
            case _:
                found.append(part)
    return tuple(found)
