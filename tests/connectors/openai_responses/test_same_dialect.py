"""Requests that were made in this dialect, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.openai_responses import DIALECT
from connectors.openai_responses.translator import TRANSLATOR
from gateway.fronts.openai_responses.front import FRONT

TOKEN = {"token": "t", "logprob": -1, "bytes": [116], "top_logprobs": []}
PATCH = {"type": "custom", "name": "patch"}
RICH: dict[str, Any] = {
    "model": "m",
    "instructions": "i",
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {}},
                {"type": "input_image", "image_url": "data:image/png;base64,AA"},
                {"type": "input_image", "file_id": "f", "detail": "low"},
                {"type": "input_file", "filename": "a", "file_data": "AA"},
                {"type": "input_file", "file_url": "http://x"},
                {
                    "type": "input_audio",
                    "input_audio": {"data": "AA", "format": "mp3", "new": 1},
                },
                {"type": "novelty"},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "c"}],
            "encrypted_content": "E",
            "status": "completed",
        },
        {"type": "reasoning", "id": "rs2", "summary": []},
        {
            "type": "message",
            "role": "assistant",
            "id": "m",
            "status": "completed",
            "phase": "commentary",
            "content": [
                {
                    "type": "output_text",
                    "text": "t",
                    "annotations": [{"type": "file_citation", "file_id": "f"}],
                    "logprobs": [TOKEN],
                },
                {"type": "refusal", "refusal": "r"},
                {"type": "novelty"},
            ],
        },
        {"role": "assistant", "content": "easy"},
        {
            "type": "function_call",
            "call_id": "c1",
            "name": "f",
            "arguments": "",
            "namespace": "n",
        },
        {"type": "custom_tool_call", "call_id": "c2", "name": "c", "input": "z"},
        {
            "type": "custom_tool_call",
            "call_id": "c3",
            "name": "c" * 64,
            "input": "z",
            "namespace": "n",
        },
        {"type": "web_search_call", "id": "ws", "status": "completed"},
        {
            "type": "additional_tools",
            "id": "at",
            "role": "developer",
            "tools": [
                {"type": "function", "name": "f", "strict": None},
                {"type": "namespace", "name": "n", "tools": [PATCH]},
                {"type": "novelty"},
            ],
        },
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": "ok",
            "status": "completed",
            "name": "f",
        },
        {"type": "custom_tool_call_output", "call_id": "c2", "output": []},
        {"type": "computer_call_output", "call_id": "x", "output": {}},
        {"type": "item_reference", "id": "q"},
        {"type": "additional_tools", "role": "developer", "tools": [PATCH], "new": 1},
        {"role": "user", "content": "u", "name": "bob"},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": None, "defer_loading": True},
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "namespace", "name": "n", "tools": []},
        {
            "type": "namespace",
            "name": "n",
            "description": "d",
            "new": 1,
            "tools": [
                {"type": "function", "name": "g", "strict": None, "new": 2},
                {"type": "custom", "name": "c"},
            ],
        },
        {
            "type": "namespace",
            "name": "mcp__n__",
            "tools": [{"type": "function", "name": "g"}],
        },
        {
            "type": "namespace",
            "name": "odd",
            "tools": [{"type": "function", "name": "g"}, {"type": "novelty"}],
        },
        {"type": "web_search"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
    },
    "parallel_tool_calls": False,
    "text": {
        "format": {"type": "json_schema", "name": "n", "schema": {}, "new": 1},
        "verbosity": "low",
        "newer": 1,
    },
    "reasoning": {"effort": "low", "generate_summary": "auto", "mode": "pro"},
    "max_output_tokens": 10,
    "temperature": 1,
    "top_p": 0.5,
    "top_logprobs": 2,
    "include": ["message.output_text.logprobs", "new"],
    "store": None,
    "truncation": "auto",
    "max_tool_calls": 2,
    "metadata": {"a": "b"},
    "service_tier": "novel",
    "user": "u",
    "safety_identifier": "s",
    "stream": False,
    "stream_options": {"include_obfuscation": False},
    "previous_response_id": "resp_1",
    "client_metadata": {"x": 1},
    "background": False,
}


def again(body: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(body).encode()
    done = TRANSLATOR.write_request(FRONT.read_request(data, FRONT.peek(data, None)))
    assert done.losses == ()
    return done.body


@pytest.mark.parametrize("name", sorted(RICH.keys() - {"model"}))
def test_one_member(name: str) -> None:
    """Each member comes back as it was, beside the least of a request."""
    body = {"model": "m", "input": "hi", name: RICH[name]}
    if name == "tool_choice":
        body["tools"] = RICH["tools"]

    assert again(body) == body


def test_all() -> None:
    """All of them together, too."""
    assert again(RICH) == RICH


@pytest.mark.parametrize(
    "members",
    [
        {"tool_choice": {"type": "web_search"}},
        {"tools": []},
        {"text": None},
        {"text": {}},
        {"text": {"format": None}},
        {"reasoning": None},
        {"reasoning": {"effort": None}},
        {"input": [], "prompt": {"id": "p"}},
        {"input": [{"role": "user", "content": []}]},
        {"instructions": ""},
        {"input": [{"type": "additional_tools", "tools": [PATCH]}]},
        {"input": [{"type": "additional_tools"}], "tools": []},
    ],
)
def test_forms(members: dict[str, Any]) -> None:
    """Forms that say nothing come back as well."""
    body = {"model": "m", "input": "hi", **members}

    assert again(body) == body


def test_dialect() -> None:
    """The paths are below the version; who stores answers says so itself."""
    assert DIALECT.protocol == FRONT.dialect
    assert DIALECT.paths["chat"] == "/responses"
    assert not DIALECT.stores
