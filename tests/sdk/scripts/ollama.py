"""
Ollama's own chat.

Source: https://docs.ollama.com/api/chat and
https://docs.ollama.com/api/streaming
"""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from tests.sdk.scripts.said import Heard, Said

ENDINGS = {"end": "stop", "length": "length", "tools": "stop"}
NDJSON = {"content-type": "application/x-ndjson"}
Json = dict[str, Any]


def _line(model: str, **message: Any) -> Json:
    said = {"role": "assistant", "content": "", **message}
    created = "2025-08-20T13:47:54.490267Z"
    return {"model": model, "created_at": created, "message": said, "done": False}


def _ended(line: Json, said: Said) -> Json:
    ending = {"done": True, "done_reason": ENDINGS[said.ending]}
    counts = {"prompt_eval_count": said.input, "eval_count": said.output}
    return {**line, **ending, **counts, "total_duration": 1_133_984_833}


def _calls(said: Said) -> list[Json]:
    return [
        {"function": {"name": call.name, "arguments": call.arguments}}
        for call in said.calls
    ]


def whole(said: Said, model: str) -> Json:
    members: Json = {"content": said.words}
    if said.calls:
        members["tool_calls"] = _calls(said)
    return _ended(_line(model, **members), said)


def pieces(said: Said, model: str) -> list[bytes]:
    lines = [_line(model, content=text) for text in said.text]
    lines += [_line(model, tool_calls=[call]) for call in _calls(said)]
    lines.append(_ended(_line(model), said))
    return [json.dumps(line).encode() + b"\n" for line in lines]


def failure(message: str) -> bytes:
    return json.dumps({"error": message}).encode() + b"\n"


def error(status: int, message: str) -> Json:
    return {"error": message}


def heard(body: Any) -> Heard:
    asked = Heard(stream=bool(body.get("stream", True)))
    called = 0
    for message in body["messages"]:
        role = message["role"]
        if role == "tool":
            asked.results.append(message["content"])
        elif message.get("content"):
            asked.said.append((role, message["content"]))
        asked.images.extend(("", data) for data in message.get("images") or [])
        for call in message.get("tool_calls") or []:
            function = call["function"]
            asked.calls.append((function["name"], function["arguments"]))
            called += 1
    for tool in body.get("tools") or []:
        asked.tools[tool["function"]["name"]] = tool["function"]["parameters"]
    linked = len(asked.results) <= called
    return evolve(asked, linked=linked, schema=body.get("format"))
