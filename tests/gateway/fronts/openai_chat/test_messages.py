from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Signature,
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


def joined(one: dict[str, Any], **members: Any) -> dict[str, Any]:
    return extras(**one.get("openai_chat", {}), **members)


FORM = extras(type=None)
"""How a medium is marked that came in this dialect's own form."""


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_bare_content(role: str) -> None:
    """A string and a list of one text mean the same, and remain apart."""
    turns = read(
        {"role": role, "content": "Hi", "name": "ada"},
        {"role": role, "content": [{"type": "text", "text": "Hi"}], "x": None},
    )

    form = extras(role=None) if role == "developer" else {}
    assert turns == (
        Turn(Role(role), (Text("Hi"),), "ada", bare=True, extras=form),
        Turn(Role(role), (Text("Hi"),), bare=False, extras=joined(form, x=None)),
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
            Media("image", url="https://x/a.png", detail="low", extras=FORM),
        ),
        (
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64,QQ==", "x": 1},
            },
            Media(
                "image",
                "image/png",
                "QQ==",
                extras=extras(type=None, image_url={"x": 1}),
            ),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
            Media("audio", "audio/mpeg", "QQ==", extras=FORM),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "flac"}},
            Media("audio", "audio/flac", "QQ==", extras=FORM),
        ),
        (
            {"type": "file", "file": {"file_id": "f-1"}},
            Media("file", file_id="f-1", extras=FORM),
        ),
        (
            {
                "type": "file",
                "file": {
                    "file_data": "data:application/pdf;base64,QQ==",
                    "filename": "a",
                },
            },
            Media("file", "application/pdf", "QQ==", name="a", extras=FORM),
        ),
        (
            {"type": "file", "file": {"file_data": "QQ=="}},
            Media("file", data="QQ==", extras=FORM),
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://x/a.mp4"}},
            Media("video", url="https://x/a.mp4", extras=FORM),
        ),
        (
            {"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,QQ=="}},
            Media("audio", "audio/wav", "QQ==", extras=FORM),
        ),
        (
            {"type": "document_url", "document_url": "https://x/a.pdf"},
            Opaque(
                "openai_chat",
                {"type": "document_url", "document_url": "https://x/a.pdf"},
            ),
        ),
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
            Thinking("Hm.", extras=extras(reasoning_content=None)),
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
        Turn(Role.ASSISTANT, (Refusal("No.", extras=FORM),), bare=False),
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

    picture = Media("image", url="https://x/a.png", extras=FORM)
    named = extras(name=None)
    assert turns == (
        Turn(Role.TOOL, (ToolResult("c1", (Text("12 C"),), bare=True),)),
        Turn(Role.TOOL, (ToolResult("c2", (picture,), "f", bare=False, extras=named),)),
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
    assert first.extras == extras(function_call=None)
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
            {"role": "user", "content": [{"type": "image-url"}]},
            "messages[0].content[0].type",
            'audio_url, got "image-url"',
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


def assistant(**members: Any) -> tuple[Part, ...]:
    (turn,) = read({"role": "assistant", **members})
    return turn.parts


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_names_of_thoughts(name: str) -> None:
    """Each name is remembered, for the server that used it."""
    parts = assistant(content="a", **{name: "hm"})

    assert parts == (Thinking("hm", extras=extras(**{name: None})), Text("a"))


def test_thoughts_in_detail() -> None:
    """Seals come with the details; the plain text says nothing new."""
    text = {"type": "reasoning.text", "text": "hm", "signature": "c2VhbA==", "index": 0}
    hidden = {"type": "reasoning.encrypted", "data": "ZGF0YQ==", "id": "rs_1"}

    parts = assistant(content="a", reasoning="hm", reasoning_details=[text, hidden])

    said = extras(
        reasoning_details={"type": "reasoning.text", "index": 0}, reasoning=None
    )
    kept = extras(
        reasoning_details={"type": "reasoning.encrypted", "id": "rs_1"}, reasoning=None
    )
    assert parts == (
        Thinking("hm", Signature("openai_chat", "c2VhbA=="), extras=said),
        Thinking("", Signature("openai_chat", "ZGF0YQ=="), extras=kept),
        Text("a"),
    )


def test_sealed_thoughts_come_back() -> None:
    """What the gateway itself carried to the client goes back to its issuer."""
    item = {
        "type": "reasoning.text",
        "text": "hm",
        "signature": "anthropic:c2VhbA==",
        "sealed": {"x": 1},
    }

    one = assistant(reasoning_content="hm", reasoning_details=[item])
    other = assistant(
        reasoning_content="hm", reasoning_details=[{**item, "text": None}]
    )
    third = assistant(reasoning_details=[{**item, "sealed": None}])

    seal, form = Signature("anthropic", "c2VhbA=="), extras(reasoning_content=None)
    assert one == (Thinking("hm", seal, extras={**form, "anthropic": {"x": 1}}),)
    assert other == one
    assert third == (Thinking("hm", seal),)


def test_thoughts_of_another_shape() -> None:
    """What cannot be read as thoughts rides along."""
    (turn,) = read({"role": "assistant", "content": "a", "reasoning_details": [{}]})
    (plain,) = read(
        {
            "role": "assistant",
            "reasoning": "other",
            "reasoning_details": [{"type": "reasoning.text", "text": "hm"}],
        }
    )

    assert turn.extras == extras(reasoning_details=[{}])
    assert plain.extras == extras(reasoning="other")
    (thought,) = plain.parts
    assert isinstance(thought, Thinking)
    assert thought.text == "hm"


def test_seals_of_texts_and_calls() -> None:
    """Gemini's stand where its own compatible endpoint has them."""

    def content(value: str, **more: Any) -> Any:
        return {"google": {"thought_signature": value, **more}}

    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": content("gemini:QQ=="),
    }
    parts = assistant(content="a", extra_content=content("QQ=="), tool_calls=[call])
    bare = assistant(content=None, extra_content=content("QQ=="))
    (turn,) = read(
        {"role": "assistant", "content": "a", "extra_content": content("QQ==", x=1)}
    )
    (odd,) = read({"role": "assistant", "content": "a", "extra_content": {"x": 1}})
    refusing = assistant(
        content=[
            {"type": "text", "text": "a"},
            {"type": "refusal", "refusal": "No."},
        ],
        extra_content=content("QQ=="),
    )

    own = Signature("openai_chat", "QQ==")
    assert parts == (
        Text("a", signature=own),
        ToolCall("c", "f", "{}", signature=Signature("gemini", "QQ==")),
    )
    assert bare == (Text(signature=own, extras=extras(content=None)),)
    assert turn.parts == (Text("a", signature=own),)
    assert turn.extras == extras(extra_content={"google": {"x": 1}})
    assert odd.extras == extras(extra_content={"x": 1})
    assert refusing == (Text("a", signature=own), Refusal("No.", extras=FORM))


def test_pictures_of_an_answer() -> None:
    """OpenRouter's, which a client sends back with the rest of the message."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}

    assert assistant(images=[picture]) == (
        Media("image", "image/png", "QQ==", extras=FORM),
    )


def test_refusal_among_the_content() -> None:
    parts = assistant(
        content=[{"type": "refusal", "refusal": "No."}, {"type": "text", "text": "a"}],
        refusal="No!",
    )

    assert parts == (Refusal("No.", extras=FORM), Text("a"), Refusal("No!"))
