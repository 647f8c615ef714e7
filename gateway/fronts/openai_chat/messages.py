"""
The messages of a Chat Completions request, from the client's JSON to turns.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import Media, Refusal, Text, Thinking, ToolCall, ToolResult
from gateway.domain.request import Role, Turn
from gateway.fronts.fields import Fields, unexpected
from gateway.wire.dataurl import read_data_url
from gateway.wire.openai_chat import AUDIO, extras_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gateway.domain.parts import Part
    from gateway.domain.reply import Json

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
# What a message of each role may hold. OpenAI allows only text in the others;
# pictures as a tool's result are common, and most targets can take them.
PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "tool": ("text", "image_url", "file"),
    "assistant": ("text", "refusal"),
}
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
                content = fields.needs("content", CONTENT)
                parts, bare = _content(fields, content, PARTS.get(role, ("text",)))
                turn = Turn(Role(role), parts, fields.text("name"), bare)
        return evolve(turn, extras=extras_of(fields.rest()))

    def _assistant(self, fields: Fields) -> Turn:
        thinking = fields.text("reasoning_content")
        refusal = fields.text("refusal")
        content, bare = _content(fields, fields.json("content"), PARTS["assistant"])
        parts: list[Part] = [] if thinking is None else [Thinking(thinking)]
        parts += content
        if refusal is not None:
            parts.append(Refusal(refusal))
        parts += _tool_calls(fields)
        parts += self._function_call(fields)
        audio = fields.fields("audio")
        if audio is not None:
            parts.append(Media("audio", file_id=audio.needs_name("id")))
        if not parts:
            fields.needs("content", f"{CONTENT}, or tool_calls")
        return Turn(Role.ASSISTANT, tuple(parts), fields.text("name"), bare)

    def _function_call(self, fields: Fields) -> Iterator[ToolCall]:
        call = fields.fields("function_call")
        if call is not None:
            name, text = call.needs_name("name"), call.needs_text("arguments")
            call_id = f"function_{len(self._functions)}_{name}"
            self._functions[name] = call_id
            yield ToolCall(call_id, name, text, extras=extras_of({"function_call": {}}))

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
    return Turn(Role.TOOL, (ToolResult(call_id, parts, name, bare=bare),))


def _tool_calls(fields: Fields) -> Iterator[ToolCall]:
    for at, json in fields.items("tool_calls"):
        call = Fields(json, at)
        kind = call.needs_word("type", ("function", "custom"))
        call_id, inner = call.needs_text("id"), call.needs_fields(kind)
        name = inner.needs_name("name")
        text = inner.needs_text("input" if kind == "custom" else "arguments")
        extras = extras_of(call.rest())
        yield ToolCall(call_id, name, text, kind == "custom", extras=extras)


def _content(
    fields: Fields, content: Json, kinds: Collection[str]
) -> tuple[tuple[Part, ...], bool | None]:
    """Return the parts, and whether they came as a bare string."""
    match content:
        case None:
            return (), None
        case str():
            return (Text(content),), True
        case list():
            at = fields.at("content")
            parts = (Fields(json, f"{at}[{i}]") for i, json in enumerate(content))
            return tuple(_part(part, kinds) for part in parts), False
        case _:
            raise unexpected(fields.at("content"), CONTENT, content)


def _part(fields: Fields, kinds: Collection[str]) -> Part:
    part: Part
    match fields.needs_word("type", kinds):
        case "text":
            part = Text(fields.needs_text("text"))
        case "refusal":
            part = Refusal(fields.needs_text("refusal"))
        case "image_url":
            part = _image(fields.needs_fields("image_url"))
        case "input_audio":
            part = _sound(fields.needs_fields("input_audio"))
        case _:
            part = _file(fields.needs_fields("file"))
    return evolve(part, extras=extras_of(fields.rest()))


def _image(fields: Fields) -> Media:
    url, detail = fields.needs_name("url"), fields.text("detail")
    inline = read_data_url(url)
    if inline is None:
        return Media("image", url=url, detail=detail)
    media_type, data = inline
    return Media("image", media_type, data, detail=detail)


def _sound(fields: Fields) -> Media:
    data, form = fields.needs_name("data"), fields.needs_name("format")
    return Media("audio", AUDIO.get(form, f"audio/{form}"), data)


def _file(fields: Fields) -> Media:
    name, file_id = fields.text("filename"), fields.text("file_id")
    data = fields.text("file_data") or ""
    if not data and not file_id:
        fields.needs("file_data", "base64 data, or a file_id beside it")
    media_type, data = read_data_url(data) or (None, data)
    return Media("file", media_type, data, file_id=file_id, name=name)
