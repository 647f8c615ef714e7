"""
The messages of a Chat Completions request, from the client's JSON to turns.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import (
    Media,
    Opaque,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import Role, Turn
from gateway.fronts.content import read_parts
from gateway.fronts.fields import Fields
from gateway.wire.dataurl import read_data_url
from gateway.wire.openai_chat import PROTOCOL, extras_of
from gateway.wire.openai_chat.parts import (
    BY_URL,
    read_signature,
    read_sound_format,
    read_url,
)
from gateway.wire.openai_chat.thoughts import DETAILS, NAMES, read_thoughts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gateway.domain.parts import MediaKind, Part
    from gateway.domain.reply import Json

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
# What a message of each role may hold. OpenAI allows only text in the others;
# pictures as a tool's result are common, and most targets can take them.
PARTS = {
    "user": ("text", "input_audio", "file", *BY_URL),
    "tool": ("text", "file", *BY_URL),
    "assistant": ("text", "refusal"),
}
# Parts that some compatible server knows, for it alone: Mistral's and Cohere's
# documents, thoughts among the content. Any other type is taken for a slip.
OPAQUE = frozenset(
    {
        *("document", "document_url", "input_image", "input_file", "input_video"),
        *("reference", "resource", "thinking", "redacted_thinking", "video"),
    }
)
CONTENT = "a string or a list of parts"


def read_turns(top: Fields) -> tuple[Turn, ...]:
    """
    Read ``messages``, each into a turn of its own.

    Raises:
        InvalidRequestError: with the JSON path in ``param``.
    """
    reading = _Reading()
    turns = tuple(reading.turn(Fields(json, at)) for at, json in top.items("messages"))
    if turns:
        return turns
    raise InvalidRequestError(
        "messages: expected a list of one message or more",
        code="missing_required_parameter",
        param="messages",
    )


class _Reading:
    """Remembers the ids made up for calls in the deprecated form, by their names."""

    def __init__(self) -> None:
        self._functions: dict[str, str] = {}

    def turn(self, fields: Fields) -> Turn:
        role = fields.needs_word("role", ROLES)
        match role:
            case "assistant":
                turn = self._assistant(fields)
            case "tool":
                turn = _tool(fields)
            case "function":
                turn = self._function(fields)
            case _:
                if role == "developer":
                    fields.keep("role", None)
                content = fields.needs("content", CONTENT)
                parts, bare = _content(fields, content, PARTS.get(role, ("text",)))
                turn = Turn(Role(role), parts, fields.text("name"), bare)
        return evolve(turn, extras=extras_of(fields.rest()))

    def _assistant(self, fields: Fields) -> Turn:
        parts: list[Part] = list(_thoughts(fields))
        refusal = fields.text("refusal")
        content, bare = _content(fields, fields.json("content"), PARTS["assistant"])
        parts += _sealed(fields, content)
        if refusal is not None:
            parts.append(Refusal(refusal))
        parts += _tool_calls(fields)
        parts += self._function_call(fields)
        audio = fields.fields("audio")
        if audio is not None:
            parts.append(Media("audio", file_id=audio.needs_name("id")))
        parts += _pictures(fields)
        if not parts:
            fields.needs("content", f"{CONTENT}, or tool_calls")
        return Turn(Role.ASSISTANT, tuple(parts), fields.text("name"), bare)

    def _function_call(self, fields: Fields) -> Iterator[ToolCall]:
        call = fields.fields("function_call")
        if call is not None:
            name, text = call.needs_name("name"), call.needs_text("arguments")
            call_id = f"function_{len(self._functions)}_{name}"
            self._functions[name] = call_id
            legacy = extras_of({"function_call": None})
            yield ToolCall(call_id, name, text, extras=legacy)

    def _function(self, fields: Fields) -> Turn:
        name = fields.needs_name("name")
        parts, bare = _content(fields, fields.json("content"), ("text",))
        result = ToolResult(self._functions.get(name, name), parts, name, bare=bare)
        return Turn(
            Role.TOOL, (evolve(result, extras=extras_of({"role": "function"})),)
        )


def _tool(fields: Fields) -> Turn:
    call_id, name = fields.needs_text("tool_call_id"), fields.text("name")
    content = fields.needs("content", CONTENT)
    parts, bare = _content(fields, content, PARTS["tool"])
    extras = extras_of({} if name is None else {"name": None})
    return Turn(
        Role.TOOL, (ToolResult(call_id, parts, name, bare=bare, extras=extras),)
    )


def _thoughts(fields: Fields) -> list[Thinking]:
    """Take the thoughts, by whichever names; what is odd about them stays."""
    members: dict[str, Json] = {}
    for name in NAMES:
        if (text := fields.text(name)) is not None:
            members[name] = text
    if (details := fields.json(DETAILS)) is not None:
        members[DETAILS] = details
    thoughts = read_thoughts(members)
    for name, json in members.items():
        fields.keep(name, json)
    return thoughts


def _sealed(fields: Fields, content: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the content; a seal of the message belongs to its last text."""
    members = {"extra_content": fields.json("extra_content")}
    signature = read_signature(members)
    if members.get("extra_content") is not None:
        fields.keep("extra_content", members["extra_content"])
    if signature is None:
        return content
    for i, part in reversed([*enumerate(content)]):
        if isinstance(part, Text):
            return (*content[:i], evolve(part, signature=signature), *content[i + 1 :])
    return (*content, Text(signature=signature, extras=extras_of({"content": None})))


def _pictures(fields: Fields) -> Iterator[Media]:
    """Yield the pictures of an answer, as OpenRouter has them."""
    for at, json in fields.items("images"):
        picture = Fields(json, at)
        picture.needs_word("type", ("image_url",))
        inner = picture.needs_fields("image_url")
        picture.keep("type", None)
        yield evolve(_by_url("image", inner), extras=extras_of(picture.rest()))


def _tool_calls(fields: Fields) -> Iterator[ToolCall]:
    for at, json in fields.items("tool_calls"):
        call = Fields(json, at)
        kind = call.needs_word("type", ("function", "custom"))
        call_id, inner = call.needs_text("id"), call.needs_fields(kind)
        name = inner.needs_name("name")
        text = inner.needs_text("input" if kind == "custom" else "arguments")
        left = call.rest()
        signature = read_signature(left)
        custom = kind == "custom"
        yield ToolCall(call_id, name, text, custom, signature, extras=extras_of(left))


def _content(
    fields: Fields, content: Json, kinds: Collection[str]
) -> tuple[tuple[Part, ...], bool | None]:
    """Return the parts, and whether they came as a bare string."""
    if content is None:
        return (), None

    def read(json: Json, path: str) -> Part:
        return _part(json, path, kinds)

    return read_parts(fields, "content", content, read, CONTENT)


def _part(json: Json, path: str, kinds: Collection[str]) -> Part:
    fields = Fields(json, path)
    kind = json.get("type")
    if isinstance(kind, str) and kind in OPAQUE:
        return Opaque(PROTOCOL, json)
    part: Part
    match fields.needs_word("type", kinds):
        case "text":
            part = Text(fields.needs_text("text"))
        case "refusal":
            # Beside it stands the message's own, from which this one differs.
            fields.keep("type", None)
            part = Refusal(fields.needs_text("refusal"))
        case "input_audio":
            part = _sound(fields.needs_fields("input_audio"))
        case "file":
            part = _file(fields.needs_fields("file"))
        case kind:
            part = _by_url(BY_URL[kind], fields.needs_fields(kind))
    if isinstance(part, Media):
        fields.keep("type", None)  # in this very form
    return evolve(part, extras=extras_of(fields.rest()))


def _by_url(kind: MediaKind, fields: Fields) -> Media:
    return read_url(kind, fields.needs_name("url"), fields.text("detail"))


def _sound(fields: Fields) -> Media:
    data, form = fields.needs_name("data"), fields.needs_name("format")
    return Media("audio", read_sound_format(form), data)


def _file(fields: Fields) -> Media:
    name, file_id = fields.text("filename"), fields.text("file_id")
    data = fields.text("file_data") or ""
    if not data and not file_id:
        fields.needs("file_data", "base64 data, or a file_id beside it")
    media_type, data = read_data_url(data) or (None, data)
    return Media("file", media_type, data, file_id=file_id, name=name)
