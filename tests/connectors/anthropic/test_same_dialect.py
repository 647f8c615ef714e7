"""A request of this very dialect is said as it was; written after its docs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.anthropic.request import write_count, write_request
from gateway.domain.loss import unsaid
from gateway.fronts.anthropic.front import FRONT
from gateway.fronts.base import Ask

PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
CACHE = {"type": "ephemeral", "ttl": "1h"}
USER = {"role": "user", "content": "Hi"}


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def answer(*blocks: Any) -> dict[str, Any]:
    return {"messages": [USER, {"role": "assistant", "content": list(blocks)}, USER]}


def cited(citations: Any) -> dict[str, Any]:
    return {"type": "text", "text": "a", "citations": citations}


LOCATION = {
    "type": "char_location",
    "cited_text": "q",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
}
USE = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": [1, {}]}}
TOOL = {"name": "n", "input_schema": {"type": "object", "x-odd": 1}}

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "system text": {"system": "Be brief."},
    "empty system text": {"system": ""},
    "system blocks": {
        "system": [
            {"type": "text", "text": "a", "cache_control": CACHE},
            {"type": "text", "text": ""},
        ]
    },
    "one system block": {"system": [{"type": "text", "text": "a"}]},
    "no system blocks": {"system": []},
    "system block to come": {"system": [{"type": "odd"}]},
    "system among messages": {
        "system": "a",
        "messages": [
            USER,
            {"role": "system", "content": [{"type": "text", "text": "b"}]},
            {"role": "system", "content": "c"},
            USER,
        ],
    },
    "only system among messages": {"messages": [{"role": "system", "content": "c"}]},
    "empty text": {"messages": [{"role": "user", "content": ""}]},
    "no blocks": {"messages": [{"role": "user", "content": []}]},
    "users in a row": {"messages": [USER, USER]},
    "odd member of a message": {"messages": [{**USER, "id": 3}]},
    "images": user(
        {"type": "image", "source": {**PDF, "media_type": "image/png"}},
        {"type": "image", "source": {"type": "url", "url": "x"}, "transformations": {}},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "image", "source": {"type": "dream", "of": 1}},
    ),
    "documents": user(
        {"type": "document", "source": PDF, "title": "T", "context": "c"},
        {"type": "document", "source": {"type": "url", "url": "x"}, "title": None},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "hé\ud800"},
            "citations": {"enabled": True},
        },
        {"type": "document", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "content", "content": "x"}},
    ),
    "results": user(
        {"type": "tool_result", "tool_use_id": "a"},
        {"type": "tool_result", "tool_use_id": "b", "content": "", "is_error": False},
        {"type": "tool_result", "tool_use_id": "c", "content": [], "is_error": True},
        {
            "type": "tool_result",
            "tool_use_id": "d.e",
            "content": [
                {"type": "text", "text": "1"},
                {"type": "image", "source": {"type": "url", "url": "x"}},
                {"type": "tool_reference", "tool_name": "n"},
            ],
            "cache_control": CACHE,
        },
    ),
    "blocks to come": user({"type": "search_result", "source": "s", "content": []}),
    "thoughts": answer(
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ),
    "calls": answer(USE, {**USE, "input": {}, "caller": {"type": "direct"}}),
    "provider's own calls": answer({**USE, "type": "server_tool_use"}),
    "citations": answer(cited([LOCATION]), cited([]), cited(None)),
    "prefill": {"messages": [USER, {"role": "assistant", "content": "The"}]},
    "tools": {
        "tools": [
            {**TOOL, "description": "d", "strict": True, "cache_control": CACHE},
            {**TOOL, "type": "custom", "defer_loading": True, "strict": False},
            {**TOOL, "type": None, "input_examples": [{}]},
            {"type": "web_search_20260318", "name": "web_search", "max_uses": 1},
        ]
    },
    "no tools": {"tools": [], "stop_sequences": [], "metadata": {}},
    "choice: auto": {"tool_choice": {"type": "auto"}},
    "choice: any": {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    "choice: tool": {"tool_choice": {"type": "tool", "name": "n"}, "tools": [TOOL]},
    "choice: none": {"tool_choice": {"type": "none"}},
    "parallel": {"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}},
    "odd choice": {"tool_choice": {"type": "auto", "odd": 1}},
    "budget": {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "x"}},
    "adaptive": {
        "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "max", "task_budget": {"total": 5}},
    },
    "no thinking": {"thinking": {"type": "disabled"}},
    "thinking to come": {"thinking": {"type": "between_tools", "a": 1}},
    "effort alone": {"output_config": {"effort": "low"}},
    "format": {
        "output_config": {
            "format": {"type": "json_schema", "schema": {"minimum": 1}, "odd": 1}
        }
    },
    "older format": {"output_format": {"type": "json_schema", "schema": {}}},
    "sampling": {
        "temperature": 2,
        "top_p": 0.5,
        "top_k": 0,
        "stop_sequences": [" ", "a"],
        "max_tokens": 0,
    },
    "user": {"metadata": {"user_id": "u", "odd": 1}, "service_tier": "standard_only"},
    "no user": {"metadata": {"user_id": None}},
    "streams": {"stream": True},
    "does not stream": {"stream": False},
    "rest": {
        "cache_control": None,
        "container": {"id": "c"},
        "context_management": {"edits": []},
        "mcp_servers": [{"type": "url", "url": "u", "name": "n"}],
        "speed": "fast",
        "stream": None,
    },
}


def body_of(members: dict[str, Any]) -> dict[str, Any]:
    return {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [USER], **members}


@pytest.mark.parametrize("case", CASES)
def test_identity(case: str) -> None:
    """Front to domain to connector gives back an equal JSON, and no loss."""
    body = body_of(CASES[case])
    raw = json.dumps(body).encode()

    request = FRONT.read_request(raw, FRONT.peek(raw, None))
    written = write_request(request)

    assert written.body == body
    assert written.losses == ()


SILENT = ("plain", "system text", "does not stream", "no tools", "results", "parallel")


@pytest.mark.parametrize("case", SILENT)
def test_forms_are_no_loss(case: str) -> None:
    """How a thing was said is no loss for a dialect that says it in its own way."""
    members = dict(CASES[case])
    if case == "results":
        members = user({"type": "tool_result", "tool_use_id": "b", "is_error": False})
    raw = json.dumps(body_of(members)).encode()

    request = FRONT.read_request(raw, Ask("m", stream=False))

    assert list(unsaid(request, "gemini")) == []


def test_count() -> None:
    """A request to count has no limit, and keeps what it has."""
    body = {"model": "m", "messages": [USER], "thinking": {"type": "adaptive"}}
    assert FRONT.read_count is not None

    request = FRONT.read_count(json.dumps(body).encode(), Ask("m", stream=False))

    assert write_count(request).body == body
