"""What upstreams of this protocol answer, ``{feature: whole answer}``."""

from __future__ import annotations

from typing import Any

from tests.contract.probes.answered.material import PLAIN, Json


def _converse(*content: Json, stop: str = "end_turn", **members: Any) -> Json:
    return {
        "output": {"message": {"role": "assistant", "content": [*content]}},
        "stopReason": stop,
        "usage": {"inputTokens": 1200, "outputTokens": 80, "totalTokens": 1280},
        "metrics": {"latencyMs": 700},
        **members,
    }


def _call(id_: str, name: str = "weather") -> Json:
    return {"toolUse": {"toolUseId": id_, "name": name, "input": {"city": "Brno"}}}


_HI: Json = {"text": "Hi"}
_SEAL = "c2VhbA=="
ANSWERS: dict[str, Json] = {
    PLAIN: _converse(_HI),
    "tool call": _converse(_call("tooluse_a"), stop="tool_use"),
    "parallel tool calls": _converse(
        _call("tooluse_a"), _call("tooluse_b", "time"), stop="tool_use"
    ),
    "a tool of the provider's": _converse(
        {
            "toolUse": {
                "toolUseId": "tooluse_c",
                "name": "nova_code_interpreter",
                "input": {"snippet": "2 + 2"},
                "type": "server_tool_use",
            }
        },
        {
            "toolResult": {
                "toolUseId": "tooluse_c",
                "content": [{"json": {"stdOut": "4"}}],
                "type": "nova_code_interpreter_result",
                "status": "success",
            }
        },
        _HI,
    ),
    "sealed thoughts": _converse(
        {"reasoningContent": {"reasoningText": {"text": "2+2", "signature": _SEAL}}},
        _HI,
    ),
    "redacted thoughts": _converse(
        {"reasoningContent": {"redactedContent": _SEAL}}, _HI
    ),
    "unsigned thoughts": _converse(
        {"reasoningContent": {"reasoningText": {"text": "2+2"}}}, _HI
    ),
    "citation": _converse(
        {
            "citationsContent": {
                "content": [_HI],
                "citations": [
                    {
                        "title": "W",
                        "sourceContent": [{"text": "rain"}],
                        "location": {
                            "documentChar": {"documentIndex": 0, "start": 0, "end": 4}
                        },
                    }
                ],
            }
        }
    ),
    "citation with a URL": _converse(
        {
            "citationsContent": {
                "content": [_HI],
                "citations": [
                    {
                        "title": "W",
                        "location": {"web": {"url": "https://example.org/w"}},
                    }
                ],
            }
        }
    ),
    "image": _converse({"image": {"format": "png", "source": {"bytes": _SEAL}}}),
    "finish: length": _converse(_HI, stop="max_tokens"),
    "finish: context exceeded": _converse(_HI, stop="model_context_window_exceeded"),
    "finish: stop sequence": _converse(
        _HI,
        stop="stop_sequence",
        additionalModelResponseFields={"stop_sequence": "END"},
    ),
    "finish: filter": _converse(_HI, stop="content_filtered"),
    "finish: guardrail": _converse(
        _HI, stop="guardrail_intervened", trace={"guardrail": {"actionReason": "no"}}
    ),
    "finish: malformed tool use": _converse(_HI, stop="malformed_tool_use"),
    "usage: cache read and written": _converse(
        _HI,
        usage={
            "inputTokens": 176,
            "cacheReadInputTokens": 1000,
            "cacheWriteInputTokens": 24,
            "outputTokens": 80,
            "totalTokens": 1280,
        },
    ),
    "service tier": _converse(_HI, serviceTier={"type": "flex"}),
}
