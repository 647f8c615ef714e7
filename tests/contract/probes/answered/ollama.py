"""What upstreams of this protocol answer, ``{feature: whole answer}``."""

from __future__ import annotations

from tests.contract.probes.answered.material import PLAIN, Json


def _ollama(message: Json, reason: str = "stop") -> Json:
    return {
        "model": "m1",
        "created_at": "2024-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "", **message},
        "done": True,
        "done_reason": reason,
        "prompt_eval_count": 1200,
        "eval_count": 80,
    }


def _object_call(name: str = "weather") -> Json:
    return {"function": {"name": name, "arguments": {"city": "Brno"}}}


ANSWERS: dict[str, Json] = {
    PLAIN: _ollama({"content": "Hi"}),
    "tool call": _ollama({"tool_calls": [_object_call()]}),
    "parallel tool calls": _ollama(
        {"tool_calls": [_object_call(), _object_call("time")]}
    ),
    "thoughts": _ollama({"content": "4", "thinking": "2+2"}),
    "finish: length": _ollama({"content": "Hi"}, "length"),
}
