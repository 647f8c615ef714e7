"""
The messages of a request, from the client's JSON to turns.

Source: https://platform.claude.com/docs/en/api/messages/create, and the type
``MessageParam`` of Anthropic's Python SDK.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import Media, Opaque, Text, Thinking, ToolCall, ToolResult
from gateway.domain.request import Role, Turn
from gateway.fronts.content import read_parts
from gateway.fronts.fields import Fields, unexpected
from gateway.wire.anthropic import PROTOCOL, extras_of, form
from gateway.wire.anthropic.blocks import (
    read_input,
    read_redacted,
    read_signature,
    rejoined,
)
from gateway.wire.anthropic.citations import read_citation

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json

CONTENT = "a string or a list of content blocks"
# Claude Code puts some of its instructions among the messages.
ROLES = ("user", "assistant", "system")
# What may be the source of a picture, and of a document. A document can also be
# made of blocks or of kinds to come: it is kept as it is.
_PICTURES = ("base64", "url", "file")
_DOCUMENTS = ("base64", "url", "file", "text")


def read_turns(top: Fields) -> tuple[Turn, ...]:
    """
    Read ``system`` and ``messages``, each message into a turn of its own.

    Raises:
        InvalidRequestError: with the JSON path in ``param``.
    """
    turns = [*_system(top)]
    first = len(turns)
    turns += [_turn(Fields(json, at)) for at, json in top.items("messages")]
    if len(turns) > first:
        return tuple(turns)
    raise InvalidRequestError(
        "messages: expected a list of one message or more",
        code="missing_required_parameter",
        param="messages",
    )


def _system(top: Fields) -> list[Turn]:
    content = top.json("system")
    if content is None:
        return []
    parts, bare = read_parts(top, "system", content, _part, CONTENT)
    return [Turn(Role.SYSTEM, parts, bare=bare, extras=extras_of({"system": None}))]


def _turn(fields: Fields) -> Turn:
    role = Role(fields.needs_word("role", ROLES))
    content = fields.needs("content", CONTENT)
    parts, bare = read_parts(fields, "content", content, _part, CONTENT)
    if role is Role.ASSISTANT:
        parts = rejoined(parts)
    return Turn(role, parts, bare=bare, extras=extras_of(fields.rest()))


def keep(fields: Fields, name: str, json: Json) -> None:
    """Remember a member that was said although it says nothing."""
    for mark, nothing in form(name, json).items():
        fields.keep(mark, nothing)


def _part(json: Json, at: str) -> Part:
    fields = Fields(json, at)
    kind = fields.needs_name("type")
    if kind == "text" and json.get("citations") == []:
        keep(fields, "citations", [])
    read = _READERS.get(kind)
    part = None if read is None else read(fields)
    if part is None:
        return Opaque(PROTOCOL, json)
    return evolve(part, extras=extras_of(fields.rest()))


def _text(fields: Fields) -> Part:
    text, citations = fields.needs_text("text"), list(fields.items("citations"))
    return Text(
        text,
        citations=tuple(
            read_citation(Fields(json, at).rest()) for at, json in citations
        ),
    )


def _thinking(fields: Fields) -> Part:
    text, value = fields.needs_text("thinking"), fields.text("signature")
    return Thinking(text, read_signature(value or ""))


def _redacted(fields: Fields) -> Part:
    return Thinking("", read_redacted(fields.needs_name("data")))


def _tool_use(fields: Fields) -> Part:
    name, tool = fields.needs_name("id"), fields.needs_name("name")
    json = fields.needs("input", "an object")
    if not isinstance(json, dict):
        raise unexpected(fields.at("input"), "an object", json)
    return ToolCall(name, tool, read_input(json))


def _tool_result(fields: Fields) -> Part:
    name = fields.needs_name("tool_use_id")
    failed = fields.flag("is_error")
    if failed is False:
        keep(fields, "is_error", failed)
    content = fields.json("content")
    parts: tuple[Part, ...] = ()
    bare: bool | None = None
    if content is not None:
        parts, bare = read_parts(fields, "content", content, _part, CONTENT)
    return ToolResult(name, parts, error=bool(failed), bare=bare)


def _image(fields: Fields) -> Part | None:
    source = fields.needs_fields("source")
    kind = source.needs_name("type")
    return _sourced("image", kind, source) if kind in _PICTURES else None


def _document(fields: Fields) -> Part | None:
    source = fields.needs_fields("source")
    kind = source.needs_name("type")
    if kind not in _DOCUMENTS:
        return None
    part = _sourced("file", kind, source)
    return evolve(part, name=fields.text("title"))


def _sourced(what: str, kind: str, source: Fields) -> Media:
    media = Media("image" if what == "image" else "file")
    match kind:
        case "base64":
            media_type = source.needs_name("media_type")
            return evolve(media, media_type=media_type, data=source.needs_name("data"))
        case "url":
            return evolve(media, url=source.needs_name("url"))
        case "file":
            return evolve(media, file_id=source.needs_name("file_id"))
        case _:
            text = source.needs_text("data").encode("utf-8", "surrogatepass")
            return evolve(
                media,
                media_type=source.text("media_type") or "text/plain",
                data=base64.b64encode(text).decode(),
            )


_READERS = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "image": _image,
    "document": _document,
}
