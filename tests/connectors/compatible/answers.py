"""Short answers in every protocol, all written; each says `TEXT`."""

from __future__ import annotations

import json
from typing import Any

from tests.streams import DONE, data, finish_chunk, text_chunk

TEXT = "Grüße"

_USAGE = {"input_tokens": 3, "output_tokens": 2}
_MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m1",
    "content": [{"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": _USAGE,
}
_OUTPUT: dict[str, Any] = {
    "id": "item_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
}
_RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m1",
    "output": [_OUTPUT],
    "usage": {**_USAGE, "total_tokens": 5},
}
_GEMINI: dict[str, Any] = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": TEXT}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
    "modelVersion": "m1",
    "responseId": "r1",
}
_OLLAMA: dict[str, Any] = {
    "model": "m1",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": TEXT},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 2,
}

_COHERE: dict[str, Any] = {
    "id": "c1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": TEXT}]},
    "usage": {"tokens": _USAGE},
}
_CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": TEXT},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}

WHOLE: dict[str, dict[str, Any]] = {
    "openai_chat": _CHAT,
    "mistral": _CHAT,
    "cohere": _COHERE,
    "openai_responses": _RESPONSE,
    "anthropic": _MESSAGE,
    "gemini": _GEMINI,
    "ollama": _OLLAMA,
}


def _stream(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {e['type']}\n".encode() + data(e) for e in events)


def _numbered(*events: dict[str, Any]) -> bytes:
    return _stream(*({"sequence_number": i, **e} for i, e in enumerate(events)))


STREAM: dict[str, bytes] = {
    "openai_chat": text_chunk(TEXT) + b": a comment\n\n" + finish_chunk() + DONE,
    "mistral": text_chunk(TEXT) + finish_chunk() + DONE,
    "cohere": _stream(
        {
            "type": "message-start",
            "id": "c1",
            "delta": {"message": {"role": "assistant", "content": []}},
        },
        {
            "type": "content-start",
            "index": 0,
            "delta": {"message": {"content": {"type": "text", "text": ""}}},
        },
        {
            "type": "content-delta",
            "index": 0,
            "delta": {"message": {"content": {"text": TEXT}}},
        },
        {"type": "content-end", "index": 0},
        {
            "type": "message-end",
            "delta": {
                "finish_reason": "COMPLETE",
                "usage": {"tokens": _USAGE},
            },
        },
    ),
    "openai_responses": _numbered(
        {
            "type": "response.created",
            "response": {**_RESPONSE, "status": "in_progress", "output": []},
        },
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**_OUTPUT, "status": "in_progress", "content": []},
        },
        {
            "type": "response.content_part.added",
            "item_id": "item_1",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []},
        },
        {
            "type": "response.output_text.delta",
            "item_id": "item_1",
            "output_index": 0,
            "content_index": 0,
            "delta": TEXT,
        },
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": _OUTPUT,
        },
        {"type": "response.completed", "response": _RESPONSE},
    ),
    "anthropic": _stream(
        {
            "type": "message_start",
            "message": {**_MESSAGE, "content": [], "stop_reason": None},
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": TEXT},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ),
    "gemini": data(_GEMINI),
    "ollama": json.dumps(_OLLAMA).encode() + b"\n",
}
