from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import (
    Media,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import Role, Turn
from gateway.fronts.fields import Fields
from gateway.fronts.openai_chat.messages import read_turns


def read(*messages: Any) -> tuple[Turn, ...]:
    return read_turns(Fields({"messages": list(messages)}))


def extras(**members: Any) -> dict[str, Any]:
    return {"openai_chat": members}


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_bare_content(role: str) -> None:
    """A string and a list of one text mean the same, and remain apart."""
    turns = read(
        {"role": role, "content": "Hi", "name": "ada"},
        {"role": role, "content": [{"type": "text", "text": "Hi"}], "x": None},
    )

    assert turns == (
        Turn(Role(role), (Text("Hi"),), "ada", bare=True),
        Turn(Role(role), (Text("Hi"),), bare=False, extras=extras(x=None)),
    )


@pytest.mark.parametrize(
    ("json", "part"),
    [
        ({"type": "text", "text": ""}, Text("")),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
            Text("a", extras=extras(cache_control={"type": "ephemeral"})),
        ),
        (
            {
                "type": "image_url",
                "image_url": {"url": "https://x/a.png", "detail": "low"},
            },
            Media("image", url="https://x/a.png", detail="low"),
        ),
        (
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64,QQ==", "x": 1},
            },
            Media("image", "image/png", "QQ==", extras=extras(image_url={"x": 1})),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
            Media("audio", "audio/mpeg", "QQ=="),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "flac"}},
            Media("audio", "audio/flac", "QQ=="),
        ),
        (
            {"type": "file", "file": {"file_id": "f-1"}},
            Media("file", file_id="f-1"),
        ),
        (
            {
                "type": "file",
                "file": {
                    "file_data": "data:application/pdf;base64,QQ==",
                    "filename": "a",
                },
            },
            Media("file", "application/pdf", "QQ==", name="a"),
        ),
        ({"type": "file", "file": {"file_data": "QQ=="}}, Media("file", data="QQ==")),
    ],
)
def test_parts_of_a_user(json: Any, part: Part) -> None:
    (turn,) = read({"role": "user", "content": [json]})

    assert turn == Turn(Role.USER, (part,), bare=False)


def test_assistant_with_everything() -> None:
    """Thoughts come first, then words, then calls, as the model made them."""
    (turn,) = read(
        {
            "role": "assistant",
            "content": "Let me see.",
            "reasoning_content": "Hm.",
            "refusal": "No.",
            "name": "bot",
            "audio": {"id": "audio_1"},
            "annotations": [],
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a": 1'},
                    "extra_content": {"google": {}},
                },
                {"id": "", "type": "custom", "custom": {"name": "c", "input": "4+4"}},
            ],
        }
    )

    assert turn == Turn(
        Role.ASSISTANT,
        (
            Thinking("Hm."),
            Text("Let me see."),
            Refusal("No."),
            ToolCall("c1", "f", '{"a": 1', extras=extras(extra_content={"google": {}})),
            ToolCall("", "c", "4+4", custom=True),
            Media("audio", file_id="audio_1"),
        ),
        "bot",
        bare=True,
        extras=extras(annotations=[]),
    )


def test_assistant_without_words() -> None:
    """Null content beside calls is kept as it was."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    turns = read(
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    )

    assert turns == (
        Turn(Role.ASSISTANT, (ToolCall("c", "f"),), extras=extras(content=None)),
        Turn(Role.ASSISTANT, (ToolCall("c", "f"),)),
        Turn(Role.ASSISTANT, (Text(""),), bare=True),
        Turn(Role.ASSISTANT, (Refusal("No."),), bare=False),
    )


def test_tool_results() -> None:
    turns = read(
        {"role": "tool", "tool_call_id": "c1", "content": "12 C"},
        {
            "role": "tool",
            "tool_call_id": "c2",
            "name": "f",
            "content": [{"type": "image_url", "image_url": {"url": "https://x/a.png"}}],
        },
    )

    picture = Media("image", url="https://x/a.png")
    assert turns == (
        Turn(Role.TOOL, (ToolResult("c1", (Text("12 C"),), bare=True),)),
        Turn(Role.TOOL, (ToolResult("c2", (picture,), "f", bare=False),)),
    )


def test_deprecated_functions() -> None:
    """Calls without ids get some, and a result belongs to the last of its name."""
    call = {"name": "f", "arguments": "{}"}
    turns = read(
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "f", "content": "1"},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "f", "content": None},
        {"role": "function", "name": "g", "content": "3"},
    )

    parts = [turn.parts[0] for turn in turns]
    first, one, second, two, three = parts
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert first.id != second.id
    assert first.extras == extras(function_call={})
    legacy = extras(role="function")
    assert one == ToolResult(first.id, (Text("1"),), "f", bare=True, extras=legacy)
    assert two == ToolResult(second.id, (), "f", extras=legacy)
    assert three == ToolResult("g", (Text("3"),), "g", bare=True, extras=legacy)


@pytest.mark.parametrize(
    ("message", "param", "why"),
    [
        ("Hi", "messages[0]", "expected an object, got a string"),
        ({}, "messages[0].role", "it is missing"),
        ({"role": "usr"}, "messages[0].role", 'function, got "usr"'),
        ({"role": "user"}, "messages[0].content", "it is missing"),
        ({"role": "user", "content": None}, "messages[0].content", "got null"),
        ({"role": "user", "content": 5}, "messages[0].content", "a list of parts, got"),
        ({"role": "user", "content": ["Hi"]}, "messages[0].content[0]", "an object"),
        ({"role": "user", "content": "a", "name": 1}, "messages[0].name", "a string"),
        (
            {"role": "user", "content": [{"type": "video_url"}]},
            "messages[0].content[0].type",
            'file, got "video_url"',
        ),
        (
            {"role": "system", "content": [{"type": "image_url"}]},
            "messages[0].content[0].type",
            "one of text, got",
        ),
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": "https://x"}],
            },
            "messages[0].content[0].image_url",
            "expected an object, got a string",
        ),
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": 3}}],
            },
            "messages[0].content[0].image_url.url",
            "expected a string, got a number",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"filename": "a"}}]},
            "messages[0].content[0].file.file_data",
            "a file_id beside it",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": ""}}]},
            "messages[0].content[0].file.file_data",
            "a file_id beside it",
        ),
        (
            {"role": "assistant"},
            "messages[0].content",
            "or tool_calls, and it is missing",
        ),
        ({"role": "assistant", "content": None}, "messages[0].content", "got null"),
        ({"role": "assistant", "content": []}, "messages[0].content", "or tool_calls"),
        (
            {"role": "assistant", "tool_calls": [{"type": "function"}]},
            "messages[0].tool_calls[0].id",
            "it is missing",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "type": "function",
                        "id": "c",
                        "function": {"name": "f", "arguments": {}},
                    }
                ],
            },
            "messages[0].tool_calls[0].function.arguments",
            "expected a string, got an object",
        ),
        ({"role": "tool", "content": "1"}, "messages[0].tool_call_id", "it is missing"),
        ({"role": "tool", "tool_call_id": "c"}, "messages[0].content", "it is missing"),
        ({"role": "function", "content": "1"}, "messages[0].name", "it is missing"),
    ],
)
def test_mistakes(message: Any, param: str, why: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read(message)

    assert raised.value.param == param
    assert why in raised.value.message
