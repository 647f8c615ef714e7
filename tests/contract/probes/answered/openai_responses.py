"""What upstreams of this protocol answer, ``{feature: whole answer}``."""

from __future__ import annotations

from typing import Any

from tests.contract.probes.answered.material import PLAIN, TOKEN, Json


def _response(*output: Json, usage: Json | None = None, **members: Any) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m1",
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage or _spent(),
        **members,
    }


def _spent(cached: int = 0, reasoning: int = 0, **details: int) -> Json:
    return {
        "input_tokens": 1200,
        "input_tokens_details": {"cached_tokens": cached, **details},
        "output_tokens": 80,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": 1280,
    }


def _said(**members: Any) -> Json:
    part = {"type": "output_text", "text": "Hi", "annotations": [], **members}
    return _message(part)


def _message(part: Json) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def _function_call(n: int, name: str = "weather") -> Json:
    return {
        "id": f"fc_{n}",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{n}",
        "name": name,
        "arguments": '{"city": "Brno"}',
    }


def _reasoning(**members: Any) -> Json:
    return {"id": "rs_1", "type": "reasoning", "summary": [], **members}


ANSWERS: dict[str, Json] = {
    PLAIN: _response(_said()),
    "tool call": _response(_function_call(0)),
    "parallel tool calls": _response(_function_call(0), _function_call(1, "time")),
    "custom tool's call": _response(
        {
            "id": "ctc_1",
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "call_a",
            "name": "shell",
            "input": "ls",
        }
    ),
    "thoughts": _response(
        _reasoning(summary=[{"type": "summary_text", "text": "2+2"}]), _said()
    ),
    "sealed thoughts": _response(_reasoning(encrypted_content="ENC17"), _said()),
    "refusal": _response(_message({"type": "refusal", "refusal": "I can't."})),
    "citation": _response(
        _said(
            annotations=[
                {
                    "type": "url_citation",
                    "start_index": 0,
                    "end_index": 2,
                    "title": "Weather",
                    "url": "https://example.org/w",
                }
            ]
        )
    ),
    "logprobs": _response(_said(logprobs=[{**TOKEN, "top_logprobs": [TOKEN]}])),
    "picture": _response(
        _said(),
        {
            "id": "ig_1",
            "type": "image_generation_call",
            "status": "completed",
            "result": "iVBORw0KGgo=",
        },
    ),
    "provider's own items": _response(
        {
            "id": "ws_1",
            "type": "web_search_call",
            "status": "completed",
            "action": {"type": "search", "query": "rain"},
        },
        _said(),
    ),
    "finish: length": _response(
        _said(),
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    ),
    "finish: filter": _response(
        _said(), status="incomplete", incomplete_details={"reason": "content_filter"}
    ),
    "usage: cache read": _response(_said(), usage=_spent(cached=1024)),
    "usage: reasoning": _response(_said(), usage=_spent(reasoning=64)),
    "service tier": _response(_said(), service_tier="flex"),
}
