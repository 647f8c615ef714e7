"""
What a response store needs to know of requests and answers, as pure functions.

``previous_response_id`` is taken out of a request and replaced by what it stands
for: the items that were sent and answered before. Everything else in the body
keeps its bytes.

Source: https://platform.openai.com/docs/guides/conversation-state and
https://platform.openai.com/docs/api-reference/responses/input-items
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from gateway.domain.errors import InvalidRequestError
from gateway.fronts.fields import Fields, parse, unexpected
from gateway.wire import jsonsplice
from gateway.wire.json import encode
from gateway.wire.openai_responses.names import ENDS

if TYPE_CHECKING:
    from gateway.domain.reply import Json

PREVIOUS = "previous_response_id"
_ENDED = ("completed", "incomplete", "failed")
INPUT = "a string or a list of items"
# How GET .../input_items names what was sent without an id.
_PREFIXES = {
    "additional_tools": "at",
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}


def previous_of(body: bytes) -> str | None:
    """
    Return the id of the response that the request continues.

    Raises:
        InvalidRequestError: it is no string, or the body is no JSON object.
    """
    # Most requests have none, and need not be parsed for it.
    if b"previous_response_id" not in body and b"\\u" not in body:
        return None
    return Fields(parse(body)).text(PREVIOUS)


def stores(body: bytes) -> bool:
    """Tell whether the answer is to be kept: by OpenAI's default it is."""
    flag = Fields(parse(body)).flag("store")
    return flag is None or flag


def input_items(body: bytes) -> list[Json]:
    """
    Return the request's own input as ``GET .../input_items`` shows it.

    A string is a message of the user; what was sent without an id gets one, which
    is the same each time.

    Raises:
        InvalidRequestError: with the JSON path.
    """
    value = Fields(parse(body)).json("input")
    match value:
        case None:
            return []
        case str():
            items: list[Json] = [{"role": "user", "content": value}]
        case list():
            items = value
        case _:
            raise unexpected("input", INPUT, value)
    seed = hashlib.sha256(body)
    return [_named(item, i, seed) for i, item in enumerate(items)]


def _named(item: Json, place: int, seed: Any) -> Json:
    if not isinstance(item, dict):
        raise unexpected(f"input[{place}]", "an object", item)
    item = dict(item)
    if item.get("type") is None and "role" in item:
        item["type"] = "message"
    kind = item.get("type")
    if kind == "message":
        _spell_out(item)
    if not isinstance(item.get("id"), str):
        digest = seed.copy()
        digest.update(b"%d" % place)
        prefix = _PREFIXES.get(str(kind), "item")
        item["id"] = f"{prefix}_{digest.hexdigest()[:32]}"
    return item


def _spell_out(message: dict[str, Json]) -> None:
    text = message.get("content")
    if isinstance(text, str):
        part: dict[str, Json] = {"type": "input_text", "text": text}
        if message.get("role") == "assistant":
            part = {"type": "output_text", "text": text, "annotations": []}
        message["content"] = [part]
    message.setdefault("status", "completed")


def with_history(body: bytes, items: list[Json]) -> bytes:
    """
    Return *body* with *items* in front of its own input, referring to nothing.

    Raises:
        InvalidRequestError: the input is neither a string nor a list.
    """
    body = jsonsplice.remove(body, PREVIOUS)
    before = [encode(item) for item in items]
    after = _own_input(body)
    return jsonsplice.replace(body, "input", b"[%b]" % b",".join([*before, *after]))


def _own_input(body: bytes) -> list[bytes]:
    """Return the items of *body*, each in its own bytes or all in one piece."""
    # Of duplicates most readers take the last.
    spans = [span for name, _, span in jsonsplice.members(body) if name == "input"]
    value = body[slice(*spans[-1])] if spans else b"null"
    if value.startswith(b'"'):
        return [b'{"role":"user","content":%b}' % value]
    if value.startswith(b"["):
        inner = value[1:-1].strip()
        return [inner] if inner else []
    if value == b"null":
        return []
    raise InvalidRequestError(f"input: expected {INPUT}", param="input")


def answered(json: Json) -> Json | None:
    """
    Return the response in *json*: that of a stream's last event, or itself.

    ``None``: there is no response that has ended.
    """
    if not isinstance(json, dict):
        return None
    response = json.get("response") if json.get("type") in ENDS else json
    if not isinstance(response, dict) or response.get("object") != "response":
        return None
    return response if response.get("status") in _ENDED else None


def output_items(response: Json) -> list[Json]:
    """Return the items of a response that its successor has to be shown."""
    output = response.get("output") if isinstance(response, dict) else None
    return [item for item in output or () if isinstance(item, dict)]
