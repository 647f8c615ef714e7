"""A client's request, read into the domain; mistakes are named by their path."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import (
    Media,
    Opaque,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import (
    OutputFormat,
    Reasoning,
    Request,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.fronts.anthropic.request import read_count, read_request
from gateway.fronts.base import Ask

USER = {"role": "user", "content": "Hi"}


def read(**members: Any) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": [USER], **members}
    raw = json.dumps({k: v for k, v in body.items() if v is not ...}).encode()
    return read_request(raw, Ask("m", stream=members.get("stream") is True))


def content(*blocks: Any, role: str = "user") -> tuple[Any, ...]:
    """Return the parts of one message."""
    return read(messages=[{"role": role, "content": list(blocks)}]).turns[0].parts


def test_conversation() -> None:
    """The instructions are the first turn; those among the messages stay there."""
    request = read(
        system="Be brief.",
        messages=[
            USER,
            {"role": "assistant", "content": [{"type": "text", "text": "Yes?"}]},
            {"role": "system", "content": "Be kind."},
        ],
    )

    assert [(turn.role, turn.bare) for turn in request.turns] == [
        (Role.SYSTEM, True),
        (Role.USER, True),
        (Role.ASSISTANT, False),
        (Role.SYSTEM, True),
    ]
    assert request.turns[2].parts == (Text("Yes?"),)


def test_members() -> None:
    request = read(
        temperature=0.5,
        top_p=1,
        top_k=3,
        stop_sequences=["a"],
        metadata={"user_id": "u"},
        service_tier="auto",
        stream=True,
        tools=[
            {"name": "n", "description": "d", "input_schema": {}, "strict": True},
            {"type": "bash_20250124", "name": "bash"},
        ],
        tool_choice={"type": "tool", "name": "n", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 2000},
        output_config={
            "effort": "low",
            "format": {"type": "json_schema", "schema": {"a": 1}},
        },
        container="c",
    )

    assert request.sampling == Sampling(0.5, 1, 3, 9, ("a",))
    assert (request.user, request.service_tier) == ("u", "auto")
    assert (request.stream, request.include_usage) == (True, True)
    assert request.tools == (
        Tool("n", "d", {}, strict=True),
        Opaque("anthropic", {"type": "bash_20250124", "name": "bash"}),
    )
    assert request.tool_choice == ToolChoice("named", ("n",))
    assert request.parallel_tools is False
    assert request.reasoning == Reasoning("low", 2000, enabled=True)
    assert request.output_format == OutputFormat("schema", {"a": 1})
    assert request.extras == {"anthropic": {"container": "c"}}


@pytest.mark.parametrize(
    ("kind", "mode"), [("auto", "auto"), ("any", "required"), ("none", "none")]
)
def test_tool_choices(kind: str, mode: str) -> None:
    request = read(tool_choice={"type": kind})

    assert request.tool_choice is not None
    assert request.tool_choice.mode == mode
    assert request.parallel_tools is None


@pytest.mark.parametrize(
    ("thinking", "enabled"),
    [
        ({"type": "adaptive"}, True),
        ({"type": "disabled"}, False),
        ({"type": "x"}, None),
    ],
)
def test_thinking(thinking: Any, enabled: bool | None) -> None:
    """One of a type to come is kept as it is."""
    reasoning = read(thinking=thinking).reasoning

    assert reasoning.enabled is enabled
    kept = {} if thinking["type"] != "x" else {"anthropic": {"thinking": thinking}}
    assert reasoning.extras == kept


def test_blocks() -> None:
    text = base64.b64encode("hé".encode()).decode()

    assert content(
        {"type": "image", "source": {"type": "url", "url": "u"}},
        {
            "type": "document",
            "title": "T",
            "source": {"type": "text", "media_type": "text/plain", "data": "hé"},
        },
        {"type": "document", "source": {"type": "text", "data": "hé"}},
        {"type": "search_result", "source": "s"},
    ) == (
        Media("image", url="u"),
        Media("file", "text/plain", text, name="T"),
        Media("file", "text/plain", text),
        Opaque("anthropic", {"type": "search_result", "source": "s"}),
    )


def test_results() -> None:
    """A result may be nothing, a text, or a list in which pictures are."""
    picture = {"type": "image", "source": {"type": "file", "file_id": "f"}}
    result = {"type": "tool_result", "tool_use_id": "t"}

    assert content(
        result,
        {**result, "content": "1", "is_error": True},
        {**result, "content": [picture]},
    ) == (
        ToolResult("t"),
        ToolResult("t", (Text("1"),), error=True, bare=True),
        ToolResult("t", (Media("image", file_id="f"),), bare=False),
    )


def test_answers() -> None:
    """Seals come back to whom they belong; an empty one is none."""
    thought = {"type": "thinking", "thinking": "a"}

    assert content(
        {**thought, "signature": "c2VhbA=="},
        {**thought, "signature": "gemini:x"},
        {**thought, "signature": ""},
        thought,
        {"type": "redacted_thinking", "data": "d"},
        {**thought, "thinking": "", "signature": "next:gemini:y"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}},
        role="assistant",
    ) == (
        Thinking("a", Signature("anthropic", "c2VhbA==")),
        Thinking("a", Signature("gemini", "x")),
        Thinking("a"),
        Thinking("a"),
        Thinking("", Signature("anthropic", "redacted_thinking:d")),
        ToolCall("t", "n", '{"a":1}', signature=Signature("gemini", "y")),
    )


def test_count() -> None:
    """What is counted needs no limit."""
    raw = json.dumps({"model": "m", "messages": [USER]}).encode()

    assert read_count(raw, Ask("m", stream=False)).sampling.max_tokens is None


def block(**members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [members]}]}


AT = "messages[0].content[0]"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"max_tokens": ...}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"messages": ...}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": [5]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"system": 5}, "system"),
        ({"system": [{"type": "text"}]}, "system[0].text"),
        (block(), f"{AT}.type"),
        (block(type="text", text=5), f"{AT}.text"),
        (block(type="text", text="", citations=[5]), f"{AT}.citations[0]"),
        (block(type="image"), f"{AT}.source"),
        (block(type="image", source={"type": "url"}), f"{AT}.source.url"),
        (block(type="tool_use", id="t", name="n"), f"{AT}.input"),
        (block(type="tool_use", id="t", name="n", input=[]), f"{AT}.input"),
        (block(type="tool_result"), f"{AT}.tool_use_id"),
        (block(type="tool_result", tool_use_id="t", content=5), f"{AT}.content"),
        (block(type="thinking", thinking="", signature=5), f"{AT}.signature"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": [5]}, "stop_sequences[0]"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "n"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "n", "input_schema": 5}]}, "tools[0].input_schema"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "all"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 0}},
            "thinking.budget_tokens",
        ),
        ({"output_config": {"effort": 5}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "x"}}}, "output_config.format.type"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": 5}}},
            "output_config.format.schema",
        ),
        (
            {
                "output_config": {"format": {"type": "json_schema", "schema": {}}},
                "output_format": {"type": "json_schema", "schema": {}},
            },
            "output_format",
        ),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
    ],
)
def test_mistakes(members: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(**members)

    assert caught.value.param == param


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'{"tools": 1'])
def test_no_object(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        read_request(body, Ask("m", stream=False))
