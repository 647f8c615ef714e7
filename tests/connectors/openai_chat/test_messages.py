"""Turns of any dialect, as messages."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from connectors.openai_chat.request import write_request
from connectors.openai_chat.words import COMPATIBLE, OPENAI, Words
from gateway.domain.loss import Grade
from gateway.domain.parts import (
    Citation,
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
from gateway.domain.request import Request, Role, Turn


def own(**members: Any) -> dict[str, Any]:
    return {"openai_chat": members}


FORM = own(type=None)


def write(*turns: Turn, words: Words = COMPATIBLE) -> tuple[list[Any], Any]:
    written = write_request(Request("m", turns), words)
    losses = [(loss.path, loss.grade) for loss in written.losses]
    return written.body["messages"], losses


def user(*parts: Part, words: Words = COMPATIBLE) -> tuple[Any, Any]:
    ((message,), losses) = write(Turn(Role.USER, parts), words=words)
    return message["content"], losses


def assistant(*parts: Part, words: Words = COMPATIBLE, **more: Any) -> tuple[Any, Any]:
    turn = Turn(Role.ASSISTANT, parts, **more)
    ((message,), losses) = write(turn, words=words)
    assert message.pop("role") == "assistant"
    return message, losses


def test_nothing_to_write() -> None:
    """OpenAI refuses an empty list, and an answer that has nothing at all."""
    call, sealed = ToolCall("c1", "f", "{}"), Thinking("a", Signature("other", "x"))
    empty = ToolResult("c1", (), bare=False)

    assert assistant(call, bare=False)[0].keys() == {"tool_calls"}
    assert assistant(sealed, bare=False)[0] == {"content": ""}
    ((answer,), _) = write(Turn(Role.TOOL, (empty,)))
    assert answer["content"] == ""


def test_forms_of_content() -> None:
    """A string where one will do, or where the client wrote one."""
    a, b = Text("a"), Text("b")
    messages, losses = write(
        Turn(Role.SYSTEM, (a,), "ada"),
        Turn(Role.USER, (a,), bare=False),
        Turn(Role.USER, (a, b)),
        Turn(Role.USER, ()),
        Turn(Role.USER, (), bare=False),
        Turn(Role.USER, (a,), bare=True, extras=own(x=1)),
        Turn(Role.USER, (Text("a", extras=own(y=1)),)),
        Turn(Role.ASSISTANT, (a, b)),
        Turn(Role.TOOL, (a,)),
    )

    one, other = {"type": "text", "text": "a"}, {"type": "text", "text": "b"}
    assert messages == [
        {"role": "system", "content": "a", "name": "ada"},
        {"role": "user", "content": [one]},
        {"role": "user", "content": [one, other]},
        {"role": "user", "content": ""},
        {"role": "user", "content": []},
        {"role": "user", "content": "a", "x": 1},
        {"role": "user", "content": [{**one, "y": 1}]},
        {"role": "assistant", "content": "ab"},
        {"role": "user", "content": "a"},
    ]
    assert losses == []


def test_developer() -> None:
    """Where the role is not known it is the system's, unless the client said it."""
    turn, said = Turn(Role.DEVELOPER, (Text("a"),)), own(role=None)

    assert write(turn)[0][0]["role"] == "system"
    assert write(turn, words=OPENAI)[0][0]["role"] == "developer"
    assert write(Turn(Role.DEVELOPER, (Text("a"),), extras=said))[0][0] == {
        "role": "developer",
        "content": "a",
    }


PDF = Media("file", "application/pdf", "QQ==", name="a.pdf")
NOTE = Media("file", "text/plain", base64.b64encode(b"note").decode())


@pytest.mark.parametrize(
    ("part", "json"),
    [
        (
            Media("image", url="https://x/a.png", detail="low"),
            {
                "type": "image_url",
                "image_url": {"url": "https://x/a.png", "detail": "low"},
            },
        ),
        (
            Media("image", "image/png", "QQ==", extras=own(type=None, x=1)),
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64,QQ=="},
                "x": 1,
            },
        ),
        (
            Media("audio", "audio/x-wav", "QQ=="),
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
        ),
        (
            Media("audio", "audio/flac; rate=1", "QQ=="),
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "flac"}},
        ),
        (
            Media("audio", url="https://x/a.wav"),
            {"type": "audio_url", "audio_url": {"url": "https://x/a.wav"}},
        ),
        (
            Media("video", "video/mp4", "QQ=="),
            {
                "type": "video_url",
                "video_url": {"url": "data:video/mp4;base64,QQ=="},
            },
        ),
        (
            PDF,
            {
                "type": "file",
                "file": {
                    "filename": "a.pdf",
                    "file_data": "data:application/pdf;base64,QQ==",
                },
            },
        ),
        (
            Media("file", data="QQ=="),
            {
                "type": "file",
                "file": {"filename": "document.pdf", "file_data": "QQ=="},
            },
        ),
        (
            Media("file", file_id="f-1", extras=FORM),
            {"type": "file", "file": {"file_id": "f-1"}},
        ),
        (Opaque("openai_chat", {"type": "video"}), {"type": "video"}),
    ],
)
def test_parts_of_a_user(part: Part, json: dict[str, Any]) -> None:
    assert user(part) == ([json], [])


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Media("image", file_id="f-1"), COMPATIBLE),
        (Media("file", file_id="f-1"), COMPATIBLE),
        (Media("file", url="https://x/a.pdf"), COMPATIBLE),
        (Media("video", url="https://x/a.mp4"), OPENAI),
        (Media("audio", url="https://x/a.wav"), OPENAI),
        (Media("file", "text/plain", "/w=="), COMPATIBLE),
        (Media("file", "text/plain", "Q"), COMPATIBLE),
        (Opaque("anthropic", {"type": "x"}), COMPATIBLE),
        (ToolCall("c", "f"), COMPATIBLE),
    ],
)
def test_parts_that_refuse_a_request(part: Part, words: Words) -> None:
    """Without them the answer would be another one."""
    assert user(Text("a"), part, words=words) == (
        "a",
        [("turns[0].parts[1]", Grade.REFUSED)],
    )


def test_films_of_a_client_of_this_dialect() -> None:
    """It is taken at its word, though OpenAI knows no films."""
    content, losses = user(Media("video", url="u", extras=FORM), words=OPENAI)

    assert content == [{"type": "video_url", "video_url": {"url": "u"}}]
    assert losses == []


def test_documents_that_are_texts() -> None:
    """Few servers read files, and all read texts."""
    lost = [("turns[0].parts[0]", Grade.APPROXIMATE)]
    named = Media("file", "text/plain", NOTE.data, name="n")
    said = Media("file", "text/plain", "QQ==", extras=FORM)

    assert user(NOTE) == ("note", lost)
    assert user(named) == ("n:\n\nnote", lost)
    assert user(said)[0][0]["type"] == "file"


def test_thoughts_of_a_user() -> None:
    assert user(Thinking("a"))[1] == [("turns[0].parts[0]", Grade.DROPPED)]


def test_results_of_tools() -> None:
    """Each is a message of its own, directly behind the calls."""
    parts = (
        ToolResult("c1", (Text("a"),), "f"),
        Text("and?"),
        ToolResult("c2", (Text("a"), Text("b"))),
    )
    messages, losses = write(
        Turn(Role.USER, parts),
        Turn(
            Role.TOOL,
            (ToolResult("c3", (Text("c"),), "f", bare=True, extras=own(name=None)),),
            extras=own(x=1),
        ),
        Turn(Role.TOOL, (ToolResult("c4", (Text("d"),), bare=False),)),
        Turn(Role.TOOL, (ToolResult("c5"),)),
    )

    assert messages == [
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
        {"role": "tool", "tool_call_id": "c2", "content": "ab"},
        {"role": "user", "content": "and?"},
        {"role": "tool", "tool_call_id": "c3", "content": "c", "name": "f", "x": 1},
        {
            "role": "tool",
            "tool_call_id": "c4",
            "content": [{"type": "text", "text": "d"}],
        },
        {"role": "tool", "tool_call_id": "c5", "content": ""},
    ]
    assert losses == []


def test_pictures_among_results() -> None:
    """A tool's message holds text only: a user's message behind all has the rest."""
    picture = Media("image", url="u")
    json = {"type": "image_url", "image_url": {"url": "u"}}
    messages, losses = write(
        Turn(Role.TOOL, (ToolResult("c1", (Text("a"), picture)),)),
        Turn(Role.TOOL, (ToolResult("c2", (picture,)),)),
        Turn(Role.ASSISTANT, (Text("I see."),)),
        Turn(Role.TOOL, (ToolResult("c3", (Media("image", url="u", extras=FORM),)),)),
        Turn(Role.TOOL, (ToolResult("c4", (Media("image", file_id="f"),)),)),
    )

    assert messages == [
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "From the tool call c1:"},
                json,
                {"type": "text", "text": "From the tool call c2:"},
                json,
            ],
        },
        {"role": "assistant", "content": "I see."},
        {"role": "tool", "tool_call_id": "c3", "content": [json]},
        {"role": "tool", "tool_call_id": "c4", "content": ""},
    ]
    assert losses == [
        ("turns[0].parts[0].parts", Grade.APPROXIMATE),
        ("turns[1].parts[0].parts", Grade.APPROXIMATE),
        ("turns[4].parts[0].parts[0]", Grade.REFUSED),
    ]


def test_failed_tool() -> None:
    """The dialect has no mark for it, so the words say it."""
    messages, losses = write(
        Turn(Role.TOOL, (ToolResult("c", (Text("no disk"),), error=True),))
    )

    assert messages[0]["content"] == "Error: no disk"
    assert losses == [("turns[0].parts[0].error", Grade.APPROXIMATE)]


def test_deprecated_functions() -> None:
    """They go back in the form in which they came."""
    legacy = own(function_call=None)
    messages, _ = write(
        Turn(Role.ASSISTANT, (ToolCall("x", "f", "{}", extras=legacy),)),
        Turn(
            Role.TOOL,
            (ToolResult("x", (Text("1"),), "f", extras=own(role="function")),),
        ),
    )

    assert messages == [
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    ]


def test_assistant() -> None:
    """Words, refusals, calls and a sound have a member each."""
    message, losses = assistant(
        Text("a"),
        Refusal("No."),
        ToolCall("c1", "f", '{"a'),
        ToolCall("c2", "t", "4+4", custom=True),
        Media("audio", file_id="a1"),
        Media("image", url="u", extras=own(type=None, x=1)),
        name="bot",
        extras=own(annotations=[]),
    )

    assert losses == []
    assert message == {
        "content": "a",
        "name": "bot",
        "refusal": "No.",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "f", "arguments": '{"a'},
            },
            {"id": "c2", "type": "custom", "custom": {"name": "t", "input": "4+4"}},
        ],
        "images": [{"type": "image_url", "image_url": {"url": "u"}, "x": 1}],
        "audio": {"id": "a1"},
        "annotations": [],
    }


def test_results_among_an_answer() -> None:
    """Some dialects have a provider's own tools there."""
    messages, _ = write(
        Turn(Role.ASSISTANT, (ToolCall("c", "f"), ToolResult("c", (Text("1"),))))
    )

    assert [message["role"] for message in messages] == ["assistant", "tool"]


def test_refusal_among_the_content() -> None:
    message, _ = assistant(
        Refusal("No.", extras=FORM), Opaque("openai_chat", {"type": "y"}), bare=False
    )

    assert message == {
        "content": [{"type": "refusal", "refusal": "No."}, {"type": "y"}]
    }


def test_assistant_that_loses() -> None:
    message, losses = assistant(
        Text("a", citations=(Citation("u"),), signature=Signature("gemini", "v")),
        ToolCall("c", "f", signature=Signature("gemini", "v")),
        Media("image", url="u"),
        Opaque("anthropic", {}),
    )

    assert "extra_content" not in str(message)
    assert losses == [
        ("turns[0].parts[0].citations", Grade.DROPPED),
        ("turns[0].parts[0].signature", Grade.DROPPED),
        ("turns[0].parts[1].signature", Grade.DROPPED),
        ("turns[0].parts[2]", Grade.REFUSED),
        ("turns[0].parts[3]", Grade.REFUSED),
    ]


def test_own_seals() -> None:
    seal = Signature("openai_chat", "v")
    content = {"google": {"thought_signature": "v"}}
    message, losses = assistant(
        Text(signature=seal, extras=own(content=None)),
        ToolCall("c", "f", signature=seal),
    )

    assert message["extra_content"] == content
    assert message["tool_calls"][0]["extra_content"] == content
    assert "content" not in message
    assert losses == []


@pytest.mark.parametrize(
    ("thought", "words", "json"),
    [
        (Thinking("a"), COMPATIBLE, {"reasoning_content": "a"}),
        (Thinking("a"), OPENAI, {}),
        (Thinking("a", extras=own(reasoning=None)), OPENAI, {"reasoning": "a"}),
        (Thinking("a", Signature("anthropic", "v")), COMPATIBLE, {}),
        (
            Thinking(
                "a",
                Signature("openai_chat", "v"),
                extras=own(reasoning_details={"type": "reasoning.summary", "id": "r"}),
            ),
            COMPATIBLE,
            {
                "reasoning_details": [
                    {
                        "type": "reasoning.summary",
                        "id": "r",
                        "summary": "a",
                        "signature": "v",
                    }
                ]
            },
        ),
    ],
)
def test_thoughts(thought: Thinking, words: Words, json: dict[str, Any]) -> None:
    """A sealed one goes to its issuer alone; others where the server takes them."""
    message, losses = assistant(thought, Text("b"), words=words)

    assert message == {"content": "b"} | json
    assert losses == ([] if json else [("turns[0].parts[0]", Grade.DROPPED)])
