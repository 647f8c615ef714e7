"""What upstreams of this protocol answer, ``{feature: whole answer}``."""

from __future__ import annotations

from typing import Any

from tests.contract.probes.answered.material import HI, PLAIN, Json, call


def _cohere(message: Json, finish: str = "COMPLETE", **members: Any) -> Json:
    return {
        "id": "c1",
        "message": {"role": "assistant", **message},
        "finish_reason": finish,
        "usage": {"tokens": {"input_tokens": 1200, "output_tokens": 80}},
        **members,
    }


_CONTENT = {"content": [HI]}
ANSWERS: dict[str, Json] = {
    PLAIN: _cohere(_CONTENT),
    "tool call": _cohere({"tool_calls": [call("weather_1")]}, "TOOL_CALL"),
    "parallel tool calls": _cohere(
        {"tool_calls": [call("weather_1"), call("time_1", "time")]}, "TOOL_CALL"
    ),
    "plan before tool calls": _cohere(
        {"tool_plan": "I look.", "tool_calls": [call("weather_1")]}, "TOOL_CALL"
    ),
    "thoughts": _cohere({"content": [{"type": "thinking", "thinking": "2+2"}, HI]}),
    "citation": _cohere(
        {
            **_CONTENT,
            "citations": [
                {
                    "start": 0,
                    "end": 2,
                    "text": "Hi",
                    "type": "TEXT_CONTENT",
                    "sources": [
                        {"type": "document", "id": "d0", "document": {"title": "W"}}
                    ],
                }
            ],
        }
    ),
    "logprobs": _cohere(
        _CONTENT, logprobs=[{"text": "Hi", "token_ids": [5], "logprobs": [-0.25]}]
    ),
    "finish: length": _cohere(_CONTENT, "MAX_TOKENS"),
    "finish: stop sequence": _cohere(_CONTENT, "STOP_SEQUENCE"),
    "finish: error": _cohere(_CONTENT, "ERROR"),
    "usage: cache read": _cohere(
        _CONTENT,
        usage={
            "tokens": {"input_tokens": 1200, "output_tokens": 80},
            "cached_tokens": 1024,
        },
    ),
}
