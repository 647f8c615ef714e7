"""
What a client's own SDK takes for granted of a stream, dialect by dialect.

`tests.contract.oracle` reads what is said; this says whether it was said in the
order and the form that the dialect promises.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.contract.oracle.said import events

# A model's slip, which a stream can pass on before anybody knows of it.
NO_OBJECT = "a call's input is no object"


def faults_of(dialect: str, body: bytes) -> list[str]:
    """Return what is wrong with the form of a whole or broken stream."""
    return list(_RULES[dialect](body))


def _chat(body: bytes) -> Iterator[str]:
    found = [data for _, data in events(body)]
    if found and found[-1] == "[DONE]":
        found.pop()
    chunks = [json.loads(data) for data in found]
    if any("error" in chunk for chunk in chunks[:-1]):
        yield "something follows the error"
    if chunks and "error" in chunks[-1]:
        chunks.pop()
        if body.rstrip().endswith(b"[DONE]"):
            yield "[DONE] after the error"
    if len({chunk["id"] for chunk in chunks}) > 1:
        yield "the id changes"
    finished: set[int] = set()
    named: set[tuple[int, int]] = set()
    for chunk in chunks:
        yield from _head(chunk)
        for choice in chunk["choices"]:
            if choice["index"] in finished and any(choice["delta"].values()):
                yield "a choice goes on after its end"
            if choice["finish_reason"]:
                finished.add(choice["index"])
            yield from _calls(choice, named)


def _head(chunk: Any) -> Iterator[str]:
    if chunk["object"] != "chat.completion.chunk":
        yield f"object is {chunk['object']}"
    if not isinstance(chunk["created"], int) or not isinstance(chunk["model"], str):
        yield "created is no number or model no text"


def _calls(choice: Any, named: set[tuple[int, int]]) -> Iterator[str]:
    for call in choice["delta"].get("tool_calls") or ():
        inner = call.get("function") or call.get("custom") or {}
        key = choice["index"], call["index"]
        if key not in named:
            named.add(key)
            if not (call.get("id") and call.get("type") and inner.get("name")):
                yield "a call begins without id, type and name"


def _responses(body: bytes) -> Iterator[str]:
    found = []
    for name, data in events(body):
        event = json.loads(data)
        if event["type"] != name:
            yield f"event {name} is of type {event['type']}"
        found.append(event)
    numbers = [event["sequence_number"] for event in found]
    if numbers != list(range(len(numbers))):
        yield "sequence numbers have gaps"
    types = [event["type"] for event in found]
    if "error" not in types[:1] and types[:1] != ["response.created"]:
        yield f"the first event is {types[:1]}"
    last = ("response.completed", "response.incomplete", "response.failed", "error")
    if types[-1] not in last or any(t in last[:3] for t in types[:-1]):
        yield "the last event is not the only last one"
    yield from _items(found)


_OF_ITEMS = tuple(
    f"response.{kind}"
    for kind in (
        *("output_item", "content_part", "output_text", "refusal", "reasoning"),
        *("function_call_arguments", "custom_tool_call_input"),
    )
)


def _items(found: list[Any]) -> Iterator[str]:
    opened: dict[int, Any] = {}
    done: dict[int, Any] = {}
    texts: dict[tuple[str, int, int], str] = {}
    for event in found:
        kind, index = event["type"], event.get("output_index")
        if not kind.startswith(_OF_ITEMS):
            continue
        is_open = index in opened and index not in done
        if kind == "response.output_item.added":
            if index in opened:
                yield f"item {index} is added twice"
            opened[index] = event["item"]
            continue
        if index is not None and not is_open:
            yield f"{kind} of an item that is not open"
        elif kind == "response.output_item.done":
            if opened[index].get("id") != event["item"].get("id"):
                yield f"item {index} changes its id"
            done[index] = event["item"]
        elif index is not None:
            yield from _piece(event, opened[index], texts)
    yield from _last(found[-1], opened, done)


def _last(event: Any, opened: dict[int, Any], done: dict[int, Any]) -> Iterator[str]:
    if event["type"] not in ("response.completed", "response.incomplete"):
        return
    if event["response"]["output"] != [done[n] for n in sorted(done)]:
        yield "the last event's output is not what was streamed"
    if set(opened) != set(done):
        yield "an item is not done"


def _piece(
    event: Any, item: Any, texts: dict[tuple[str, int, int], str]
) -> Iterator[str]:
    if event.get("item_id") not in (None, item.get("id")):
        yield "an event of another item's id"
    kind: str = event["type"]
    stem, _, tail = kind.rpartition(".")
    place = event.get("content_index", event.get("summary_index", 0))
    key = (stem, event["output_index"], place)
    if tail == "delta" and isinstance(event.get("delta"), str):
        texts[key] = texts.get(key, "") + event["delta"]
    elif tail == "done":
        for name in ("text", "refusal", "arguments", "input"):
            if name in event and event[name] != texts.get(key, ""):
                yield f"{kind} is not what its deltas say"


def _anthropic(body: bytes) -> Iterator[str]:
    found = [(name, json.loads(data)) for name, data in events(body)]
    yield from (f"event {n} is of type {e['type']}" for n, e in found if n != e["type"])
    said = [event for _, event in found if event["type"] != "ping"]
    kinds = [event["type"] for event in said]
    if kinds.count("message_start") > 1:
        yield "a second message_start"
    if "message_start" not in kinds[:1] and kinds != ["error"]:
        yield f"the first event is {kinds[:1]}"
    if any(kind in ("error", "message_stop") for kind in kinds[:-1]):
        yield "something follows the end"
    yield from _blocks(said)


def _blocks(said: list[Any]) -> Iterator[str]:
    """Yield what is wrong with the blocks, which stand one behind the other."""
    current: tuple[int, str] | None = None
    following, heard = 0, ""
    for event in said:
        kind, index = event["type"], event.get("index")
        if kind == "content_block_start":
            if current is not None or index != following:
                yield "a block begins inside another or out of order"
            current, heard = (index, event["content_block"]["type"]), ""
            following += 1
        elif kind.startswith("content_block"):
            if current is None or current[0] != index:
                yield f"{kind} of a block that is not open"
                continue
            yield from _delta(event.get("delta"), current[1])
            heard += (event.get("delta") or {}).get("partial_json", "")
            if kind == "content_block_stop":
                if current[1] == "tool_use" and not _is_object(heard or "{}"):
                    yield NO_OBJECT
                current = None
        elif current is not None and kind in ("message_delta", "message_stop"):
            yield f"{kind} inside a block"


def _delta(delta: Any, block: str) -> Iterator[str]:
    kind = delta and delta["type"]
    known = [name for names in _DELTAS.values() for name in names]
    if kind in known and kind not in _DELTAS.get(str(block), known):
        yield f"{kind} in a {block} block"


_DELTAS = {
    "text": ("text_delta", "citations_delta"),
    "thinking": ("thinking_delta", "signature_delta"),
    "redacted_thinking": (),
    "tool_use": ("input_json_delta",),
}


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _gemini(body: bytes) -> Iterator[str]:
    if body.lstrip()[:1] == b"[":
        chunks = json.loads(body)  # an array, or else it cannot be read
    else:
        chunks = [json.loads(data) for _, data in events(body)]
    for n, chunk in enumerate(chunks):
        if "error" in chunk:
            if n != len(chunks) - 1:
                yield "something follows the error"
            if set(chunk["error"]) < {"code", "message", "status"}:
                yield "an error without code, message and status"
            continue
        for candidate in chunk.get("candidates", ()):
            for part in (candidate.get("content") or {}).get("parts") or ():
                call = part.get("functionCall")
                if call is not None and not isinstance(call.get("args", {}), dict):
                    yield "a call's arguments are no object"


_RULES = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
}
