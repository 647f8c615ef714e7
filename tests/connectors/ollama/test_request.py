from __future__ import annotations

from typing import Any

import pytest

from connectors.ollama.translator import TRANSLATOR
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
from gateway.wire.ids import make_id

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL = Tool("f", "does f", SCHEMA)
MADE = make_id("x")


def write(*turns: Turn, **members: Any) -> tuple[dict[str, Any], dict[str, Grade]]:
    """Return the body, and the grades of the losses by their paths."""
    written = TRANSLATOR.write_request(Request("m", turns, **members))
    return written.body, {loss.path: loss.grade for loss in written.losses}


def user(*parts: Part) -> Turn:
    return Turn(Role.USER, parts)


def model(*parts: Part) -> Turn:
    return Turn(Role.ASSISTANT, parts)


HI = user(Text("hi"))
MESSAGE = {"role": "user", "content": "hi"}


@pytest.mark.parametrize("stream", [True, False])
def test_least(stream: bool) -> None:
    """Streaming is the default here, so it is always said."""
    assert write(HI, stream=stream) == (
        {"model": "m", "messages": [MESSAGE], "stream": stream},
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


def test_paragraphs() -> None:
    """A message has one text."""
    body, losses = write(user(Text("a"), Text("b")))

    assert body["messages"][0]["content"] == "a\n\nb"
    assert losses == {"turns[0].parts": Grade.APPROXIMATE}


def test_pictures() -> None:
    body, losses = write(user(Text("see"), Media("image", "image/png", "aGk=")))

    assert body["messages"] == [{"role": "user", "content": "see", "images": ["aGk="]}]
    assert losses == {}


def test_how_closely_to_look() -> None:
    _, losses = write(user(Media("image", "image/png", "aGk=", detail="low")))

    assert losses == {"turns[0].parts[0].detail": Grade.DROPPED}


@pytest.mark.parametrize(
    "part",
    [
        Media("image", url="https://x.test/a.png"),
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


def test_call_and_result() -> None:
    """They find each other by the tool's name, and by the call's where it has one."""
    body, losses = write(
        HI,
        model(
            Thinking("hm"),
            Text("let me see"),
            ToolCall("c1", "f", '{"a": 1}'),
            ToolCall(MADE, "g", ""),
        ),
        Turn(
            Role.TOOL,
            (ToolResult("c1", (Text("one"),)), ToolResult(MADE, (Text("two"),))),
        ),
        user(ToolResult("gone", (Text("x"),), name="h"), Text("well?")),
    )

    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "let me see",
            "thinking": "hm",
            "tool_calls": [
                {"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}},
                {"function": {"name": "g", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "one", "tool_name": "f", "tool_call_id": "c1"},
        {"role": "tool", "content": "two", "tool_name": "g"},
        {"role": "tool", "content": "x", "tool_name": "h", "tool_call_id": "gone"},
        {"role": "user", "content": "well?"},
    ]
    assert losses == {}


def test_result_of_a_call_that_is_not_there() -> None:
    body, _ = write(user(ToolResult("c9", (Text("x"),))))

    assert body["messages"] == [{"role": "tool", "content": "x", "tool_call_id": "c9"}]


def test_rich_result() -> None:
    """A picture goes along; that a tool failed cannot be said, and a link not shown."""
    picture, link = Media("image", data="aGk="), Media("image", url="https://x.test")
    result = ToolResult("c1", (Text("a"), picture, link), error=True)

    body, losses = write(user(result))

    assert body["messages"][0]["images"] == ["aGk="]
    assert losses == {
        "turns[0].parts[0].error": Grade.DROPPED,
        "turns[0].parts[0].parts[2]": Grade.REFUSED,
    }


@pytest.mark.parametrize("text", ["[1]", "no json", '"a"'])
def test_arguments_that_are_no_object(text: str) -> None:
    """Models write such things, and the server takes objects only."""
    body, losses = write(model(ToolCall("c1", "f", text)))

    (call,) = body["messages"][0]["tool_calls"]
    assert list(call["function"]["arguments"]) == ["input"]
    assert losses == {"turns[0].parts[0].input": Grade.APPROXIMATE}


def test_history_of_another_provider() -> None:
    """Seals and sources stay behind, and a sealed thought with its seal."""
    seal = Signature("gemini", "s")

    body, losses = write(
        model(
            Thinking("secret", seal),
            Text("a", citations=(Citation(url="u"),), signature=seal),
            ToolCall("c1", "f", "{}", signature=seal),
        ),
        model(Refusal("I won't")),
        Turn(Role.USER, (Text("b"),), name="Eve"),
    )

    assert "thinking" not in body["messages"][0]
    assert body["messages"][1]["content"] == "I won't"
    assert losses == {
        "turns[0].parts[0]": Grade.DROPPED,
        "turns[0].parts[1].signature": Grade.DROPPED,
        "turns[0].parts[1].citations": Grade.DROPPED,
        "turns[0].parts[2].signature": Grade.DROPPED,
        "turns[1].parts[0]": Grade.APPROXIMATE,
        "turns[2].name": Grade.DROPPED,
    }


def test_sampling() -> None:
    """Most are options, under names of their own."""
    sampling = Sampling(
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        max_tokens=9,
        stop=("x",),
        n=1,
        seed=0,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=2,
    )

    body, losses = write(HI, sampling=sampling)

    assert body["options"] == {
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 3,
        "num_predict": 9,
        "stop": ["x"],
        "seed": 0,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert losses == {}


def test_own_members() -> None:
    """Options of the server's own join those of the request."""
    own = {"keep_alive": "5m", "options": {"num_ctx": 8192, "seed": 1}}

    body, losses = write(HI, sampling=Sampling(seed=2), extras={"ollama": own})

    assert body["keep_alive"] == "5m"
    assert body["options"] == {"num_ctx": 8192, "seed": 2}
    assert losses == {}


def test_what_cannot_be_said() -> None:
    _, losses = write(
        HI,
        sampling=Sampling(n=2, verbosity="low"),
        parallel_tools=False,
        reasoning=Reasoning(summary="auto"),
        user="u",
        metadata={"a": "b"},
        service_tier="flex",
        extras={"openai_chat": {"logit_bias": {"1": 2}}},
    )

    assert losses == {
        "sampling.n": Grade.REFUSED,
        "sampling.verbosity": Grade.DROPPED,
        "parallel_tools": Grade.DROPPED,
        "reasoning.summary": Grade.APPROXIMATE,
        "user": Grade.DROPPED,
        "metadata": Grade.DROPPED,
        "service_tier": Grade.DROPPED,
        "logit_bias": Grade.DROPPED,
    }


FUNCTION = {
    "type": "function",
    "function": {"name": "f", "description": "does f", "parameters": SCHEMA},
}


def test_tools() -> None:
    """One without arguments takes an empty object."""
    empty = {"type": "object", "properties": {}}

    body, losses = write(HI, tools=(TOOL, Tool("g")), parallel_tools=True)

    assert body["tools"] == [
        FUNCTION,
        {"type": "function", "function": {"name": "g", "parameters": empty}},
    ]
    assert losses == {}


def test_tools_that_are_no_functions() -> None:
    """Free text becomes an argument; tools of a provider's own are left out."""
    body, losses = write(
        HI,
        tools=(Tool("c", custom=True), Opaque("anthropic", {}), Tool("f", strict=True)),
    )

    c, f = body["tools"]
    assert c["function"]["parameters"]["required"] == ["input"]
    assert f["function"]["name"] == "f"
    assert losses == {
        "tools[0].custom": Grade.APPROXIMATE,
        "tools[1]": Grade.DROPPED,
        "tools[2].strict": Grade.DROPPED,
    }


@pytest.mark.parametrize(
    ("choice", "offered", "grade"),
    [
        (None, ["f", "g"], None),
        (ToolChoice("auto"), ["f", "g"], None),
        (ToolChoice("auto", ("g",)), ["g"], None),
        (ToolChoice("none"), [], Grade.APPROXIMATE),
        (ToolChoice("required"), ["f", "g"], Grade.REFUSED),
        (ToolChoice("named", ("f",)), ["f"], Grade.REFUSED),
        (ToolChoice("named", ("web_search",)), [], Grade.REFUSED),
    ],
)
def test_tool_choice(
    choice: ToolChoice | None, offered: list[str], grade: Grade | None
) -> None:
    """The server has none: it can be kept by what is offered, or not at all."""
    body, losses = write(HI, tools=(TOOL, Tool("g")), tool_choice=choice)

    assert [t["function"]["name"] for t in body.get("tools", [])] == offered
    assert losses.get("tool_choice") == grade


@pytest.mark.parametrize(
    ("reasoning", "think", "losses"),
    [
        (Reasoning(), None, {}),
        (Reasoning(enabled=True), True, {}),
        (Reasoning(enabled=False), False, {}),
        (Reasoning(effort="none"), False, {}),
        (Reasoning(effort="low"), "low", {}),
        (Reasoning(effort="max", enabled=True), "max", {}),
        (Reasoning(effort="minimal"), "low", {"reasoning.effort": "approximate"}),
        (Reasoning(effort="xhigh"), "high", {"reasoning.effort": "approximate"}),
        (Reasoning(effort="so-so"), True, {"reasoning.effort": "approximate"}),
        (Reasoning(budget=9000), "medium", {"reasoning.budget": "approximate"}),
        (Reasoning(budget=0), False, {"reasoning.budget": "approximate"}),
        (Reasoning(budget=-1), True, {"reasoning.budget": "approximate"}),
    ],
    ids=str,
)
def test_think(
    reasoning: Reasoning, think: bool | str | None, losses: dict[str, str]
) -> None:
    body, found = write(HI, reasoning=reasoning)

    assert body.get("think") is think or body.get("think") == think
    assert found == losses


@pytest.mark.parametrize(
    ("form", "expected", "losses"),
    [
        (None, None, {}),
        (OutputFormat("text"), None, {}),
        (OutputFormat("json"), "json", {}),
        (OutputFormat("schema", SCHEMA, "n", strict=True), SCHEMA, {}),
        (OutputFormat("schema"), "json", {}),
        (
            OutputFormat("schema", SCHEMA, "n", "why"),
            SCHEMA,
            {"output_format.description": "dropped"},
        ),
    ],
    ids=str,
)
def test_format(
    form: OutputFormat | None, expected: Any, losses: dict[str, str]
) -> None:
    body, found = write(HI, output_format=form)

    assert body.get("format") == expected
    assert found == losses
