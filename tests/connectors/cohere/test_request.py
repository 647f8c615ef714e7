from __future__ import annotations

from typing import Any

import pytest

from connectors.cohere.translator import TRANSLATOR
from gateway.domain.loss import Grade
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

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL = Tool("f", "does f", SCHEMA)


def write(*turns: Turn, **members: Any) -> tuple[dict[str, Any], dict[str, Grade]]:
    """Return the body, and the grades of the losses by their paths."""
    written = TRANSLATOR.write_request(Request("m", turns, **members))
    return written.body, {loss.path: loss.grade for loss in written.losses}


def user(*parts: Part) -> Turn:
    return Turn(Role.USER, parts)


def model(*parts: Part) -> Turn:
    return Turn(Role.ASSISTANT, parts)


HI = user(Text("hi"))


@pytest.mark.parametrize("stream", [True, False])
def test_least(stream: bool) -> None:
    assert write(HI, stream=stream) == (
        {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": stream,
        },
        {},
    )


def test_roles() -> None:
    """System messages stay where they stand; developers are the system here."""
    turns = [Turn(role, (Text(role.value),)) for role in Role if role is not Role.TOOL]

    body, losses = write(*turns)

    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "system"),
        ("system", "developer"),
        ("user", "user"),
        ("assistant", "assistant"),
    ]
    assert losses == {}


@pytest.mark.parametrize(
    ("turn", "content"),
    [
        (Turn(Role.USER, (Text("a"),), bare=True), "a"),
        (Turn(Role.USER, (Text("a"),), bare=False), [{"type": "text", "text": "a"}]),
        (
            user(Text("a"), Text("b")),
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        ),
    ],
    ids=["bare", "wrapped", "several"],
)
def test_content(turn: Turn, content: Any) -> None:
    """Parts stay apart, and a string that came as one stays one."""
    assert write(turn)[0]["messages"][0]["content"] == content


def test_pictures() -> None:
    body, losses = write(
        user(
            Media("image", "image/gif", "aGk=", detail="low"),
            Media("image", data="aGk="),
            Media("image", url="https://x.test/a.png"),
        )
    )

    assert [p["image_url"] for p in body["messages"][0]["content"]] == [
        {"url": "data:image/gif;base64,aGk=", "detail": "low"},
        {"url": "data:image/png;base64,aGk="},
        {"url": "https://x.test/a.png"},
    ]
    assert losses == {}


@pytest.mark.parametrize(
    "part",
    [
        Media("image", file_id="f1"),
        Media("audio", "audio/wav", "aGk="),
        Media("file", "application/pdf", "aGk="),
        Opaque("anthropic", {}),
        Thinking("no"),
    ],
    ids=lambda part: f"{type(part).__name__} {getattr(part, 'kind', '')}",
)
def test_what_a_user_cannot_send(part: Part) -> None:
    """Leaving it out would make it another question."""
    _, losses = write(user(Text("see"), part))

    assert losses == {"turns[0].parts[1]": Grade.REFUSED}


def test_calls_and_results() -> None:
    """Thoughts before calls are the plan; each result is a message of its own."""
    body, losses = write(
        model(Thinking("I"), Thinking("will"), ToolCall("c1", "f", '{"a":1}')),
        Turn(Role.TOOL, (ToolResult("c1", (Text("1"),)),)),
        model(Text("ok"), ToolCall("c2", "g")),
        user(
            ToolResult("c2", (Text("a"), Text("b")), error=True),
            ToolResult("c3", (Text("a"),), bare=False),
            Text("so?"),
        ),
    )

    a, b = {"type": "text", "text": "a"}, {"type": "text", "text": "b"}
    assert body["messages"] == [
        {
            "role": "assistant",
            "tool_plan": "I\nwill",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a":1}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {
            "role": "assistant",
            "content": "ok",
            "tool_calls": [
                {
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "g", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c2", "content": [a, b]},
        {"role": "tool", "tool_call_id": "c3", "content": [a]},
        {"role": "user", "content": "so?"},
    ]
    assert losses == {"turns[3].parts[0].error": Grade.DROPPED}


def test_picture_as_a_result() -> None:
    _, losses = write(user(ToolResult("c1", (Media("image", data="aGk="),))))

    assert losses == {"turns[0].parts[0].parts[0]": Grade.REFUSED}


def test_thoughts() -> None:
    """Without calls they are content; sealed ones only their issuer may see."""
    seal = Signature("anthropic", "s")

    body, losses = write(
        model(Thinking("hm"), Text("a")),
        model(Thinking("secret", seal)),
        model(Refusal("no")),
    )

    assert body["messages"] == [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "a"},
            ],
        },
        {"role": "assistant", "content": "no"},
    ]
    assert losses == {
        "turns[1].parts[0]": Grade.DROPPED,
        "turns[2].parts[0]": Grade.APPROXIMATE,
    }


def test_sampling() -> None:
    sampling = Sampling(
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        max_tokens=9,
        stop=("x",),
        seed=0,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
    )

    body, losses = write(HI, sampling=sampling)

    assert {
        n: v for n, v in body.items() if n not in ("model", "messages", "stream")
    } == {
        "temperature": 0.5,
        "p": 0.9,
        "k": 3,
        "max_tokens": 9,
        "stop_sequences": ["x"],
        "seed": 0,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logprobs": True,
    }
    assert losses == {}


def test_sampling_out_of_range() -> None:
    """What other providers take is brought into range, and said to be."""
    sampling = Sampling(
        temperature=1.7, top_p=1.0, frequency_penalty=-1.0, seed=-1, top_logprobs=2
    )

    body, losses = write(HI, sampling=sampling)

    assert (body["temperature"], body["p"], body["frequency_penalty"]) == (
        1.0,
        0.99,
        0.0,
    )
    assert "seed" not in body
    assert losses == {
        "sampling.temperature": Grade.APPROXIMATE,
        "sampling.top_p": Grade.APPROXIMATE,
        "sampling.frequency_penalty": Grade.APPROXIMATE,
        "sampling.seed": Grade.DROPPED,
        "sampling.top_logprobs": Grade.DROPPED,
    }


def test_own_members() -> None:
    own = {"documents": ["a"], "safety_mode": "OFF"}

    body, losses = write(HI, extras={"cohere": own, "gemini": {"safetySettings": []}})

    assert body["documents"] == ["a"]
    assert body["safety_mode"] == "OFF"
    assert losses == {"safetySettings": Grade.DROPPED}


def test_strict_tools() -> None:
    """All are strict if one is, and that is said of the others."""
    tools = (Tool("f", schema=SCHEMA, strict=True), Tool("g"), Opaque("gemini", {}))

    body, losses = write(HI, tools=tools)

    assert body["strict_tools"] is True
    assert losses == {"tools[1].strict": Grade.APPROXIMATE, "tools[2]": Grade.DROPPED}


def test_tools_of_others() -> None:
    """Free text becomes an argument; tools of a provider's own are left out."""
    tools = (Opaque("gemini", {"googleSearch": {}}), Tool("c", custom=True))

    body, losses = write(HI, tools=tools)

    (c,) = body["tools"]
    assert c["function"]["parameters"]["required"] == ["input"]
    assert losses == {"tools[0]": Grade.DROPPED, "tools[1].custom": Grade.APPROXIMATE}


@pytest.mark.parametrize(
    ("choice", "tools"),
    [
        (ToolChoice("required"), ()),
        (ToolChoice("required"), (Opaque("gemini", {}),)),
        (ToolChoice("named", ("web_search",)), (TOOL, Opaque("anthropic", {}))),
    ],
    ids=["none offered", "not offered", "by name"],
)
def test_choice_of_a_tool_of_others(
    choice: ToolChoice, tools: tuple[Tool | Opaque, ...]
) -> None:
    """What must be used and cannot be offered makes it another request."""
    _, losses = write(HI, tools=tools, tool_choice=choice)

    assert losses["tool_choice"] == Grade.REFUSED


@pytest.mark.parametrize("mode", ["auto", "none"])
def test_choice_without_tools(mode: Any) -> None:
    """Where none must be used nothing is lost."""
    _, losses = write(HI, tool_choice=ToolChoice(mode))

    assert losses == {}


@pytest.mark.parametrize(
    ("choice", "word", "names", "losses"),
    [
        (None, None, ["f", "g"], {}),
        (ToolChoice("auto"), None, ["f", "g"], {}),
        (ToolChoice("none"), "NONE", ["f", "g"], {}),
        (ToolChoice("required"), "REQUIRED", ["f", "g"], {}),
        (ToolChoice("required", ("g",)), "REQUIRED", ["g"], {}),
        (
            ToolChoice("named", ("f",)),
            "REQUIRED",
            ["f"],
            {"tool_choice": "approximate"},
        ),
    ],
)
def test_tool_choice(
    choice: ToolChoice | None,
    word: str | None,
    names: list[str],
    losses: dict[str, str],
) -> None:
    """One that is named is the only one left to choose."""
    body, found = write(HI, tools=(TOOL, Tool("g")), tool_choice=choice)

    assert [t["function"]["name"] for t in body["tools"]] == names
    assert body.get("tool_choice") == word
    assert found == losses


@pytest.mark.parametrize(
    ("reasoning", "thinking", "losses"),
    [
        (Reasoning(), None, {}),
        (Reasoning(enabled=True), {"type": "enabled"}, {}),
        (Reasoning(enabled=False), {"type": "disabled"}, {}),
        (Reasoning(budget=0), {"type": "disabled"}, {}),
        (Reasoning(budget=-1), {"type": "enabled"}, {}),
        (Reasoning(budget=99), {"type": "enabled", "token_budget": 99}, {}),
        (Reasoning(effort="none"), {"type": "disabled"}, {}),
        (
            Reasoning(effort="low"),
            {"type": "enabled", "token_budget": 1024},
            {"reasoning.effort": "approximate"},
        ),
        (
            Reasoning(effort="so-so"),
            {"type": "enabled"},
            {"reasoning.effort": "approximate"},
        ),
    ],
    ids=str,
)
def test_thinking(
    reasoning: Reasoning, thinking: dict[str, Any] | None, losses: dict[str, str]
) -> None:
    body, found = write(HI, reasoning=reasoning)

    assert body.get("thinking") == thinking
    assert found == losses


DEEP = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "minimum": 1},
        "l": {"type": "array", "items": {"oneOf": [{"maxLength": 3}]}, "anyOf": 1},
    },
    "$defs": 1,
}


@pytest.mark.parametrize(
    ("form", "expected", "losses"),
    [
        (None, None, {}),
        (OutputFormat("text"), {"type": "text"}, {}),
        (OutputFormat("json"), {"type": "json_object"}, {}),
        (
            OutputFormat("schema", SCHEMA, "n", "why", strict=True),
            {"type": "json_object", "json_schema": SCHEMA},
            {"output_format.description": "dropped"},
        ),
        (
            OutputFormat("schema", DEEP),
            {"type": "json_object", "json_schema": DEEP},
            {
                "output_format.schema.maxLength": "dropped",
                "output_format.schema.minimum": "dropped",
                "output_format.schema.oneOf": "dropped",
            },
        ),
    ],
    ids=["none", "text", "json", "schema", "deep"],
)
def test_format(
    form: OutputFormat | None, expected: Any, losses: dict[str, str]
) -> None:
    """The schema goes as it is; what of it is not enforced is said."""
    body, found = write(HI, output_format=form)

    assert body.get("response_format") == expected
    assert found == losses


def test_endless_schema() -> None:
    """Depth costs no more than its limit."""
    schema: dict[str, Any] = {"minimum": 1}
    for _ in range(500):
        schema = {"items": schema}

    _, losses = write(HI, output_format=OutputFormat("schema", schema))

    assert losses == {}


def test_choice_of_a_hosted_tool() -> None:
    """Responses' clients name it by its type; any other tool would not do."""
    hosted = ToolChoice("required", extras={"openai_responses": {"hosted": {}}})

    _, losses = write(HI, tools=(TOOL,), tool_choice=hosted)

    assert losses == {"tool_choice.hosted": Grade.REFUSED}
