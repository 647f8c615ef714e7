"""Requests of the Responses, as turns and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import (
    Media,
    Opaque,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import (
    OutputFormat,
    Reasoning,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.wire.openai_responses import PROTOCOL, own
from tests.gateway.fronts.openai_responses.told import ask, turn

if TYPE_CHECKING:
    from gateway.domain.reply import Json

BASE = {"model": "m", "input": "hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}


def test_string() -> None:
    """A bare string is the user's message."""
    request = ask(BASE)

    assert turn(request).parts == (Text("hi"),)
    assert (turn(request).role, turn(request).bare) == (Role.USER, True)
    assert request.include_usage
    assert not request.stream


def test_instructions() -> None:
    """Instructions come first, as the system's."""
    request = ask({**BASE, "instructions": "be brief"})

    assert [t.role for t in request.turns] == [Role.SYSTEM, Role.USER]
    assert request.turns[0].parts == (Text("be brief"),)


def test_turns() -> None:
    """Items of the model's that follow each other are one turn."""
    request = ask(
        {
            "model": "m",
            "input": [
                {"role": "developer", "content": "d"},
                {"role": "user", "content": [{"type": "input_text", "text": "u"}]},
                {
                    "type": "reasoning",
                    "id": "rs",
                    "summary": [{"type": "summary_text", "text": "t"}],
                    "content": [{"type": "reasoning_text", "text": "c"}],
                    "encrypted_content": "E",
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "output_text", "text": "a", "annotations": []},
                        {"type": "refusal", "refusal": "r"},
                        {"type": "novelty"},
                    ],
                },
                CALL,
                {
                    "type": "custom_tool_call",
                    "call_id": "c2",
                    "name": "g",
                    "input": "x",
                },
                {"type": "function_call_output", "call_id": "c1", "output": "ok"},
                {
                    "type": "custom_tool_call_output",
                    "call_id": "c2",
                    "name": "g",
                    "output": [{"type": "input_text", "text": "o"}],
                },
                {"type": "computer_call_output", "call_id": "c3"},
                {"type": "web_search_call", "id": "ws"},
                {"role": "system", "content": "s", "name": "n"},
            ],
        }
    )

    assert [t.role for t in request.turns] == [
        Role.DEVELOPER,
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
        Role.TOOL,
        Role.TOOL,
        Role.ASSISTANT,
        Role.SYSTEM,
    ]
    model = request.turns[2].parts
    assert [type(part) for part in model] == [
        Thinking,
        Thinking,
        Text,
        Refusal,
        Opaque,
        ToolCall,
        ToolCall,
    ]
    assert [part.group for part in model] == [0, 0, 1, 1, 1, 2, 3]
    assert model[0].signature is None  # type: ignore[union-attr]
    assert model[1].signature == Signature(PROTOCOL, "rs:E")  # type: ignore[union-attr]
    results = [request.turns[n].parts[0] for n in (3, 4)]
    assert results == [
        ToolResult(
            "c1",
            (Text("ok"),),
            bare=True,
            extras={PROTOCOL: {"item": {"type": "function_call_output"}}},
        ),
        ToolResult(
            "c2",
            (Text("o"),),
            "g",
            bare=False,
            extras={PROTOCOL: {"item": {"type": "custom_tool_call_output"}}},
        ),
    ]
    assert request.turns[7].name == "n"


@pytest.mark.parametrize(
    ("json", "media"),
    [
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AA"},
            Media("image", "image/png", "AA"),
        ),
        (
            {"type": "input_image", "image_url": "http://x", "detail": "low"},
            Media("image", url="http://x", detail="low"),
        ),
        ({"type": "input_image", "file_id": "f"}, Media("image", file_id="f")),
        (
            {
                "type": "input_file",
                "filename": "a.pdf",
                "file_data": "data:application/pdf;base64,AA",
            },
            Media("file", "application/pdf", "AA", name="a.pdf"),
        ),
        ({"type": "input_file", "file_data": "AA"}, Media("file", data="AA")),
        ({"type": "input_file", "file_url": "http://x"}, Media("file", url="http://x")),
        ({"type": "input_file", "file_id": "f"}, Media("file", file_id="f")),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
            Media("audio", "audio/mpeg", "AA"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "flac"}},
            Media("audio", "audio/flac", "AA"),
        ),
    ],
)
def test_media(json: Json, media: Media) -> None:
    """Pictures, files and sounds, in each way to hand them over."""
    request = ask({"model": "m", "input": [{"role": "user", "content": [json]}]})

    assert turn(request).parts == (media,)


def test_text_by_another_name() -> None:
    """The words of a user may be called an output, in a history that was copied."""
    part = {"type": "output_text", "text": "a", "annotations": []}

    (text,) = turn(
        ask({"model": "m", "input": [{"role": "user", "content": [part]}]})
    ).parts

    assert isinstance(text, Text)
    assert own(text.extras) == {"form": {"type": "output_text"}, "annotations": []}


def test_short_message_of_the_model() -> None:
    """An answer of before may be a bare string."""
    (text,) = turn(
        ask({"model": "m", "input": [{"role": "assistant", "content": "a"}]})
    ).parts

    assert isinstance(text, Text)
    assert text.text == "a"


def test_unknown_content() -> None:
    """What a newer client sends stays at its place."""
    part = {"type": "input_smell"}

    request = ask({"model": "m", "input": [{"role": "user", "content": [part]}]})

    assert turn(request).parts == (Opaque(PROTOCOL, part),)


def test_seal_behind_a_call() -> None:
    """A seal that we sent behind a call belongs to it again."""
    seal = {"type": "reasoning", "summary": [], "encrypted_content": "^gemini:G"}

    request = ask({"model": "m", "input": [CALL, seal]})

    (call,) = turn(request).parts
    assert isinstance(call, ToolCall)
    assert call.signature == Signature("gemini", "G")


def test_seal_behind_nothing() -> None:
    """A seal whose call was taken out is a thought without words."""
    seal = {"type": "reasoning", "summary": [], "encrypted_content": "^gemini:G"}

    (part,) = turn(ask({"model": "m", "input": [seal]})).parts

    assert isinstance(part, Thinking)
    assert part.signature == Signature("gemini", "G")


def test_settings() -> None:
    """Members that the domain knows are read, and the others kept."""
    request = ask(
        {
            **BASE,
            "temperature": 0.5,
            "top_p": 0.9,
            "max_output_tokens": 20,
            "top_logprobs": 2,
            "include": ["message.output_text.logprobs"],
            "text": {"verbosity": "low", "format": {"type": "json_object"}},
            "reasoning": {"effort": "low", "summary": "auto", "mode": "pro"},
            "parallel_tool_calls": False,
            "metadata": {"a": "b"},
            "service_tier": "flex",
            "user": "u",
            "stream": True,
            "store": False,
            "truncation": "disabled",
            "max_tool_calls": 3,
        }
    )

    assert request.sampling == Sampling(
        temperature=0.5,
        top_p=0.9,
        max_tokens=20,
        logprobs=True,
        top_logprobs=2,
        verbosity="low",
    )
    assert request.output_format == OutputFormat("json")
    assert request.reasoning == Reasoning(
        "low", summary="auto", extras={PROTOCOL: {"mode": "pro"}}
    )
    assert request.parallel_tools is False
    assert (request.metadata, request.service_tier) == ({"a": "b"}, "flex")
    assert (request.user, request.stream) == ("u", True)
    assert own(request.extras) == {
        "max_tool_calls": 3,
        "form": {
            "store": False,
            "stream": True,
            "include": ["message.output_text.logprobs"],
            "truncation": "disabled",
        },
    }


def test_what_is_not_given() -> None:
    """What only the upstream could add stays a member to be told of."""
    members = own(ask({**BASE, "include": ["x"], "truncation": "auto"}).extras)

    assert members["include"] == ["x"]
    assert members["truncation"] == "auto"


def test_text_of_a_newer_client() -> None:
    """Members of members are kept with what they belong to."""
    text = {"format": {"type": "text", "new": 1}, "newer": 2}

    request = ask({**BASE, "text": text, "reasoning": None})

    assert request.output_format == OutputFormat("text", extras={PROTOCOL: {"new": 1}})
    assert own(request.extras)["text"] == {"newer": 2}
    assert own(request.extras)["reasoning"] is None


def test_schema() -> None:
    """A schema with all that belongs to it."""
    form = {
        "type": "json_schema",
        "name": "n",
        "schema": {"type": "object"},
        "description": "d",
        "strict": True,
    }

    assert ask({**BASE, "text": {"format": form}}).output_format == OutputFormat(
        "schema", {"type": "object"}, "n", "d", strict=True
    )


def test_older_summary() -> None:
    """The older name of the summary means the same."""
    older = ask({**BASE, "reasoning": {"generate_summary": "auto"}}).reasoning
    both = {"generate_summary": "auto", "summary": "detailed"}

    assert older.summary == "auto"
    assert ask({**BASE, "reasoning": both}).reasoning.summary == "detailed"


def test_tools() -> None:
    """Functions and custom tools are ours, the others the provider's."""
    hosted = {"type": "web_search"}
    request = ask(
        {
            **BASE,
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "description": "d",
                    "parameters": {},
                    "strict": True,
                    "defer_loading": True,
                },
                {"type": "custom", "name": "c", "format": {"type": "text"}},
                hosted,
            ],
        }
    )

    assert request.tools == (
        Tool("f", "d", {}, strict=True, extras={PROTOCOL: {"defer_loading": True}}),
        Tool("c", custom=True, format={"type": "text"}),
        Opaque(PROTOCOL, hosted),
    )


FUNCTION = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        ("none", "none", ()),
        ("required", "required", ()),
        (FUNCTION, "named", ("f",)),
        ({"type": "web_search"}, "required", ()),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [FUNCTION, {"type": "x"}],
            },
            "auto",
            ("f",),
        ),
    ],
)
def test_choice(choice: Json, mode: str, names: tuple[str, ...]) -> None:
    """Every form of the choice."""
    found = ask({**BASE, "tools": [FUNCTION], "tool_choice": choice}).tool_choice

    assert found is not None
    assert (found.mode, found.names) == (mode, names)


def test_choice_from_a_namespace() -> None:
    """A tool that is offered in a namespace may be chosen."""
    tools = [{"type": "namespace", "name": "ns", "tools": [FUNCTION]}]

    request = ask({**BASE, "tools": tools, "tool_choice": FUNCTION})

    assert request.tool_choice == ToolChoice("named", ("ns__f",))


def test_referred_to() -> None:
    """A request may have nothing but what it refers to."""
    assert ask({"model": "m", "prompt": {"id": "p"}}).turns == ()


def test_forms_that_leave_no_trace() -> None:
    """Empty lists and objects are remembered."""
    request = ask({**BASE, "tools": [], "text": {}, "reasoning": {}})

    assert own(request.extras)["form"] == {"tools": [], "text": {}, "reasoning": {}}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"background": True}, "background"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": [3]}, "input[0]"),
        ({"instructions": []}, "instructions"),
        ({"input": [{"role": "critic", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "input[0].content[0].text",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input[0].content[0].file_data",
        ),
        ({"input": [{"role": "assistant", "content": 1}]}, "input[0].content"),
        (
            {"input": [{"role": "assistant", "content": [{"type": "output_text"}]}]},
            "input[0].content[0].text",
        ),
        (
            {
                "input": [
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "output_text", "text": "", "annotations": [1]}
                        ],
                    }
                ]
            },
            "input[0]",
        ),
        (
            {"input": [{"type": "message", "role": "user", "content": {}}]},
            "input[0].content",
        ),
        (
            {"input": [{"type": "message", "role": "assistant", "content": {}}]},
            "input[0].content",
        ),
        ({"input": [{**CALL, "name": ""}]}, "input[0].name"),
        ({"input": [{**CALL, "arguments": {}}]}, "input[0].arguments"),
        (
            {"input": [{"type": "reasoning", "summary": [{"type": "summary_text"}]}]},
            "input[0].summary[0].text",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c"}]},
            "input[0].output",
        ),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": "some"}, "tool_choice"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"tool_choice": FUNCTION}, "tool_choice.name"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "auto"}},
            "tool_choice.tools",
        ),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)
def test_wrong(members: dict[str, Any], param: str) -> None:
    """What is wrong is named by its path."""
    with pytest.raises(InvalidRequestError) as caught:
        ask({**BASE, **members})

    assert caught.value.param == param


def test_name_of_a_custom_tool() -> None:
    """A custom tool is no function of the same name."""
    tools = [{"type": "custom", "name": "f"}]

    with pytest.raises(InvalidRequestError):
        ask({**BASE, "tools": tools, "tool_choice": FUNCTION})
