"""
Cohere's chat, version 2.

Source: https://docs.cohere.com/reference/chat and
https://docs.cohere.com/reference/chat-stream
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from tests.sdk.scripts import openai_chat

if TYPE_CHECKING:
    from tests.sdk.scripts.said import Heard, Said

ENDINGS = {"end": "COMPLETE", "length": "MAX_TOKENS", "tools": "TOOL_CALL"}
Json = dict[str, Any]


def usage(said: Said) -> Json:
    tokens = {"input_tokens": said.input, "output_tokens": said.output}
    return {"billed_units": tokens, "tokens": tokens, "cached_tokens": said.cached}


def _calls(said: Said) -> list[Json]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for call in said.calls
    ]


def whole(said: Said, model: str) -> Json:
    message: Json = {"role": "assistant"}
    if said.text:
        message["content"] = [{"type": "text", "text": said.words}]
    if said.calls:
        message["tool_calls"] = _calls(said)
    return {
        "id": f"co-{said.name}",
        "message": message,
        "finish_reason": ENDINGS[said.ending],
        "usage": usage(said),
    }


def pieces(said: Said, model: str) -> list[bytes]:
    empty = {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    start = {"role": "assistant", **empty}
    events = [_event("message-start", start, id=f"co-{said.name}")]
    if said.text:
        head = {"content": {"type": "text", "text": ""}}
        events.append(_event("content-start", head, index=0))
        events += [
            _event("content-delta", {"content": {"text": text}}, index=0)
            for text in said.text
        ]
        events.append({"type": "content-end", "index": 0})
    for index, call in enumerate(_calls(said)):
        text = call["function"]["arguments"]
        head = {**call, "function": {**call["function"], "arguments": ""}}
        events.append(_event("tool-call-start", {"tool_calls": head}, index=index))
        for piece in (text[:5], text[5:]):
            part = {"tool_calls": {"function": {"arguments": piece}}}
            events.append(_event("tool-call-delta", part, index=index))
        events.append({"type": "tool-call-end", "index": index})
    last = {"finish_reason": ENDINGS[said.ending], "usage": usage(said)}
    events.append({"type": "message-end", "delta": last})
    return [_frame(event) for event in events]


def _event(kind: str, message: Json, **members: Any) -> Json:
    return {"type": kind, "delta": {"message": message}, **members}


def _frame(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def failure(message: str) -> bytes:
    """Return the end of a stream that fails, which has a reason and no words."""
    usage = {"tokens": {"input_tokens": 1, "output_tokens": 1}}
    delta = {"finish_reason": "ERROR", "error": message, "usage": usage}
    return _frame({"type": "message-end", "delta": delta})


def error(status: int, message: str) -> Json:
    return {"id": "co-error", "message": message}


def heard(body: Any) -> Heard:
    form = body.get("response_format") or {}
    return evolve(openai_chat.heard(body), schema=form.get("json_schema"))
