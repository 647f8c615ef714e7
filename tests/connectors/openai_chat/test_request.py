"""Requests of any dialect, in the words of a chat server."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from connectors.openai_chat.request import write_request
from connectors.openai_chat.words import COMPATIBLE, OPENAI, Words
from gateway.domain.loss import Grade, Loss
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

HELLO = Turn(Role.USER, (Text("Hello"),))
LEAST = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def own(**members: Any) -> dict[str, Any]:
    return {"openai_chat": members}


def write(words: Words = COMPATIBLE, **members: Any) -> tuple[dict[str, Any], Any]:
    """Return what is written beside the least, and the losses."""
    written = write_request(Request("m", (HELLO,), **members), words)
    body = written.body
    assert body.items() >= LEAST.items()
    return {k: v for k, v in body.items() if k not in LEAST}, told(written.losses)


def told(losses: tuple[Loss, ...]) -> list[tuple[str, Grade]]:
    return [(loss.path, loss.grade) for loss in losses]


def test_long_user() -> None:
    """OpenAI refuses more than 64 characters; a digest tells users apart as well."""
    body, losses = write(user="u" * 64)
    assert (body["user"], losses) == ("u" * 64, [])

    body, losses = write(user="u" * 65)
    assert len(body["user"]) == 64
    assert body["user"] != "u" * 64
    assert losses == [("user", Grade.APPROXIMATE)]


def test_least() -> None:
    assert write() == ({}, [])


def test_sampling() -> None:
    sampling = Sampling(
        temperature=0,
        top_p=0.5,
        top_k=40,
        max_tokens=9,
        stop=("a",),
        n=2,
        seed=3,
        presence_penalty=-1,
        frequency_penalty=1.5,
        logprobs=True,
        top_logprobs=0,
        verbosity="low",
    )

    body, losses = write(sampling=sampling)

    assert losses == []
    assert body == {
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 40,
        "max_tokens": 9,
        "stop": ["a"],
        "n": 2,
        "seed": 3,
        "presence_penalty": -1,
        "frequency_penalty": 1.5,
        "logprobs": True,
        "top_logprobs": 0,
        "verbosity": "low",
    }


@pytest.mark.parametrize(
    ("words", "said", "body"),
    [
        (COMPATIBLE, {}, {"max_tokens": 9}),
        (OPENAI, {}, {"max_completion_tokens": 9}),
        (OPENAI, {"max_tokens": 9}, {"max_tokens": 9}),
        (COMPATIBLE, {"max_completion_tokens": None}, {"max_completion_tokens": 9}),
        (
            COMPATIBLE,
            {"max_completion_tokens": None, "max_tokens": 5},
            {"max_completion_tokens": 9, "max_tokens": 5},
        ),
    ],
)
def test_names_of_the_limit(
    words: Words, said: dict[str, Any], body: dict[str, Any]
) -> None:
    """As the client said it, else as the server knows it."""
    extras = own(**said) if said else {}

    assert write(words, sampling=Sampling(max_tokens=9), extras=extras) == (body, [])


def test_bare_stop() -> None:
    one = write(sampling=Sampling(stop=("x",)), extras=own(stop="x"))

    assert one == ({"stop": "x"}, [])


def test_top_k_of_others() -> None:
    """OpenAI has none; a client who said it all the same is taken at its word."""
    sampling = Sampling(top_k=5)

    other = write(OPENAI, sampling=sampling)
    same = write(OPENAI, sampling=sampling, extras=own(top_k=None))

    assert other == ({}, [("sampling.top_k", Grade.DROPPED)])
    assert same == ({"top_k": 5}, [])


@pytest.mark.parametrize(
    ("words", "reasoning", "body", "losses"),
    [
        (COMPATIBLE, Reasoning("low"), {"reasoning_effort": "low"}, []),
        (
            COMPATIBLE,
            Reasoning("xhigh"),
            {"reasoning_effort": "high"},
            [("reasoning.effort", Grade.APPROXIMATE)],
        ),
        (OPENAI, Reasoning("max"), {"reasoning_effort": "max"}, []),
        (COMPATIBLE, Reasoning("novel"), {"reasoning_effort": "novel"}, []),
        (
            COMPATIBLE,
            Reasoning(budget=1000, enabled=True),
            {"reasoning_effort": "low"},
            [("reasoning.budget", Grade.APPROXIMATE)],
        ),
        (
            COMPATIBLE,
            Reasoning("high", budget=9, summary="auto"),
            {"reasoning_effort": "high"},
            [
                ("reasoning.summary", Grade.DROPPED),
                ("reasoning.budget", Grade.DROPPED),
            ],
        ),
        (
            COMPATIBLE,
            Reasoning(enabled=False),
            {},
            [("reasoning.enabled", Grade.DROPPED)],
        ),
    ],
)
def test_reasoning(
    words: Words,
    reasoning: Reasoning,
    body: dict[str, Any],
    losses: list[tuple[str, Grade]],
) -> None:
    """What other dialects say is said as an effort."""
    assert write(words, reasoning=reasoning) == (body, losses)


@pytest.mark.parametrize(
    ("reasoning", "said", "body"),
    [
        (
            Reasoning("low", 9),
            {"reasoning": {"exclude": True}},
            {"reasoning": {"effort": "low", "max_tokens": 9, "exclude": True}},
        ),
        (
            Reasoning("low", enabled=True),
            {"reasoning_effort": None, "reasoning": None},
            {"reasoning_effort": "low", "reasoning": {"enabled": True}},
        ),
        (
            Reasoning(budget=9, enabled=True),
            {"thinking": None},
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
        ),
        (
            Reasoning(enabled=False),
            {"reasoning": {"x": 1}, "thinking": {"y": 1}},
            {"reasoning": {"x": 1}, "thinking": {"type": "disabled", "y": 1}},
        ),
    ],
)
def test_reasoning_as_it_was_said(
    reasoning: Reasoning, said: dict[str, Any], body: dict[str, Any]
) -> None:
    """Each compatible server has its own way, and its clients know it."""
    assert write(reasoning=evolve(reasoning, extras=own(**said))) == (body, [])


@pytest.mark.parametrize(
    ("form", "json"),
    [
        (OutputFormat("text"), {"type": "text"}),
        (OutputFormat("json"), {"type": "json_object"}),
        (
            OutputFormat("schema", {"type": "object"}, "n", "d", True),
            {
                "type": "json_schema",
                "json_schema": {
                    "name": "n",
                    "description": "d",
                    "schema": {"type": "object"},
                    "strict": True,
                },
            },
        ),
        (
            OutputFormat("schema", {}, extras=own(json_schema={"x": 1})),
            {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": {}, "x": 1},
            },
        ),
    ],
)
def test_output_format(form: OutputFormat, json: dict[str, Any]) -> None:
    """A schema has to have a name."""
    assert write(output_format=form) == ({"response_format": json}, [])


def test_stream() -> None:
    """Token counts are always asked for; they are for the ledger, too."""
    extras = own(stream_options={"include_obfuscation": False})

    body, _ = write(stream=True, extras=extras)

    options = {"include_usage": True, "include_obfuscation": False}
    assert body == {"stream": True, "stream_options": options}


def test_labels() -> None:
    """What OpenAI takes with stored answers only is not sent unasked."""
    members: dict[str, Any] = {
        "user": "u",
        "metadata": {"a": "b"},
        "service_tier": "scarce",
        "parallel_tools": False,
    }
    form = own(metadata=None, service_tier=None)

    said = {
        "user": "u",
        "metadata": {"a": "b"},
        "service_tier": "scarce",
        "parallel_tool_calls": False,
    }
    assert write(OPENAI, extras=form, **members) == (said, [])
    assert write(OPENAI, **members) == (
        {"user": "u", "parallel_tool_calls": False},
        [("metadata", Grade.DROPPED), ("service_tier", Grade.DROPPED)],
    )
    assert write(metadata={"a": "b"}, service_tier="flex") == (
        {"metadata": {"a": "b"}, "service_tier": "flex"},
        [],
    )


def test_members_of_responses() -> None:
    """Some mean the same in both dialects of OpenAI; the others are told."""
    extras = {
        "openai_responses": {
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "store": True,
            "truncation": "auto",
        }
    }

    assert write(extras=extras) == (
        {"prompt_cache_key": "k", "safety_identifier": "s"},
        [("truncation", Grade.DROPPED)],
    )


def test_own_members_come_back() -> None:
    """Unknown ones, and nulls, for the server that knows them."""
    members = {"logit_bias": {"5": 1}, "made_up": None, "top_k": None}

    assert write(extras=own(**members)) == (members, [])


WEATHER = Tool("weather", "d", {"type": "object"}, strict=True)
MATHS = Tool("maths", custom=True, format={"type": "text"})
FUNCTION = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "d",
        "parameters": {"type": "object"},
        "strict": True,
    },
}
CUSTOM = {"type": "custom", "custom": {"name": "maths", "format": {"type": "text"}}}
SEARCH = Opaque("openai_chat", {"type": "web_search"})
FOREIGN = Opaque("anthropic", {"type": "bash"})


def test_tools() -> None:
    body, losses = write(
        tools=(evolve(WEATHER, extras=own(x=1)), MATHS, SEARCH, FOREIGN)
    )

    assert body == {"tools": [{**FUNCTION, "x": 1}, CUSTOM, {"type": "web_search"}]}
    assert losses == [("tools[3]", Grade.DROPPED)]


@pytest.mark.parametrize(
    ("choice", "json"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("auto"), "auto"),
        (ToolChoice("required"), "required"),
        (ToolChoice("required", extras=own(any=None)), "any"),
        (
            ToolChoice("named", ("weather",)),
            {"type": "function", "function": {"name": "weather"}},
        ),
        (
            ToolChoice("named", ("maths",), own(x=1)),
            {"type": "custom", "custom": {"name": "maths"}, "x": 1},
        ),
        (
            ToolChoice("auto", ("maths",), own(allowed_tools=None)),
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "custom", "custom": {"name": "maths"}}],
                },
            },
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, json: Any) -> None:
    body, losses = write(tools=(WEATHER, MATHS), tool_choice=choice)

    assert body == {"tools": [FUNCTION, CUSTOM], "tool_choice": json}
    assert losses == []


def test_some_tools_of_many() -> None:
    """Where a choice cannot name them, the others are not offered."""
    choice = ToolChoice("required", ("weather",))
    tools = (WEATHER, MATHS, SEARCH)

    body, losses = write(tools=tools, tool_choice=choice)
    named, none = write(OPENAI, tools=tools, tool_choice=choice)

    assert body == {"tools": [FUNCTION], "tool_choice": "required"}
    assert losses == [("tool_choice.names", Grade.APPROXIMATE)]
    assert named["tool_choice"]["type"] == "allowed_tools"
    assert none == []


def test_a_choice_without_tools() -> None:
    """A tool that must be called and cannot be offered refuses the request."""
    members: dict[str, Any] = {"tools": (FOREIGN,), "parallel_tools": True}

    body, losses = write(tool_choice=ToolChoice("required"), **members)
    free = write(tool_choice=ToolChoice("auto"), **members)

    assert body == {}
    assert free == ({}, [("tools[0]", Grade.DROPPED)])
    assert losses == [("tools[0]", Grade.DROPPED), ("tool_choice", Grade.REFUSED)]


def test_cache_marks() -> None:
    """OpenRouter takes Anthropic's; to others they are a loss."""
    mark = {"type": "ephemeral"}
    text = Text("Hello", extras={"anthropic": {"cache_control": mark}})
    request = Request("m", (Turn(Role.USER, (text,)),))

    passed = write_request(request, Words(cache_control=True))
    lost = write_request(request)

    part = {"type": "text", "text": "Hello", "cache_control": mark}
    assert passed.body["messages"] == [{"role": "user", "content": [part]}]
    assert passed.losses == ()
    assert told(lost.losses) == [("turns[0].parts[0].cache_control", Grade.DROPPED)]


def test_choice_among_no_tools() -> None:
    """A client of this dialect said it, and its server will answer to that."""
    assert write(tool_choice=ToolChoice("none")) == ({"tool_choice": "none"}, [])
    assert write(tool_choice=ToolChoice("named")) == (
        {"tool_choice": "named"},
        [("tool_choice", Grade.REFUSED)],
    )


def test_grammar_of_responses() -> None:
    """It is flat there, and nested here."""
    flat = {"type": "grammar", "syntax": "lark", "definition": "x"}
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}

    for form in (flat, nested):
        body, _ = write(tools=(Tool("t", custom=True, format=form),))
        assert body["tools"][0]["custom"]["format"] == nested


def test_refused_members() -> None:
    """What a server refuses is left out, and reported."""
    words = Words(lacks=("logit_bias", "logprobs", "parallel_tool_calls", "user"))

    body, losses = write(
        words,
        sampling=Sampling(logprobs=True, seed=7),
        parallel_tools=True,
        user="u",
    )

    assert body == {"seed": 7}
    assert losses == [
        ("sampling.logprobs", Grade.DROPPED),
        ("parallel_tools", Grade.DROPPED),
        ("user", Grade.DROPPED),
    ]
