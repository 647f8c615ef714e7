from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from gateway.domain.parts import (
    Citation,
    Logprob,
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
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage
from gateway.fronts.base import Ask, Context
from gateway.fronts.openai_chat.response import write_reply
from gateway.wire.json import encode
from tests.gateway.domain.strategies import replies

CONTEXT = Context(Ask("m", False), 7, "abc")


def write(reply: Reply) -> Any:
    return json.loads(write_reply(reply, CONTEXT).body)


def message(*parts: Part) -> Any:
    reply = Reply(choices=(Choice(parts, Finish(Stop.END)),))
    return write(reply)["choices"][0]["message"]


def test_text() -> None:
    """The common case, member by member."""
    reply = Reply(
        "r1",
        "m1",
        1234,
        (Choice((Text("Hi"),), Finish(Stop.END, "x")),),
        Usage(3, output=1),
    )

    assert write(reply) == {
        "id": "r1",
        "object": "chat.completion",
        "created": 1234,
        "model": "m1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }


def test_what_nobody_told() -> None:
    """A provider may tell nothing; clients need an id, a time and a model."""
    assert write(Reply()) == {
        "id": "chatcmpl-abc",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [],
    }


def test_extras_are_written_in_place() -> None:
    """Members of this dialect come back, and those of others do not."""
    call = ToolCall(
        "c", "f", extras={"openai_chat": {"extra_content": 1}, "gemini": {}}
    )
    choice = Choice((call,), Finish(Stop.TOOLS), {"openai_chat": {"x": 1}})
    json = write(
        Reply(choices=(choice,), extras={"openai_chat": {"service_tier": "y"}})
    )

    assert json["service_tier"] == "y"
    assert json["choices"][0]["x"] == 1
    assert json["choices"][0]["message"]["tool_calls"][0]["extra_content"] == 1
    assert "gemini" not in str(json)


def test_tool_calls() -> None:
    calls = ToolCall("a", "f", '{"x"'), ToolCall("b", "c", "4+4", custom=True)

    assert message(*calls) == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "f", "arguments": '{"x"'},
            },
            {"id": "b", "type": "custom", "custom": {"name": "c", "input": "4+4"}},
        ],
    }


def test_thoughts_refusals_and_texts_are_joined() -> None:
    """The dialect has one place for each kind."""
    assert message(
        Thinking("a", Signature("o", "v")),
        Thinking("b"),
        Text("c"),
        Opaque("o", {"x": 1}),
        Text("d"),
        Refusal("e"),
        Refusal("f"),
    ) == {
        "role": "assistant",
        "content": "cd",
        "refusal": "ef",
        "reasoning_content": "ab",
        "reasoning_details": [
            {
                "type": "reasoning.text",
                "format": "unknown",
                "index": 0,
                "text": "a",
                "signature": "o:v",
            },
            {
                "type": "reasoning.text",
                "format": "unknown",
                "index": 1,
                "text": "b",
            },
        ],
    }


def test_sound() -> None:
    """A sound is told by all its members; a picture has no place."""
    sound = Media(
        "audio",
        data="QQ==",
        file_id="audio_1",
        transcript="la",
        extras={"openai_chat": {"expires_at": 9}},
    )

    assert message(Media("image", data="QQ=="), sound)["audio"] == {
        "id": "audio_1",
        "data": "QQ==",
        "transcript": "la",
        "expires_at": 9,
    }
    assert message(Media("audio"))["audio"] == {"id": "", "data": "", "transcript": ""}


def test_citations() -> None:
    """A citation of another dialect becomes the one kind that this one has."""
    own = {"type": "url_citation", "url_citation": {"url": "u", "x": 1}}
    text = Text(
        "a",
        citations=(
            Citation("u", "t", start=1, end=2),
            Citation("u", extras={"openai_chat": own}),
            Citation(quote="q"),
        ),
    )

    assert message(text)["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 1,
                "end_index": 2,
                "title": "t",
                "url": "u",
            },
        },
        own,
        {
            "type": "url_citation",
            "url_citation": {"start_index": 0, "end_index": 0, "title": "", "url": ""},
        },
    ]


def test_logprobs() -> None:
    top = Logprob("H", -0.5, (72,))
    text = Text("Hi", (Logprob("Hi", -0.25, (72, 105), (top,)), Logprob("?", -1)))

    (choice,) = write(Reply(choices=(Choice((text,), Finish(Stop.END)),)))["choices"]

    assert choice["logprobs"] == {
        "content": [
            {
                "token": "Hi",
                "logprob": -0.25,
                "bytes": [72, 105],
                "top_logprobs": [{"token": "H", "logprob": -0.5, "bytes": [72]}],
            },
            {"token": "?", "logprob": -1, "bytes": None, "top_logprobs": []},
        ],
        "refusal": None,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "é\u2028"}, '{"a":"é\u2028"}'.encode()),
        ({"a": "é\ud800"}, rb'{"a":"\u00e9\ud800"}'),
        ({"a": 2**80}, b'{"a":1208925819614629174706176}'),
    ],
)
def test_unusual_values(value: Any, text: bytes) -> None:
    """What clients may send and models repeat can always be written."""
    assert encode(value) == text


@given(replies)
def test_any_reply(reply: Reply) -> None:
    """Whatever a reply holds, what is written is JSON with its choices."""
    assert len(write(reply)["choices"]) == len(reply.choices)


@pytest.mark.needs("python:openai")
def test_official_types() -> None:
    """OpenAI's own types find all they need."""
    from openai.types.chat import ChatCompletion

    sound = Media("audio", extras={"openai_chat": {"expires_at": 9}})
    parts = (
        Text("a", (Logprob("a", -1),), (Citation("u"),)),
        Refusal("b"),
        ToolCall("c", "f"),
        ToolCall("d", "g", custom=True),
        sound,
    )
    reply = Reply(
        choices=(Choice(parts, Finish(Stop.LENGTH)),), usage=Usage(1, 2, 3, 4, 5)
    )

    typed = ChatCompletion.model_validate_json(write_reply(reply, CONTEXT).body)

    assert typed.choices[0].finish_reason == "length"
    assert typed.usage is not None
    assert typed.usage.prompt_tokens == 6


def test_losses() -> None:
    """What no member can hold is named."""
    parts: tuple[Part, ...] = (
        Opaque("anthropic", {}),
        Media("image", "image/png", "QQ==", signature=Signature("gemini", "v")),
        Text("a", extras={"anthropic": {"x": 1}}),
        Thinking("b", Signature("anthropic", "v"), extras={"anthropic": {"y": 1}}),
        ToolResult("c"),
    )
    reply = Reply(choices=(Choice(parts),), extras={"anthropic": {"z": 1}})

    losses = write_reply(reply, CONTEXT).losses

    assert [loss.path for loss in losses] == [
        "z",
        "choices[0].parts[0]",
        "choices[0].parts[1].signature",
        "choices[0].parts[2].x",
        "choices[0].parts[4]",
    ]


def test_what_compatible_servers_added() -> None:
    """Pictures, seals, a deprecated call, the stop sequence: clients know them."""
    seal = Signature("gemini", "v")
    legacy = {"openai_chat": {"function_call": None}}
    parts: tuple[Part, ...] = (
        Text("a", signature=seal),
        Media("image", url="u"),
        ToolCall("c", "f", "{}", extras=legacy),
    )
    finish = Finish(Stop.SEQUENCE, "stop", "END")

    (choice,) = write(Reply(choices=(Choice(parts, finish),)))["choices"]

    assert choice["stop_reason"] == "END"
    assert choice["message"] == {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "images": [{"type": "image_url", "image_url": {"url": "u"}}],
        "function_call": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "gemini:v"}},
    }


def test_json_and_bytes_agree() -> None:
    rendered = write_reply(Reply("r", choices=(Choice((Text("a"),)),)), CONTEXT)

    assert json.loads(rendered.body) == rendered.json
