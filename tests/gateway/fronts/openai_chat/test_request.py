from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequestError
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
from gateway.fronts.base import Ask
from gateway.fronts.openai_chat.request import read_request as read_body

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
TURNS = (Turn(Role.USER, (Text("Hello"),), bare=True),)
WEATHER = {"type": "function", "function": {"name": "weather"}}
MATHS = {"type": "custom", "custom": {"name": "maths"}}
TOOLS = (Tool("weather"), Tool("maths", custom=True))


def read_request(body: bytes) -> Request:
    return read_body(body, Ask("m", False))


def read(**members: Any) -> Request:
    body = {"model": "m", "messages": HELLO} | members
    return read_request(json.dumps(body).encode())


def refused(**members: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as raised:
        read(**members)
    return raised.value


def test_least() -> None:
    assert read() == Request("m", TURNS)


def test_sampling() -> None:
    """Every member that steers the choice of tokens is read."""
    members = {
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 40,
        "max_completion_tokens": 9,
        "stop": ["a", "b"],
        "n": 2,
        "seed": -(2**70),
        "presence_penalty": -1,
        "frequency_penalty": 1.5,
        "logprobs": True,
        "top_logprobs": 0,
        "verbosity": "low",
    }

    assert read(**members) == Request(
        "m",
        TURNS,
        sampling=Sampling(
            temperature=0,
            top_p=0.5,
            top_k=40,
            max_tokens=9,
            stop=("a", "b"),
            n=2,
            seed=-(2**70),
            presence_penalty=-1,
            frequency_penalty=1.5,
            logprobs=True,
            top_logprobs=0,
            verbosity="low",
        ),
        extras={"openai_chat": {"max_completion_tokens": None, "top_k": None}},
    )


def test_older_spellings_ride_along() -> None:
    """A writer of the dialect can say a member by the name that the client used."""
    request = read(max_tokens=5, stop="x")

    assert request.sampling == Sampling(max_tokens=5, stop=("x",))
    assert request.extras == {"openai_chat": {"max_tokens": 5, "stop": "x"}}


def test_newer_limit_wins() -> None:
    request = read(max_tokens=5, max_completion_tokens=7)

    assert request.sampling.max_tokens == 7
    forms = {"max_tokens": 5, "max_completion_tokens": None}
    assert request.extras == {"openai_chat": forms}


def test_streaming() -> None:
    request = read(
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
    )

    assert request.stream
    assert request.include_usage
    rest = {"stream_options": {"include_obfuscation": False}}
    assert request.extras == {"openai_chat": rest}


def test_unknown_members_ride_along() -> None:
    """Nothing is dropped: what is not modelled, and what is null, is kept."""
    members = {
        "logit_bias": {"5": -100},
        "temperature": None,
        "made_up": [1, {"big": 2**80}],
    }

    assert read(**members) == Request("m", TURNS, extras={"openai_chat": members})


def test_reasoning_and_user() -> None:
    request = read(reasoning_effort="xhigh", user="u1", parallel_tool_calls=False)

    said = {"openai_chat": {"reasoning_effort": None}}
    assert request.reasoning == Reasoning(effort="xhigh", extras=said)
    assert request.user == "u1"
    assert request.parallel_tools is False


def test_labels() -> None:
    request = read(service_tier="flex", metadata={"a": "b"})

    assert request.service_tier == "flex"
    assert request.metadata == {"a": "b"}
    assert request.extras == {"openai_chat": {"service_tier": None, "metadata": None}}


def test_model_of_the_path() -> None:
    """A path that names the model does so for a body that does not."""
    body = json.dumps({"messages": HELLO}).encode()

    assert read_body(body, Ask("named", stream=False)).model == "named"


@pytest.mark.parametrize(
    ("members", "wanted", "forms"),
    [
        (
            {"reasoning": {"effort": "low", "max_tokens": 9, "exclude": True}},
            Reasoning("low", 9),
            {"reasoning": {"exclude": True}},
        ),
        (
            {"reasoning": {"enabled": True}},
            Reasoning(enabled=True),
            {"reasoning": None},
        ),
        (
            {"reasoning_effort": "high", "reasoning": {"effort": "low"}},
            Reasoning("high"),
            {"reasoning_effort": None, "reasoning": {"effort": "low"}},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            Reasoning(budget=9, enabled=True),
            {"thinking": None},
        ),
        (
            {"thinking": {"type": "disabled", "x": 1}},
            Reasoning(enabled=False),
            {"thinking": {"x": 1}},
        ),
        (
            {"reasoning": {"enabled": False}, "thinking": {"type": "adaptive"}},
            Reasoning(enabled=False),
            {"reasoning": None},
        ),
        ({"reasoning": "deep", "thinking": 5}, Reasoning(), {}),
    ],
)
def test_ways_to_ask_for_thought(
    members: dict[str, Any], wanted: Reasoning, forms: dict[str, Any]
) -> None:
    """Those of compatible servers are read, and told apart for the way back."""
    request = read(**members)

    said = {"openai_chat": forms} if forms else {}
    assert request.reasoning == evolve(wanted, extras=said)
    left = request.extras.get("openai_chat", {})
    assert left == {k: v for k, v in members.items() if k not in forms}


@pytest.mark.parametrize("kind", ["web_search", "openrouter:web_search"])
def test_tools_of_a_server(kind: str) -> None:
    tool = {"type": kind, "x": 1}

    assert read(tools=[tool]).tools == (Opaque("openai_chat", tool),)


def test_tools() -> None:
    """Functions and custom tools are read with all that describes them."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
    request = read(
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "d",
                    "parameters": schema,
                    "strict": True,
                    "x": 1,
                },
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "custom", "custom": {"name": "maths", "format": grammar}},
        ]
    )

    extras = {"cache_control": {"type": "ephemeral"}, "function": {"x": 1}}
    assert request.tools == (
        Tool("weather", "d", schema, True, extras={"openai_chat": extras}),
        Tool("maths", custom=True, format=grammar),
    )


@pytest.mark.parametrize(
    ("json", "choice"),
    [
        ("none", ToolChoice("none")),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ("any", ToolChoice("required", extras={"openai_chat": {"any": None}})),
        (WEATHER, ToolChoice("named", ("weather",))),
        (MATHS, ToolChoice("named", ("maths",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [WEATHER, MATHS]},
                "x": 1,
            },
            ToolChoice(
                "required",
                ("weather", "maths"),
                {"openai_chat": {"allowed_tools": None, "x": 1}},
            ),
        ),
    ],
)
def test_tool_choice(json: Any, choice: ToolChoice) -> None:
    assert read(tools=[WEATHER, MATHS], tool_choice=json).tool_choice == choice


@pytest.mark.parametrize(
    ("json", "wanted"),
    [
        ({"type": "text"}, OutputFormat("text")),
        ({"type": "json_object"}, OutputFormat("json")),
        (
            {
                "type": "json_schema",
                "json_schema": {
                    "name": "n",
                    "description": "d",
                    "schema": {"type": "object"},
                    "strict": True,
                },
            },
            OutputFormat("schema", {"type": "object"}, "n", "d", True),
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "strict": None}},
            OutputFormat(
                "schema",
                name="n",
                extras={"openai_chat": {"json_schema": {"strict": None}}},
            ),
        ),
    ],
)
def test_output_format(json: Any, wanted: OutputFormat) -> None:
    assert read(response_format=json).output_format == wanted


@pytest.mark.parametrize(
    ("members", "param", "why"),
    [
        ({"model": 5}, "model", "expected a string, got a number"),
        ({"messages": []}, "messages", "one message or more"),
        ({"messages": "Hello"}, "messages", "expected a list, got a string"),
        ({"temperature": "0.5"}, "temperature", "expected a number, got a string"),
        ({"temperature": True}, "temperature", "got true"),
        ({"n": 0}, "n", "expected an integer from 1 up, got 0"),
        ({"max_tokens": 0}, "max_tokens", "from 1 up"),
        ({"stream": "yes"}, "stream", "expected true or false"),
        ({"stream_options": True}, "stream_options", "expected an object"),
        (
            {"stream_options": {"include_usage": 1}},
            "stream_options.include_usage",
            "true or false",
        ),
        ({"stop": 5}, "stop", "a string or a list of strings"),
        ({"stop": ["a", 5]}, "stop[1]", "expected a string, got a number"),
        ({"stop": ["a", ""]}, "stop[1]", "not empty"),
        ({"stop": ""}, "stop", "not empty"),
        ({"functions": [{"name": "f"}]}, "functions", "use tools"),
        ({"function_call": "auto"}, "function_call", "use tool_choice"),
        ({"tools": {}}, "tools", "expected a list, got an object"),
        ({"tools": [1]}, "tools[0]", "expected an object"),
        ({"tools": [{"type": "magic"}]}, "tools[0].type", "function, custom, got"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "it is missing"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "strict": 1}}]},
            "tools[0].function.strict",
            "true or false",
        ),
        (
            {"tools": [{"type": "custom", "custom": {"name": "f", "format": "x"}}]},
            "tools[0].custom.format",
            "an object",
        ),
        ({"tool_choice": "all"}, "tool_choice", 'none, auto, required, got "all"'),
        ({"tool_choice": 1}, "tool_choice", "a string or an object"),
        ({"tool_choice": {}}, "tool_choice.type", "it is missing"),
        (
            {"tool_choice": WEATHER},
            "tool_choice.function.name",
            "the name of an offered function tool",
        ),
        (
            {
                "tools": [WEATHER],
                "tool_choice": {"type": "custom", "custom": {"name": "weather"}},
            },
            "tool_choice.custom.name",
            "the name of an offered custom tool",
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "all"},
                }
            },
            "tool_choice.allowed_tools.mode",
            "one of auto, required",
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]},
                }
            },
            "tool_choice.allowed_tools.tools[0].function",
            "it is missing",
        ),
        (
            {"response_format": {"type": "xml"}},
            "response_format.type",
            "json_schema, got",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "response_format.json_schema.name",
            "it is missing",
        ),
        ({"reasoning_effort": 5}, "reasoning_effort", "a string"),
        ({"user": {}}, "user", "a string"),
    ],
)
def test_mistakes(members: dict[str, Any], param: str, why: str) -> None:
    """A mistake is named by its JSON path, with what was expected there."""
    error = refused(**members)

    assert error.param == param
    assert error.message.startswith(param)
    assert why in error.message


def test_strange_strings() -> None:
    """Lone surrogates and huge integers come through."""
    body = rb"""{"model": "m", "messages": [{"role": "user", "content": "a\ud800"}],
                "seed": 123456789012345678901234567890}"""

    request = read_request(body)

    assert request.turns[0].parts == (Text("a\ud800"),)
    assert request.sampling.seed == 123456789012345678901234567890


RICH: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s", "name": "n"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}},
                {"type": "file", "file": {"file_data": "d", "filename": "f"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "r"}],
            "reasoning_content": "r",
            "refusal": "r",
            "audio": {"id": "a"},
            "function_call": {"name": "f", "arguments": "{}"},
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "f", "arguments": ""},
                },
                {"id": "2", "type": "custom", "custom": {"name": "c", "input": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "ok"},
        {"role": "function", "name": "f", "content": None},
    ],
    "tools": [WEATHER, {"type": "custom", "custom": {"name": "c", "format": {}}}],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [WEATHER]},
    },
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {}},
    },
    "stop": ["a"],
    "n": 1,
    "temperature": 0.5,
    "stream": True,
    "stream_options": {"include_usage": True},
}


def places(json: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all that is inside of *json*."""
    match json:
        case dict():
            inner = list(json.items())
        case list():
            inner = list(enumerate(json))
        case _:
            inner = []
    return [p for k, v in inner for p in [(*path, k), *places(v, (*path, k))]]


words = st.sampled_from(
    ["", "user", "assistant", "function", "custom", "text", "\ud800"]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | words,
    lambda v: (
        st.lists(v, max_size=2)
        | st.dictionaries(
            words | st.sampled_from(["type", "role", "content", "url"]), v
        )
    ),
    max_leaves=6,
)


def survives(body: bytes) -> None:
    try:
        read_request(body)
    except InvalidRequestError as error:
        message = error.message
    else:
        message = ""
    assert message.isascii()


def test_rich_request_is_legal() -> None:
    """The fuzzing below starts from something that is read."""
    assert len(read(**RICH).turns) == 5


@given(st.sampled_from(places(RICH)), values)
def test_any_value_anywhere(path: tuple[Any, ...], value: Any) -> None:
    """A wrong value, wherever it stands, is a client's mistake and nothing worse."""
    body = deepcopy(RICH)
    inner: Any = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value

    survives(json.dumps(body).encode())


@given(values)
def test_any_json(value: Any) -> None:
    survives(json.dumps(value).encode())


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    survives(body)
