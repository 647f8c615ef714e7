"""
Messages.

Source: https://docs.anthropic.com/en/api/messages and
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import evolve

from tests.sdk.scripts.said import Heard, Said

PATH = "/v1/messages"
ENDINGS = {"end": "end_turn", "length": "max_tokens", "tools": "tool_use"}
Json = dict[str, Any]


def usage(said: Said) -> Json:
    return {
        "input_tokens": said.input - said.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": said.cached,
        "output_tokens": said.output,
    }


def whole(said: Said, model: str) -> Json:
    return {
        "id": f"msg_{said.name}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": _blocks(said),
        "stop_reason": ENDINGS[said.ending],
        "stop_sequence": None,
        "usage": {**usage(said), "service_tier": "standard"},
    }


def _blocks(said: Said) -> list[Json]:
    blocks: list[Json] = []
    if said.thought:
        seal = {"signature": said.seal}
        blocks.append({"type": "thinking", "thinking": said.thought, **seal})
    if said.text:
        blocks.append({"type": "text", "text": said.words})
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        for call in said.calls
    ]
    return blocks


def pieces(said: Said, model: str) -> list[bytes]:
    begun = {**whole(said, model), "content": [], "stop_reason": None}
    begun["usage"] = {**usage(said), "output_tokens": 1}
    events: list[Json] = [
        {"type": "message_start", "message": begun},
        {"type": "ping"},
    ]
    for index, block in enumerate(_blocks(said)):
        head, deltas = _apart(block, said)
        place = {"index": index}
        events.append({"type": "content_block_start", **place, "content_block": head})
        kind = {"type": "content_block_delta"}
        events += [{**kind, **place, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", **place})
    ending = {"stop_reason": ENDINGS[said.ending], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": usage(said)})
    events.append({"type": "message_stop"})
    return [_frame(event) for event in events]


def _apart(block: Json, said: Said) -> tuple[Json, Iterator[Json]]:
    """Return a block as it begins, and what is added to it."""
    match block["type"]:
        case "thinking":
            words = said.thought.split(" ")
            thinking: list[Json] = [
                {"type": "thinking_delta", "thinking": word} for word in words
            ]
            seal = {"type": "signature_delta", "signature": said.seal}
            return {**block, "thinking": "", "signature": ""}, iter([*thinking, seal])
        case "text":
            texts = ({"type": "text_delta", "text": text} for text in said.text)
            return {**block, "text": ""}, texts
        case _:
            text = json.dumps(block["input"])
            parts = ("", text[:5], text[5:])
            kind = "input_json_delta"
            inputs = ({"type": kind, "partial_json": part} for part in parts)
            return {**block, "input": {}}, inputs


def _frame(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def failure(message: str) -> bytes:
    said = {"type": "overloaded_error", "message": message}
    return _frame({"type": "error", "error": said})


def error(status: int, message: str) -> Json:
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    said = {"type": kinds.get(status, "api_error"), "message": message}
    return {"type": "error", "error": said}


def heard(body: Any) -> Heard:
    asked = Heard(stream=bool(body.get("stream")))
    assert body["max_tokens"] > 0  # it is required
    system = body.get("system") or []
    texts = [{"text": system}] if isinstance(system, str) else system
    asked.said.extend(("system", block["text"]) for block in texts)
    ids: set[str] = set()
    linked = True
    roles = [message["role"] for message in body["messages"]]
    assert roles[0] == "user"
    for message in body["messages"]:
        content = message["content"]
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for block in content:
            linked &= _hear(asked, message["role"], block, ids)
    tools = body.get("tools") or []
    asked.tools.update({tool["name"]: tool["input_schema"] for tool in tools})
    form = (body.get("output_config") or {}).get("format") or body.get("output_format")
    return evolve(asked, linked=linked, schema=(form or {}).get("schema"))


def _hear(asked: Heard, role: str, block: Json, ids: set[str]) -> bool:
    match block["type"]:
        case "text":
            asked.said.append((role, block["text"]))
        case "image":
            source = block["source"]
            assert source["type"] == "base64"
            asked.images.append((source["media_type"], source["data"]))
        case "tool_use":
            asked.calls.append((block["name"], block["input"]))
            ids.add(block["id"])
        case "tool_result":
            content = block["content"]
            texts = [{"text": content}] if isinstance(content, str) else content
            asked.results.append("".join(part["text"] for part in texts))
            return block["tool_use_id"] in ids
        case "thinking":
            asked.seals.append(block["signature"])
    return True
