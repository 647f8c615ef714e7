"""What upstreams of this protocol answer, ``{feature: whole answer}``."""

from __future__ import annotations

from typing import Any

from tests.contract.probes.answered.material import PLAIN, TOKEN, Json, call


def _chat(
    message: Json, finish: str = "stop", usage: Json | None = None, **members: Any
) -> Json:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, **message},
        "finish_reason": finish,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m1",
        "choices": [{**choice, **members}],
        "usage": usage or _counts(),
    }


def _counts(**members: Any) -> Json:
    return {
        "prompt_tokens": 1200,
        "completion_tokens": 80,
        "total_tokens": 1280,
        **members,
    }


ANSWERS: dict[str, Json] = {
    PLAIN: _chat({"content": "Hi"}),
    "tool call": _chat({"tool_calls": [call("call_a")]}, "tool_calls"),
    "parallel tool calls": _chat(
        {"tool_calls": [call("call_a"), call("call_b", "time")]}, "tool_calls"
    ),
    "custom tool's call": _chat(
        {
            "tool_calls": [
                {
                    "id": "call_a",
                    "type": "custom",
                    "custom": {"name": "shell", "input": "ls"},
                }
            ]
        },
        "tool_calls",
    ),
    "thoughts": _chat({"content": "4", "reasoning_content": "2+2"}),
    "refusal": _chat({"refusal": "I can't."}),
    "citation": _chat(
        {
            "content": "It rains.",
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {
                        "start_index": 0,
                        "end_index": 9,
                        "title": "Weather",
                        "url": "https://example.org/w",
                    },
                }
            ],
        }
    ),
    "logprobs": _chat(
        {"content": "Hi"},
        logprobs={"content": [{**TOKEN, "top_logprobs": [TOKEN]}], "refusal": None},
    ),
    "several choices": {
        **_chat({}),
        "choices": [
            {
                "index": n,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
            for n, text in enumerate(("one", "two"))
        ],
    },
    "sound": _chat(
        {
            "content": "Hi",
            "audio": {
                "id": "audio_1",
                "data": "UklGRg==",
                "expires_at": 1700003600,
                "transcript": "Hello",
            },
        }
    ),
    "finish: length": _chat({"content": "Hi"}, "length"),
    "finish: filter": _chat({"content": "Hi"}, "content_filter"),
    "usage: cache read": _chat(
        {"content": "Hi"}, usage=_counts(prompt_tokens_details={"cached_tokens": 1024})
    ),
    "usage: cache write": _chat(
        {"content": "Hi"},
        usage=_counts(
            prompt_tokens_details={"cached_tokens": 0, "cache_write_tokens": 100}
        ),
    ),
    "usage: reasoning": _chat(
        {"content": "Hi"},
        usage=_counts(completion_tokens_details={"reasoning_tokens": 64}),
    ),
    "service tier": {**_chat({"content": "Hi"}), "service_tier": "flex"},
}

_MISTRALS = (
    *(PLAIN, "tool call", "parallel tool calls", "several choices"),
    *("finish: length", "usage: cache read"),
)
MISTRAL: dict[str, Json] = {
    **{name: ANSWERS[name] for name in _MISTRALS},
    "thoughts": _chat(
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "2+2"}]},
                {"type": "text", "text": "4"},
            ]
        }
    ),
    "citation": _chat(
        {
            "content": [
                {"type": "text", "text": "It rains"},
                {"type": "reference", "reference_ids": [0]},
                {"type": "text", "text": "."},
            ]
        }
    ),
    "finish: error": _chat({"content": "Hi"}, "error"),
}
