"""
Turns, as Ollama's messages.

Each has one text and, beside it, pictures, thoughts and calls. Several texts of a
turn become paragraphs.

Source: https://docs.ollama.com/api/chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.plain import misplaced, names_of_calls, object_of, thoughts, words
from gateway.domain.loss import approximate, dropped, refused
from gateway.domain.parts import Media, Refusal, Text, Thinking, ToolCall, ToolResult
from gateway.domain.request import Role, Turn
from gateway.wire.ids import is_made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import Request

# What the parts of each role may be.
PARTS: dict[Role, tuple[type, ...]] = {
    Role.SYSTEM: (Text,),
    Role.DEVELOPER: (Text,),
    Role.USER: (Text, Media, ToolResult),
    Role.ASSISTANT: (Text, Refusal, Thinking, ToolCall, Media),
    Role.TOOL: (ToolResult,),
}
ROLES = {Role.DEVELOPER: "system"}


def write_messages(request: Request, losses: list[Loss]) -> list[Json]:
    names = names_of_calls(request)
    messages: list[Json] = []
    for i, turn in enumerate(request.turns):
        at = f"turns[{i}]"
        losses += misplaced(turn, at, PARTS[turn.role])
        for j, part in enumerate(turn.parts):
            if isinstance(part, ToolResult):
                here = f"{at}.parts[{j}]"
                messages.append(_write_result(part, here, names, losses))
        if any(not isinstance(part, ToolResult) for part in turn.parts):
            messages.append(_write_message(turn, at, losses))
    return messages


def _write_message(turn: Turn, at: str, losses: list[Loss]) -> dict[str, Json]:
    message: dict[str, Json] = {
        "role": ROLES.get(turn.role, turn.role.value),
        "content": _joined(turn, at, losses),
    }
    if thinking := thoughts(turn, at, losses):
        message["thinking"] = "".join(thinking)
    if images := list(_images(turn, at, losses)):
        message["images"] = images
    calls = [
        _write_call(part, f"{at}.parts[{j}]", losses)
        for j, part in enumerate(turn.parts)
        if isinstance(part, ToolCall)
    ]
    if calls:
        message["tool_calls"] = calls
    return message


def _joined(turn: Turn, at: str, losses: list[Loss]) -> str:
    texts = words(turn, at, losses)
    if len(texts) > 1:
        losses.append(approximate(f"{at}.parts", "texts joined into one"))
    return "\n\n".join(texts)


def _images(turn: Turn, at: str, losses: list[Loss]) -> Iterator[str]:
    for j, part in enumerate(turn.parts):
        if isinstance(part, Media):
            if part.kind == "image" and part.data:
                yield part.data
                if part.detail is not None:
                    why = "Ollama looks as it likes"
                    losses.append(dropped(f"{at}.parts[{j}].detail", why))
            else:
                why = "Ollama takes pictures as data, and no other media"
                losses.append(refused(f"{at}.parts[{j}]", why))


def _write_call(call: ToolCall, at: str, losses: list[Loss]) -> dict[str, Json]:
    arguments = object_of(call, at, losses)
    named = {} if is_made(call.id) else {"id": call.id}
    return {**named, "function": {"name": call.name, "arguments": arguments}}


def _write_result(
    result: ToolResult, at: str, names: dict[str, str], losses: list[Loss]
) -> dict[str, Json]:
    """
    Return a message of its own.

    Results follow their calls in order; servers before 0.12 go by the tool's name,
    later ones by the call's id as well.
    """
    inner = Turn(Role.TOOL, result.parts)
    losses += misplaced(inner, at, (Text, Media))
    if result.error:
        losses.append(dropped(f"{at}.error", "Ollama has no mark for failures"))
    message: dict[str, Json] = {
        "role": "tool",
        "content": _joined(inner, at, losses),
    }
    if images := list(_images(inner, at, losses)):
        message["images"] = images
    if (name := result.name or names.get(result.call_id)) is not None:
        message["tool_name"] = name
    if not is_made(result.call_id):
        message["tool_call_id"] = result.call_id
    return message
