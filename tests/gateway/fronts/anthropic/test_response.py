"""Whole answers in Anthropic's form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from gateway.domain.events import BlockStart, ReplyStart
from gateway.domain.loss import Grade
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
from gateway.fronts.anthropic.front import FRONT
from gateway.fronts.base import Ask, Context

CONTEXT = Context(Ask("m", stream=False), created=1, name="abc")
END = Finish(Stop.END, "stop")


def written(*parts: Part, finish: Finish | None = END, **members: Any) -> Any:
    reply = Reply(choices=(Choice(parts, finish),), **members)
    rendered = FRONT.write_reply(reply, CONTEXT)
    assert json.loads(rendered.body) == rendered.json
    losses = {loss.path: loss.grade for loss in rendered.losses}
    return rendered.json, losses


def content(*parts: Part) -> tuple[list[Any], dict[str, Grade]]:
    json_, losses = written(*parts)
    return json_["content"], losses


@pytest.mark.parametrize("foreign", [False, True])
def test_name_of_the_model(foreign: bool) -> None:
    """
    Another dialect's provider is called as the client called it.

    Claude Code gives sealed thoughts back only where the names are the same.
    """
    context = evolve(CONTEXT, foreign=foreign)
    model = "m" if foreign else "x"

    rendered = FRONT.write_reply(Reply(model="x"), context)
    begun = FRONT.writer(context).feed([ReplyStart("r", "x"), BlockStart(0, Text())])

    assert rendered.json["model"] == model
    assert f'"model":"{model}"'.encode() in begun


def test_another_dialects_answer() -> None:
    """What the dialect needs and the answer does not bring is made up."""
    json_, losses = written(Text("Hi"))

    assert json_ == {
        "id": "msg_abc",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 0,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": None,
            "output_tokens": 0,
        },
    }
    assert losses == {}


def test_known_members() -> None:
    hit = Finish(Stop.SEQUENCE, "stop", "X")
    json_, _ = written(
        finish=hit, id="chatcmpl-1", model="gpt", usage=Usage(3, output=4)
    )

    assert (json_["id"], json_["model"]) == ("chatcmpl-1", "gpt")
    assert (json_["stop_reason"], json_["stop_sequence"]) == ("stop_sequence", "X")
    assert json_["usage"]["output_tokens"] == 4


def test_no_end_no_choice() -> None:
    """Nobody said how it ended, and no success is made of that."""
    assert written(finish=None)[0]["stop_reason"] == "other"
    rendered = FRONT.write_reply(Reply(), CONTEXT)
    assert rendered.json["content"] == []


def test_refusal() -> None:
    """Words of refusal are text, and the end says what they are."""
    json_, losses = written(Refusal("No."))

    assert json_["content"] == [{"type": "text", "text": "No."}]
    assert json_["stop_reason"] == "refusal"
    assert losses == {"choices[0].parts[0]": Grade.APPROXIMATE}
    length = Finish(Stop.LENGTH)
    assert written(Refusal("N"), finish=length)[0]["stop_reason"] == "max_tokens"


def test_thoughts() -> None:
    sealed = Thinking("b", Signature("gemini", "x"))

    assert content(Thinking("a"), sealed) == (
        [
            {"type": "thinking", "thinking": "a", "signature": ""},
            {"type": "thinking", "thinking": "b", "signature": "gemini:x"},
        ],
        {},
    )


def test_sealed_call() -> None:
    """A seal that the dialect has no slot for stands in a thought before."""
    blocks, losses = content(
        ToolCall("t", "n", "{}", signature=Signature("gemini", "x"))
    )

    assert blocks == [
        {"type": "thinking", "thinking": "", "signature": "next:gemini:x"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
    ]
    assert losses == {}


def test_calls() -> None:
    """An input has to be an object; one that is none is wrapped and reported."""
    blocks, losses = content(
        ToolCall("a", "n", '{"x": 1}'),
        ToolCall("b", "n", "{"),
        ToolCall("c", "n", "ls", custom=True),
    )

    assert [block["input"] for block in blocks] == [
        {"x": 1},
        {"INVALID_JSON": "{"},
        {"input": "ls"},
    ]
    assert losses == {
        "choices[0].parts[1].input": Grade.APPROXIMATE,
        "choices[0].parts[2].custom": Grade.APPROXIMATE,
    }


def test_citations_and_logprobs() -> None:
    """A page is cited; a source without a URL and logprobs have no place."""
    text = Text("a", (Logprob("a", -1.0),), (Citation("https://e.org"), Citation()))

    (block,), losses = content(text)

    assert [citation["url"] for citation in block["citations"]] == ["https://e.org"]
    assert losses == {
        "choices[0].parts[0].logprobs": Grade.DROPPED,
        "choices[0].parts[0].citations": Grade.DROPPED,
    }


@pytest.mark.parametrize(
    "part", [Media("audio", data="x"), Opaque("gemini", {}), ToolResult("t")]
)
def test_what_has_no_place(part: Part) -> None:
    assert content(part) == ([], {"choices[0].parts[0]": Grade.DROPPED})


def test_own_members() -> None:
    """What is of this dialect stands where it stood; an opaque block is whole."""
    use = {"type": "server_tool_use", "id": "s", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": '{"q": 1}'}
    parts = (Opaque("anthropic", use, (delta,)), Opaque("anthropic", {"type": "x"}))
    choice = Choice(parts, END, {"anthropic": {"container": None}})
    extras = {"anthropic": {"diagnostics": 1}, "openai_chat": {"system_fingerprint": 2}}

    rendered = FRONT.write_reply(
        Reply(choices=(choice, choice), extras=extras), CONTEXT
    )

    assert rendered.json["content"] == [{**use, "input": {"q": 1}}, {"type": "x"}]
    assert (rendered.json["container"], rendered.json["diagnostics"]) == (None, 1)
    assert [loss.path for loss in rendered.losses] == [
        "system_fingerprint",
        "choices[1]",
    ]
