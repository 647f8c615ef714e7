from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.custom import FREE_TEXT, as_function, grammar, without_custom
from gateway.domain.loss import approximate
from gateway.domain.parts import Opaque, Signature, Text, ToolCall, ToolResult
from gateway.domain.request import Request, Role, Tool, ToolChoice, Turn

SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
LARK = {"syntax": "lark", "definition": 'start: "a"'}
FLAT = {"type": "grammar", **LARK}
NESTED = {"type": "grammar", "grammar": LARK}
TOLD = 'The input must follow this lark grammar, to the letter:\nstart: "a"'


@pytest.mark.parametrize(
    ("tool", "description"),
    [
        (Tool("t", custom=True), None),
        (Tool("t", "", custom=True), ""),
        (Tool("t", "Runs.", custom=True), "Runs."),
        (Tool("t", "Runs.", custom=True, format={"type": "text"}), "Runs."),
        (Tool("t", "Runs.", custom=True, format=FLAT), f"Runs.\n\n{TOLD}"),
        (Tool("t", custom=True, format=NESTED), TOLD),
    ],
)
def test_function(tool: Tool, description: str | None) -> None:
    """One argument takes all; a grammar that nobody enforces is told."""
    assert as_function(tool) == Tool("t", description, SCHEMA)


@pytest.mark.parametrize("form", [FLAT, NESTED])
def test_grammar(form: Any) -> None:
    """Chat and Responses write it each in its own way."""
    assert grammar(form) == ("lark", 'start: "a"')


@pytest.mark.parametrize(
    "form", [None, {}, "grammar", {"type": "grammar"}, {"type": "text"}]
)
def test_no_grammar(form: Any) -> None:
    assert grammar(form) is None


def test_request() -> None:
    """Tools and calls change; results, the choice and all the others stay."""
    seal, mark = Signature("gemini", "v"), {"openai_chat": {"x": 1}}
    function, hosted = Tool("f", schema={}, strict=True), Opaque("gemini", {})
    text, call = Text("I look."), ToolCall("a", "f", "{}")
    results = Turn(Role.TOOL, (ToolResult("b", (Text("a.txt"),)),))
    request = Request(
        "m",
        (
            Turn(Role.USER, (Text("ls?"),)),
            Turn(
                Role.ASSISTANT,
                (text, call, ToolCall("b", "t", 'ls "ü"\n', True, seal, extras=mark)),
            ),
            results,
        ),
        (
            function,
            Tool("t", "Runs.", custom=True, format=FLAT, extras=mark),
            hosted,
            Tool("u", custom=True),
        ),
        ToolChoice("named", ("t",)),
    )

    changed, losses = without_custom(request, "X")

    assert changed.tools == (
        function,
        Tool("t", f"Runs.\n\n{TOLD}", SCHEMA, extras=mark),
        hosted,
        Tool("u", schema=SCHEMA),
    )
    assert changed.tool_choice == request.tool_choice
    assert changed.turns[0] == request.turns[0]
    assert changed.turns[1].parts == (
        text,
        call,
        ToolCall("b", "t", '{"input": "ls \\"ü\\"\\n"}', False, seal, extras=mark),
    )
    assert changed.turns[2] == results
    assert [(loss.path, loss.grade) for loss in losses] == [
        (path, approximate("").grade)
        for path in (
            "tools[1].custom",
            "tools[1].format",
            "tools[3].custom",
            "turns[1].parts[2].custom",
        )
    ]


def test_nothing_to_change() -> None:
    request = Request("m", (Turn(Role.USER, (Text("hi"),)),), (Tool("f"),))

    assert without_custom(request, "X") == (request, [])


@given(st.text(st.characters()))
def test_any_text(text: str) -> None:
    """Whatever the text is, the model reads it in its own call again."""
    turn = Turn(Role.ASSISTANT, (ToolCall("a", "t", text, custom=True),))

    changed, _ = without_custom(Request("m", (turn,)), "X")

    (call,) = changed.turns[0].parts
    assert isinstance(call, ToolCall)
    assert json.loads(call.input) == {FREE_TEXT: text}
