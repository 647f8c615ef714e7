"""
What clients of each dialect do with an answer: keep it, and send it back.

They put together what came in pieces as the SDKs do, and append it to the
conversation with a next question.
"""

from __future__ import annotations

import json
from typing import Any

from tests.contract.oracle.said import events

Json = dict[str, Any]
NEXT = "And tomorrow?"


def next_request(dialect: str, body: bytes, *, stream: bool) -> Json:
    """Return the request that follows upon the answer in *body*."""
    found = [json.loads(d) for _, d in events(body) if d != "[DONE]"] if stream else []
    return _NEXT[dialect](found if stream else json.loads(body), stream)


def _chat(answer: Any, stream: bool) -> Json:
    if stream:
        message: Json = {}
        for chunk in answer:
            for choice in chunk["choices"]:
                if choice["index"] == 0:
                    message = _merged(message, choice["delta"])
        for call in message.get("tool_calls") or ():
            call.pop("index")
    else:
        message = answer["choices"][0]["message"]
    message = {k: v for k, v in message.items() if v is not None}
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
        for call in message.get("tool_calls") or ()
    ]
    question = {"role": "user", "content": "What is the weather?"}
    following = {"role": "user", "content": NEXT}
    return {"model": "m1", "messages": [question, message, *results, following]}


def _merged(one: Any, other: Any) -> Any:
    """Add a delta as OpenAI's SDK does: texts joined, lists by their index."""
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, str) and isinstance(other, str):
        return one + other
    if isinstance(one, dict) and isinstance(other, dict):
        joined = dict(one)
        for key, value in other.items():
            fixed = key in ("index", "type", "id", "role", "format") and key in one
            joined[key] = one[key] if fixed else _merged(one.get(key), value)
        return joined
    if isinstance(one, list) and isinstance(other, list):
        found = list(one)
        for item in other:
            known = [n for n, x in enumerate(found) if _same(x, item)]
            if known:
                found[known[0]] = _merged(found[known[0]], item)
            else:
                found.append(item)
        return found
    return other


def _same(one: Any, other: Any) -> bool:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return False
    return "index" in one and one["index"] == other.get("index")


def _responses(answer: Any, stream: bool) -> Json:
    response = answer[-1]["response"] if stream else answer
    results = [
        {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": "rain"}
        for item in response["output"]
        if item["type"] in ("function_call", "custom_tool_call")
    ]
    question = {"role": "user", "content": "What is the weather?"}
    following = {"role": "user", "content": NEXT}
    items = [question, *response["output"], *results, following]
    return {"model": "m1", "input": items, "store": False}


def _anthropic(answer: Any, stream: bool) -> Json:
    content = _blocks(answer) if stream else answer["content"]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "rain"}
        for block in content
        if block["type"] == "tool_use"
    ]
    messages = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": [*results, {"type": "text", "text": NEXT}]},
    ]
    return {"model": "m1", "max_tokens": 1000, "messages": messages}


def _blocks(found: list[Any]) -> list[Json]:
    blocks: list[Json] = []
    inputs: dict[int, str] = {}
    for event in found:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            for name in ("text", "thinking", "signature"):
                if name in delta:
                    block[name] = (block.get(name) or "") + delta[name]
            if "partial_json" in delta:
                at = event["index"]
                inputs[at] = inputs.get(at, "") + delta["partial_json"]
    for index, text in inputs.items():
        blocks[index]["input"] = json.loads(text or "{}")
    return blocks


def _gemini(answer: Any, stream: bool) -> Json:
    replies = answer if stream else [answer]
    parts = [
        part
        for reply in replies
        for candidate in reply.get("candidates", ())[:1]
        if candidate.get("index", 0) == 0
        for part in (candidate.get("content") or {}).get("parts") or ()
    ]
    results = [
        {
            "functionResponse": {
                **({"id": call["id"]} if "id" in call else {}),
                "name": call["name"],
                "response": {"output": "rain"},
            }
        }
        for part in parts
        if (call := part.get("functionCall"))
    ]
    contents = [
        {"role": "user", "parts": [{"text": "What is the weather?"}]},
        {"role": "model", "parts": parts},
        {"role": "user", "parts": [*results, {"text": NEXT}]},
    ]
    return {"contents": contents}


_NEXT = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
}
