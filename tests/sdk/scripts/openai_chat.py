"""
Chat completions.

Source: https://platform.openai.com/docs/api-reference/chat, and for
``reasoning_content`` https://api-docs.deepseek.com/guides/reasoning_model
"""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from tests.sdk.scripts.said import THOUGHT_TOKENS, Heard, Said
from tests.streams import DONE, data

ENDINGS = {"end": "stop", "length": "length", "tools": "tool_calls"}
PATH = "/v1/chat/completions"


def usage(said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.input,
        "completion_tokens": said.output,
        "total_tokens": said.input + said.output,
        "prompt_tokens_details": {"cached_tokens": said.cached},
        "completion_tokens_details": {
            "reasoning_tokens": THOUGHT_TOKENS if said.thought else 0
        },
    }


def whole(said: Said, model: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.words or None}
    if said.thought:
        message["reasoning_content"] = said.thought
    if said.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": json.dumps(call.arguments),
                },
            }
            for call in said.calls
        ]
    choice = {"index": 0, "message": message, "finish_reason": ENDINGS[said.ending]}
    return {
        "id": f"chatcmpl-{said.name}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [choice],
        "usage": usage(said),
    }


def pieces(said: Said, model: str) -> list[bytes]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": word} for word in said.thought.split(" ") if word]
    deltas += [{"content": text} for text in said.text]
    for index, call in enumerate(said.calls):
        text = json.dumps(call.arguments)
        opening = {"id": call.id, "type": "function"}
        function = {"name": call.name, "arguments": ""}
        fragments: list[dict[str, Any]] = [
            {"index": index, **opening, "function": function},
            {"index": index, "function": {"arguments": text[:5]}},
            {"index": index, "function": {"arguments": text[5:]}},
        ]
        deltas += [{"tool_calls": [fragment]} for fragment in fragments]
    head = {
        "id": f"chatcmpl-{said.name}",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
    }
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    choices += [{"index": 0, "delta": {}, "finish_reason": ENDINGS[said.ending]}]
    chunks = [data({**head, "choices": [choice]}) for choice in choices]
    return [*chunks, data({**head, "choices": [], "usage": usage(said)}), DONE]


def failure(message: str) -> bytes:
    """Return the last frame of a stream that fails."""
    return data({"error": error(500, message)["error"]})


def error(status: int, message: str) -> dict[str, Any]:
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error")
    said = {"message": message, "type": kind, "param": None, "code": None}
    return {"error": said}


def heard(body: Any) -> Heard:
    asked = Heard(stream=bool(body.get("stream")))
    ids: set[str] = set()
    linked = True
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else []
        for part in parts or content or []:
            _hear_part(asked, role, part)
        for call in message.get("tool_calls") or []:
            function = call["function"]
            asked.calls.append((function["name"], json.loads(function["arguments"])))
            ids.add(call["id"])
        if role == "tool":
            linked &= message["tool_call_id"] in ids
        if thought := message.get("reasoning_content"):
            asked.seals.append(thought)
    tools = {t["function"]["name"]: t["function"] for t in body.get("tools") or []}
    asked.tools.update({name: tool["parameters"] for name, tool in tools.items()})
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema")
    return evolve(asked, linked=linked, schema=schema)


def _hear_part(asked: Heard, role: str, part: dict[str, Any]) -> None:
    if part["type"] == "image_url":
        header, _, inner = part["image_url"]["url"].partition(";base64,")
        asked.images.append((header.removeprefix("data:"), inner))
    elif role == "tool":
        asked.results.append(part["text"])
    else:
        asked.said.append((role, part["text"]))
