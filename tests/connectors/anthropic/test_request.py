"""Requests of other dialects, in Anthropic's words; each change is a loss."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.anthropic.request import write_count, write_request
from gateway.domain.loss import Grade
from gateway.domain.parts import Opaque, Text
from gateway.domain.request import (
    OutputFormat,
    Reasoning,
    Request,
    Role,
    Sampling,
    Tool,
    ToolChoice,
    Turn,
)

ASK = Turn(Role.USER, (Text("Hi"),), bare=True)
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
A, D, R = Grade.APPROXIMATE, Grade.DROPPED, Grade.REFUSED


def request(model: str = "claude-sonnet-4-5", **members: Any) -> Request:
    members.setdefault("sampling", Sampling(max_tokens=100))
    members.setdefault("turns", (ASK,))
    return Request(model, **members)


def written(**members: Any) -> tuple[dict[str, Any], dict[str, Grade]]:
    """Return the body without what every body has, and the losses by path."""
    found = write_request(request(**members))
    body = {
        k: v
        for k, v in found.body.items()
        if k not in ("model", "messages", "max_tokens")
    }
    return body, {loss.path: loss.grade for loss in found.losses}


def test_plain() -> None:
    """A question needs no more than this, and loses nothing."""
    found = write_request(request())

    assert found.body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert found.losses == ()


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-3-opus-20240229", 4096),
        ("claude-3-5-haiku-latest", 8192),
        ("claude-opus-4-20250514", 32000),
        ("claude-opus-5-5", 32000),
        ("deepseek-chat", 8192),
    ],
)
def test_no_limit(model: str, most: int) -> None:
    """The provider needs a limit, so one is said that the model allows."""
    found = write_request(request(model, sampling=Sampling()))

    assert found.body["max_tokens"] == most
    assert [loss.path for loss in found.losses] == ["sampling.max_tokens"]


def test_stream() -> None:
    assert written(stream=True)[0] == {"stream": True}


# -- how tokens are drawn ------------------------------------------------------
def drawn(model: str, **members: Any) -> tuple[dict[str, Any], dict[str, Grade]]:
    return written(model=model, sampling=Sampling(max_tokens=100, **members))


def test_temperature() -> None:
    """OpenAI's goes to 2; more than 1 is said as 1, and reported."""
    assert drawn("claude-3-opus", temperature=0.5, top_p=0.9, top_k=5) == (
        {"temperature": 0.5, "top_p": 0.9, "top_k": 5},
        {},
    )
    assert drawn("claude-3-opus", temperature=1.5) == (
        {"temperature": 1},
        {"sampling.temperature": A},
    )


def test_temperature_or_top_p() -> None:
    """Models since Opus 4.1 take one of the two."""
    assert drawn("claude-opus-4-1", temperature=0.5, top_p=0.9) == (
        {"temperature": 0.5},
        {"sampling.top_p": D},
    )
    assert drawn("claude-opus-4-1", top_p=0.9) == ({"top_p": 0.9}, {})


def test_models_that_draw_as_they_like() -> None:
    """Models since Opus 4.7 refuse all three."""
    assert drawn("claude-opus-4-7", temperature=0, top_p=1, top_k=5) == (
        {},
        {"sampling.temperature": D, "sampling.top_p": D, "sampling.top_k": D},
    )


def test_drawing_while_thinking() -> None:
    body, losses = written(
        reasoning=Reasoning(budget=2000),
        sampling=Sampling(max_tokens=9000, temperature=0.2, top_k=5),
    )
    assert body.keys() == {"thinking"}
    assert losses == {"sampling.temperature": D, "sampling.top_k": D}
    body, losses = written(
        reasoning=Reasoning(budget=2000),
        sampling=Sampling(max_tokens=9000, temperature=1),
    )
    assert body["temperature"] == 1
    assert losses == {}


def test_unknown_sampling() -> None:
    """What the provider has no member for is dropped; more answers are refused."""
    assert drawn(
        "claude-sonnet-4-5",
        n=2,
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logprobs=True,
        top_logprobs=2,
        verbosity="low",
    ) == (
        {},
        {
            "sampling.n": R,
            "sampling.seed": D,
            "sampling.presence_penalty": D,
            "sampling.frequency_penalty": D,
            "sampling.logprobs": D,
            "sampling.top_logprobs": D,
            "sampling.verbosity": D,
        },
    )
    nothing = {"n": 1, "presence_penalty": 0, "logprobs": False, "verbosity": "medium"}
    assert drawn("claude-sonnet-4-5", **nothing) == ({}, {})


def test_stop_sequences() -> None:
    """The provider refuses those of white space; without it the answer runs on."""
    assert drawn("claude-x", stop=("END", "\n")) == (
        {"stop_sequences": ["END"]},
        {"sampling.stop": R},
    )
    assert drawn("claude-x", stop=("\n",)) == ({}, {"sampling.stop": R})


# -- what the answer looks like ------------------------------------------------
def test_schema() -> None:
    form = OutputFormat("schema", SCHEMA, strict=True)

    assert written(output_format=form) == (
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {},
    )


def test_schema_with_more() -> None:
    """What names and describes the schema has no place; strictness is always on."""
    odd = {"type": "integer", "minimum": 1}
    form = OutputFormat("schema", odd, "answer", "A number.", strict=False)

    body, losses = written(output_format=form)

    assert body["output_config"]["format"]["schema"] == {
        "type": "integer",
        "description": "minimum: 1",
    }
    assert losses == {
        "output_format.schema/minimum": A,
        "output_format.name": D,
        "output_format.description": D,
        "output_format.strict": A,
    }


def test_json_without_schema() -> None:
    assert written(output_format=OutputFormat("json")) == ({}, {"output_format": A})
    assert written(output_format=OutputFormat("text")) == ({}, {})


# -- tools ---------------------------------------------------------------------
TOOL = Tool("weather", "Tells it.", {"properties": {}}, strict=None)


def test_tools() -> None:
    """The schema of the arguments has to be that of an object."""
    assert written(tools=(TOOL, Tool("time"))) == (
        {
            "tools": [
                {
                    "name": "weather",
                    "description": "Tells it.",
                    "input_schema": {"type": "object", "properties": {}},
                },
                {"name": "time", "input_schema": {"type": "object"}},
            ]
        },
        {},
    )


def test_strict_tool() -> None:
    """A strict tool's schema is made a grammar of, too."""
    odd = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}

    body, losses = written(tools=(Tool("n", schema=odd, strict=True),))

    (tool,) = body["tools"]
    assert tool["strict"] is True
    assert tool["input_schema"]["properties"]["a"]["description"] == "maxLength: 3"
    assert losses == {
        "tools[0].schema/properties/a/maxLength": A,
        "tools[0].schema/additionalProperties": A,
    }


def test_tools_of_others() -> None:
    """Free text is an argument; another provider's tool and other names are none."""
    tools = (
        Tool("shell", custom=True),
        Opaque("gemini", {"googleSearch": {}}),
        Tool("a.b"),
        Tool("a" * 129),
        Opaque("anthropic", {"type": "web_search_20250305", "name": "web_search"}),
    )

    body, losses = written(tools=tools)

    names = ["shell", "a.b", "a" * 129, "web_search"]
    assert [tool["name"] for tool in body["tools"]] == names
    assert body["tools"][0]["input_schema"]["required"] == ["input"]
    assert losses == {
        "tools[0].custom": A,
        "tools[1]": D,
        "tools[2].name": R,
        "tools[3].name": R,
    }


@pytest.mark.parametrize(
    ("choice", "json"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("none"), {"type": "none"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("named", ("weather",)), {"type": "tool", "name": "weather"}),
        (ToolChoice("named"), {"type": "tool", "name": ""}),
    ],
)
def test_tool_choice(choice: ToolChoice, json: Any) -> None:
    body, losses = written(tools=(TOOL,), tool_choice=choice)

    assert body["tool_choice"] == json
    assert losses == {}


def test_some_tools() -> None:
    """Where only some may be called, the others are not offered."""
    choice = ToolChoice("required", ("time",))

    body, losses = written(tools=(TOOL, Tool("time")), tool_choice=choice)

    assert [tool["name"] for tool in body["tools"]] == ["time"]
    assert body["tool_choice"] == {"type": "any"}
    assert losses == {"tool_choice.names": A}


def test_choice_without_tools() -> None:
    """The provider refuses one; a call that must be made cannot be."""
    assert written(tool_choice=ToolChoice("auto"), parallel_tools=False) == ({}, {})
    assert written(tool_choice=ToolChoice("required")) == ({}, {"tool_choice": R})


def test_parallel_tools() -> None:
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    none = {"type": "none"}

    assert written(tools=(TOOL,), parallel_tools=False)[0]["tool_choice"] == alone
    assert "tool_choice" not in written(tools=(TOOL,), parallel_tools=True)[0]
    body, _ = written(
        tools=(TOOL,), tool_choice=ToolChoice("none"), parallel_tools=False
    )
    assert body["tool_choice"] == none


def test_cache_marks() -> None:
    """OpenRouter's clients mark what is to be cached in the same words."""
    mark = {"openai_chat": {"cache_control": {"type": "ephemeral"}}}
    turn = Turn(Role.USER, (Text("Hi", extras=mark),), bare=False)

    found = write_request(
        request(turns=(turn,), tools=(Tool("n", extras=mark), Tool("m")))
    )

    assert found.body["messages"][0]["content"][0]["cache_control"] == {
        "type": "ephemeral"
    }
    assert found.body["tools"][0]["cache_control"] == {"type": "ephemeral"}
    assert found.losses == ()


# -- the rest ------------------------------------------------------------------
def test_user_and_metadata() -> None:
    assert written(user="u1", metadata={"a": "b"}) == (
        {"metadata": {"user_id": "u1"}},
        {"metadata": D},
    )
    assert written(user="u" * 257) == ({}, {"user": D})


@pytest.mark.parametrize(
    ("tier", "word", "losses"),
    [
        ("auto", "auto", {}),
        ("default", "standard_only", {"service_tier": A}),
        ("flex", None, {"service_tier": D}),
    ],
)
def test_service_tier(tier: str, word: str | None, losses: Any) -> None:
    body, found = written(service_tier=tier)

    assert body.get("service_tier") == word
    assert found == losses


def test_foreign_members() -> None:
    """What only another dialect knows is reported."""
    extras = {"gemini": {"cachedContent": "c", "safetySettings": []}}

    assert written(extras=extras) == ({}, {"cachedContent": R, "safetySettings": D})


def test_count() -> None:
    """Counting takes what is read, and not how the answer is to be made."""
    found = write_count(
        request(
            user="u",
            stream=True,
            service_tier="auto",
            tools=(TOOL,),
            sampling=Sampling(temperature=2, stop=("\n", "a"), n=3),
        )
    )

    assert found.body.keys() == {"model", "messages", "tools"}
    assert found.losses == ()


def test_own_count() -> None:
    extras = {"anthropic": {"cache_control": {"type": "ephemeral"}}}
    found = write_count(request(sampling=Sampling(), extras=extras))

    assert found.body.keys() == {"model", "messages", "cache_control"}
