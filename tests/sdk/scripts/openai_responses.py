"""
Responses.

Source: https://platform.openai.com/docs/api-reference/responses and
https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import evolve

from tests.sdk.scripts.said import THOUGHT_TOKENS, Call, Heard, Said

PATH = "/v1/responses"
Json = dict[str, Any]


def response(said: Said, model: str, output: list[Json], status: str) -> Json:
    cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
    ended = status != "in_progress"
    return {
        "id": f"resp_{said.name}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": cut,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage(said) if ended else None,
        "user": None,
        "metadata": {},
    }


def usage(said: Said) -> Json:
    return {
        "input_tokens": said.input,
        "input_tokens_details": {"cached_tokens": said.cached},
        "output_tokens": said.output,
        "output_tokens_details": {
            "reasoning_tokens": THOUGHT_TOKENS if said.thought else 0
        },
        "total_tokens": said.input + said.output,
    }


def whole(said: Said, model: str) -> Json:
    return response(said, model, _items(said), _status(said))


def _status(said: Said) -> str:
    return "incomplete" if said.ending == "length" else "completed"


def _items(said: Said) -> list[Json]:
    items: list[Json] = []
    if said.thought:
        items.append(_thought(said))
    if said.text:
        items.append(_message(said.words, _status(said)))
    return [*items, *(_call(call, i) for i, call in enumerate(said.calls))]


def _thought(said: Said) -> Json:
    summary = [{"type": "summary_text", "text": said.thought}]
    item = {"id": "rs_1", "type": "reasoning", "summary": summary}
    return {**item, "encrypted_content": said.seal} if said.seal else item


def _message(text: str, status: str) -> Json:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    return {
        "id": "msg_1",
        "type": "message",
        "status": status,
        "content": [part],
        "role": "assistant",
    }


def _call(call: Call, index: int) -> Json:
    return {
        "id": f"fc_{index}",
        "type": "function_call",
        "status": "completed",
        "arguments": json.dumps(call.arguments),
        "call_id": call.id,
        "name": call.name,
    }


def pieces(said: Said, model: str) -> list[bytes]:
    begun = response(said, model, [], "in_progress")
    ended = whole(said, model)
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(ended["output"]):
        events += [{**event, "output_index": index} for event in _told(item, said)]
    events.append({"type": f"response.{ended['status']}", "response": ended})
    return [_frame({**e, "sequence_number": n}) for n, e in enumerate(events)]


def _told(item: Json, said: Said) -> Iterator[Json]:
    place = {"item_id": item["id"]}
    match item["type"]:
        case "reasoning":
            yield _added({**item, "summary": []})
            yield from _thinking(item, {**place, "summary_index": 0})
        case "message":
            yield _added({**item, "status": "in_progress", "content": []})
            yield from _speaking(item, said, {**place, "content_index": 0})
        case _:
            yield _added({**item, "status": "in_progress", "arguments": ""})
            kind = "response.function_call_arguments"
            text = item["arguments"]
            for piece in (text[:5], text[5:]):
                yield {"type": f"{kind}.delta", **place, "delta": piece}
            yield {"type": f"{kind}.done", **place, "arguments": text}
    yield {"type": "response.output_item.done", "item": item}


def _thinking(item: Json, place: Json) -> Iterator[Json]:
    kind = "response.reasoning_summary"
    part = item["summary"][0]
    yield {"type": f"{kind}_part.added", **place, "part": {**part, "text": ""}}
    for word in part["text"].split(" "):
        yield {"type": f"{kind}_text.delta", **place, "delta": word}
    yield {"type": f"{kind}_text.done", **place, "text": part["text"]}
    yield {"type": f"{kind}_part.done", **place, "part": part}


def _speaking(item: Json, said: Said, place: Json) -> Iterator[Json]:
    part = item["content"][0]
    empty = {**part, "text": ""}
    yield {"type": "response.content_part.added", **place, "part": empty}
    for text in said.text:
        delta = {"delta": text, "logprobs": []}
        yield {"type": "response.output_text.delta", **place, **delta}
    done = {"text": part["text"], "logprobs": []}
    yield {"type": "response.output_text.done", **place, **done}
    yield {"type": "response.content_part.done", **place, "part": part}


def _added(item: Json) -> Json:
    return {"type": "response.output_item.added", "item": item}


def _frame(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def failure(message: str) -> bytes:
    said = {"type": "server_error", "code": "server_error", "message": message}
    event = {"type": "error", "sequence_number": 9, "error": {**said, "param": None}}
    failed = response(Said(), "failed", [], "failed")
    failed["error"] = {"code": "server_error", "message": message}
    last = {"type": "response.failed", "sequence_number": 10, "response": failed}
    return _frame(event) + _frame(last)


def error(status: int, message: str) -> Json:
    kinds = {401: "invalid_request_error", 429: "rate_limit_exceeded"}
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    kind, code = kinds.get(status, "server_error"), codes.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def heard(body: Any) -> Heard:
    asked = Heard(stream=bool(body.get("stream")))
    if body.get("instructions"):
        asked.said.append(("system", body["instructions"]))
    items = body["input"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    ids: set[str] = set()
    linked = True
    for item in items:
        match item.get("type", "message"):
            case "message":
                _hear_message(asked, item)
            case "function_call":
                asked.calls.append((item["name"], json.loads(item["arguments"])))
                ids.add(item["call_id"])
            case "function_call_output":
                asked.results.append(_text(item["output"]))
                linked &= item["call_id"] in ids
            case "reasoning":
                asked.seals.append(item.get("encrypted_content", ""))
    asked.tools.update({t["name"]: t["parameters"] for t in body.get("tools") or []})
    schema = ((body.get("text") or {}).get("format") or {}).get("schema")
    return evolve(asked, linked=linked, schema=schema)


def _hear_message(asked: Heard, item: Json) -> None:
    content = item["content"]
    if isinstance(content, str):
        content = [{"type": "input_text", "text": content}]
    for part in content:
        if part["type"] == "input_image":
            header, _, inner = part["image_url"].partition(";base64,")
            asked.images.append((header.removeprefix("data:"), inner))
        else:
            asked.said.append((item["role"], part["text"]))


def _text(output: Any) -> str:
    if isinstance(output, str):
        return output
    return "".join(part["text"] for part in output)
