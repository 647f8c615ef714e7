"""
What clients of this dialect ask, ``{feature: body}``.

Written after https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from typing import Any

from tests.contract.probes.asked.material import (
    ASK,
    ASKED,
    ODD_SCHEMA,
    PDF,
    PNG,
    SCHEMA,
    Json,
)


def _messages(*messages: Json, **members: Any) -> Json:
    said = list(messages) or [ASKED]
    return {"model": "m1", "max_tokens": 1000, "messages": said, **members}


def _blocks(*parts: Json) -> Json:
    return {"role": "user", "content": [{"type": "text", "text": ASK}, *parts]}


def _offer(**members: Any) -> Json:
    tool = {"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}
    return {**tool, **members}


def _use(id_: str, name: str = "weather") -> Json:
    return {"type": "tool_use", "id": id_, "name": name, "input": {"city": "Brno"}}


def _result(id_: str, content: Any, **members: Any) -> Json:
    return {"type": "tool_result", "tool_use_id": id_, "content": content, **members}


def _base64(media: str, data: str) -> Json:
    return {"type": "base64", "media_type": media, "data": data}


def _thought(*blocks: Json) -> list[Json]:
    said = [*blocks, {"type": "text", "text": "Where?"}]
    return [
        ASKED,
        {"role": "assistant", "content": said},
        {"role": "user", "content": "Brno"},
    ]


_OFFERED = {"tools": [_offer(), _offer(name="time")]}

REQUESTS: dict[str, Json] = {
    "system message beside the messages": _messages(system="Be brief."),
    "several system messages": _messages(
        system=[
            {"type": "text", "text": "Be brief."},
            {"type": "text", "text": "Be kind."},
        ]
    ),
    "system message in the middle": _messages(
        ASKED,
        {"role": "assistant", "content": "Where?"},
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Brno"},
    ),
    "a text in a block": _messages(_blocks()),
    "a longer conversation": _messages(*_thought()),
    "tools": _messages(tools=[_offer()]),
    "several tools": _messages(**_OFFERED),
    "strict tool": _messages(tools=[_offer(strict=True)]),
    "provider's own tool": _messages(
        tools=[{"type": "web_search_20250305", "name": "web_search"}]
    ),
    "tool calls and results": _messages(
        ASKED,
        {"role": "assistant", "content": [_use("toolu_a"), _use("toolu_b", "time")]},
        {
            "role": "user",
            "content": [_result("toolu_a", "rain"), _result("toolu_b", "noon")],
        },
        **_OFFERED,
    ),
    "a tool's result": _messages(
        ASKED,
        {"role": "assistant", "content": [_use("toolu_a")]},
        {"role": "user", "content": [_result("toolu_a", "no net")]},
        **_OFFERED,
    ),
    "failed tool": _messages(
        ASKED,
        {"role": "assistant", "content": [_use("toolu_a")]},
        {"role": "user", "content": [_result("toolu_a", "no net", is_error=True)]},
        **_OFFERED,
    ),
    "image from a tool": _messages(
        ASKED,
        {"role": "assistant", "content": [_use("toolu_a")]},
        {
            "role": "user",
            "content": [
                _result(
                    "toolu_a",
                    [{"type": "image", "source": _base64("image/png", PNG)}],
                )
            ],
        },
        **_OFFERED,
    ),
    "tool choice: auto": _messages(tool_choice={"type": "auto"}, **_OFFERED),
    "tool choice: none": _messages(tool_choice={"type": "none"}, **_OFFERED),
    "tool choice: required": _messages(tool_choice={"type": "any"}, **_OFFERED),
    "tool choice: one tool": _messages(
        tool_choice={"type": "tool", "name": "time"}, **_OFFERED
    ),
    "no parallel tools": _messages(
        tool_choice={"type": "auto", "disable_parallel_tool_use": True}, **_OFFERED
    ),
    "JSON schema": _messages(
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}}
    ),
    "JSON schema with rare keywords": _messages(
        output_config={"format": {"type": "json_schema", "schema": ODD_SCHEMA}}
    ),
    "image as data": _messages(
        _blocks({"type": "image", "source": _base64("image/png", PNG)})
    ),
    "image by URL": _messages(
        _blocks(
            {
                "type": "image",
                "source": {"type": "url", "url": "https://example.org/dot.png"},
            }
        )
    ),
    "PDF as data": _messages(
        _blocks({"type": "document", "source": _base64("application/pdf", PDF)})
    ),
    "PDF by URL": _messages(
        _blocks(
            {
                "type": "document",
                "source": {"type": "url", "url": "https://example.org/a.pdf"},
            }
        )
    ),
    "file by the provider's id": _messages(
        _blocks({"type": "document", "source": {"type": "file", "file_id": "file_1"}})
    ),
    "document to cite": _messages(
        _blocks(
            {
                "type": "document",
                "title": "Weather",
                "source": {
                    "type": "text",
                    "media_type": "text/plain",
                    "data": "It rains.",
                },
                "citations": {"enabled": True},
            }
        )
    ),
    "temperature": _messages(temperature=0.37),
    "top_p": _messages(top_p=0.83),
    "top_k": _messages(top_k=41),
    "most tokens": _messages(max_tokens=777),
    "stop sequences": _messages(stop_sequences=["END", "STOP"]),
    "reasoning effort": _messages(output_config={"effort": "high"}),
    "reasoning budget": _messages(thinking={"type": "enabled", "budget_tokens": 2048}),
    "no reasoning": _messages(thinking={"type": "disabled"}),
    "sealed thoughts in the history": _messages(
        *_thought(
            {
                "type": "thinking",
                "thinking": "A place is missing.",
                "signature": "c2lnbmF0dXJl",
            }
        )
    ),
    "redacted thoughts in the history": _messages(
        *_thought({"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="})
    ),
    "provider's own items in the history": _messages(
        *_thought(
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
        )
    ),
    "answer begun for the model": _messages(
        ASKED, {"role": "assistant", "content": "It is"}
    ),
    "cache marks": _messages(
        {
            "role": "user",
            "content": [
                {
                    "type": "text",
                    "text": ASK,
                    "cache_control": {"type": "ephemeral"},
                }
            ],
        }
    ),
    "user": _messages(metadata={"user_id": "user-17"}),
    "service tier": _messages(service_tier="standard_only"),
    "history by reference": _messages(container="container_17"),
    "context management": _messages(
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]}
    ),
}
PLAIN = _messages()
