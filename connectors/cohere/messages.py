"""
Turns, as Cohere's messages.

Source: https://docs.cohere.com/reference/chat (messages),
https://docs.cohere.com/docs/tool-use
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.plain import misplaced, thoughts
from gateway.domain.loss import approximate, dropped, refused
from gateway.domain.parts import (
    Media,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import Role, Turn
from gateway.wire.dataurl import write_data_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import Request

# What the parts of each role may be.
PARTS: dict[Role, tuple[type, ...]] = {
    Role.SYSTEM: (Text,),
    Role.DEVELOPER: (Text,),
    Role.USER: (Text, Media, ToolResult),
    Role.ASSISTANT: (Text, Refusal, Thinking, ToolCall),
    Role.TOOL: (ToolResult,),
}
ROLES = {Role.DEVELOPER: "system"}


def write_messages(request: Request, losses: list[Loss]) -> list[Json]:
    messages: list[Json] = []
    for i, turn in enumerate(request.turns):
        at = f"turns[{i}]"
        losses += misplaced(turn, at, PARTS[turn.role])
        for j, part in enumerate(turn.parts):
            if isinstance(part, ToolResult):
                messages.append(_write_result(part, f"{at}.parts[{j}]", losses))
        if turn.role is Role.ASSISTANT:
            message = _write_assistant(turn, at, losses)
            if len(message) > 1:  # of one that says nothing only the role is left
                messages.append(message)
        elif any(not isinstance(part, ToolResult) for part in turn.parts):
            role = ROLES.get(turn.role, turn.role.value)
            messages.append({"role": role, "content": _content(turn, at, losses)})
    return messages


def _write_assistant(turn: Turn, at: str, losses: list[Loss]) -> dict[str, Json]:
    """
    Return a message with what the model thought where the protocol keeps it.

    Before calls that is the plan, which every model of theirs takes; else it is a
    part of the content, which only those that think have.
    """
    message: dict[str, Json] = {"role": "assistant"}
    calls = [_write_call(part) for part in turn.parts if isinstance(part, ToolCall)]
    thinking = thoughts(turn, at, losses)
    content = [*_blocks(turn.parts, at, losses)]
    if calls and thinking:
        message["tool_plan"] = "\n".join(thinking)
    elif thinking:
        whole = "".join(thinking)
        content.insert(0, {"type": "thinking", "thinking": whole})
    if content:
        message["content"] = _unwrapped(turn, content)
    if calls:
        message["tool_calls"] = calls
    return message


def _content(turn: Turn, at: str, losses: list[Loss]) -> Json:
    return _unwrapped(turn, [*_blocks(turn.parts, at, losses)])


def _unwrapped(turn: Turn, content: list[Json]) -> Json:
    """Return one text as it is where the caller did not wrap it."""
    if len(content) == 1 and turn.bare is not False and "text" in content[0]:
        return content[0]["text"]
    return content


def _blocks(parts: Iterable[Part], at: str, losses: list[Loss]) -> Iterator[Json]:
    for j, part in enumerate(parts):
        here = f"{at}.parts[{j}]"
        match part:
            case Text():
                yield {"type": "text", "text": part.text}
            case Refusal():
                losses.append(approximate(here, "a refusal sent as text"))
                yield {"type": "text", "text": part.text}
            case Media(kind="image") if part.data or part.url:
                yield _write_image(part)
            case Media():
                why = "Cohere takes pictures by data or URL, and no other media"
                losses.append(refused(here, why))


def _write_image(image: Media) -> dict[str, Json]:
    url = image.url or write_data_url(image.media_type or "image/png", image.data)
    detail = {} if image.detail is None else {"detail": image.detail}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _write_call(call: ToolCall) -> dict[str, Json]:
    function = {"name": call.name, "arguments": call.input or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _write_result(result: ToolResult, at: str, losses: list[Loss]) -> dict[str, Json]:
    """Return a message of its own; the model can cite what is in it."""
    inner = Turn(Role.TOOL, result.parts, bare=result.bare)
    losses += misplaced(inner, at, (Text,))
    if result.error:
        losses.append(dropped(f"{at}.error", "Cohere has no mark for failures"))
    texts = [part for part in result.parts if isinstance(part, Text)]
    content = _unwrapped(inner, [*_blocks(texts, at, losses)])
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}
