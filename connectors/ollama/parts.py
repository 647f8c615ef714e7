"""What a message of Ollama's holds, for whole answers and for pieces of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Media, ToolCall
from gateway.wire.ids import make_id
from gateway.wire.json import encode
from gateway.wire.ollama import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.reply import Json

KNOWN = frozenset(
    {
        *("model", "created_at", "message", "done", "done_reason", "logprobs"),
        *("response", "thinking", "context"),
    }
)
KNOWN_OF_MESSAGE = frozenset(
    {"role", "content", "thinking", "tool_calls", "images", "response"}
)


def message_of(json: dict[str, Json]) -> dict[str, Json]:
    """Return the message; ``/api/generate`` has its members outside of one."""
    if "response" in json:
        return {"content": json["response"], "thinking": json.get("thinking")}
    message: dict[str, Json] = json["message"]
    return message


def text_of(message: dict[str, Json], name: str) -> str:
    """
    Return a text, empty where there is none.

    Raises:
        TypeError: it is something else.
    """
    value = message.get(name)
    return "" if value is None else _text(value)


def _named(function: dict[str, Json]) -> str:
    if not (name := text_of(function, "name")):
        raise TypeError("nobody can run a tool without a name")
    return name


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def read_calls(
    message: dict[str, Json], first: int, seed: tuple[object, ...]
) -> Iterator[ToolCall]:
    """
    Yield the tool calls.

    Args:
        message: what holds them.
        first: how many calls the answer had before.
        seed: makes names for calls without one, as older servers send them;
            it differs from answer to answer.
    """
    for n, json in enumerate(message.get("tool_calls") or (), first):
        function = json["function"]
        name, arguments = _named(function), function.get("arguments")
        text = encode({} if arguments is None else arguments).decode()
        call_id = text_of(json, "id") or make_id(PROTOCOL, *seed, n, name, text)
        yield ToolCall(call_id, name, text)


def read_images(message: dict[str, Json]) -> Iterator[Media]:
    for data in message.get("images") or ():
        yield Media("image", data=_text(data))
