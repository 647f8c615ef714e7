"""What upstreams of this protocol answer, ``{feature: whole answer}``."""

from __future__ import annotations

from typing import Any

from tests.contract.probes.answered.material import HI, PLAIN, Json


def _answer(
    *content: Json, stop: str = "end_turn", usage: Json | None = None, **members: Any
) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m1",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 1200, "output_tokens": 80, **(usage or {})},
        **members,
    }


def _use(id_: str, name: str = "weather") -> Json:
    return {"type": "tool_use", "id": id_, "name": name, "input": {"city": "Brno"}}


ANSWERS: dict[str, Json] = {
    PLAIN: _answer(HI),
    "tool call": _answer(_use("toolu_a"), stop="tool_use"),
    "parallel tool calls": _answer(
        _use("toolu_a"), _use("toolu_b", "time"), stop="tool_use"
    ),
    "sealed thoughts": _answer(
        {"type": "thinking", "thinking": "2+2", "signature": "c2ln"}, HI
    ),
    "redacted thoughts": _answer({"type": "redacted_thinking", "data": "ZW5j"}, HI),
    "refusal": _answer(HI, stop="refusal"),
    "citation": _answer(
        {
            **HI,
            "citations": [
                {
                    "type": "web_search_result_location",
                    "cited_text": "Hi",
                    "url": "https://example.org/w",
                    "title": "Weather",
                    "encrypted_index": "aWR4",
                }
            ],
        }
    ),
    "provider's own items": _answer(
        {
            "type": "server_tool_use",
            "id": "srvtoolu_a",
            "name": "web_search",
            "input": {"query": "rain"},
        },
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_a",
            "content": [],
        },
        HI,
    ),
    "finish: length": _answer(HI, stop="max_tokens"),
    "finish: stop sequence": _answer(HI, stop="stop_sequence", stop_sequence="END"),
    "finish: pause": _answer(HI, stop="pause_turn"),
    "usage: cache read": _answer(HI, usage={"cache_read_input_tokens": 1024}),
    "usage: cache write": _answer(HI, usage={"cache_creation_input_tokens": 100}),
    "service tier": _answer(HI, usage={"service_tier": "priority"}),
}
