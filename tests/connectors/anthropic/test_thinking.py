"""How much to think, model by model."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.anthropic.models import Model, model_of
from connectors.anthropic.thinking import as_said, write_thinking
from gateway.domain.parts import Signature, Text, Thinking, ToolCall, ToolResult
from gateway.domain.request import Reasoning, Request, Role, ToolChoice, Turn

OLD, MIDDLE, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7"


@pytest.mark.parametrize(
    ("name", "version", "family"),
    [
        ("claude-3-7-sonnet-20250219", (3, 7), "sonnet"),
        ("claude-3-opus-20240229", (3, 0), "opus"),
        ("claude-sonnet-4-20250514", (4, 0), "sonnet"),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", (4, 1), "opus"),
        ("anthropic/claude-4.6-opus", (4, 6), "opus"),
        ("Claude-Haiku-4.5", (4, 5), "haiku"),
        ("claude-opus-5", (5, 0), "opus"),
        ("claude-fable-5-1", (5, 1), "fable"),
        ("kimi-k2", None, ""),
    ],
)
def test_names(name: str, version: Any, family: str) -> None:
    """The version is behind the family or, in older names, before it."""
    assert model_of(name) == Model(version, family)


def thought(
    model: str,
    most: int = 9000,
    tool_choice: ToolChoice | None = None,
    turns: tuple[Turn, ...] = (Turn(Role.USER),),
    **members: Any,
) -> tuple[Any, str | None, list[str]]:
    request = Request(
        model, turns, tool_choice=tool_choice, reasoning=Reasoning(**members)
    )
    found = write_thinking(request, model_of(model), most)
    losses = [f"{loss.path}: {loss.grade}" for loss in found.losses]
    return found.thinking, found.effort, losses


def budget(tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens}


ADAPTIVE = {"type": "adaptive"}


@pytest.mark.parametrize(
    ("model", "asked", "expected"),
    [
        (OLD, {}, (None, None, [])),
        # As tokens
        (OLD, {"budget": 2000}, (budget(2000), None, [])),
        (MIDDLE, {"budget": 2000}, (budget(2000), None, [])),
        (
            OLD,
            {"budget": 500},
            (budget(1024), None, ["reasoning.budget: approximate"]),
        ),
        (
            OLD,
            {"budget": 9000},
            (budget(4500), None, ["reasoning.budget: approximate"]),
        ),
        (
            OLD,
            {"effort": "low"},
            (budget(1024), None, ["reasoning.effort: approximate"]),
        ),
        (
            OLD,
            {"effort": "huge"},
            (budget(8192), None, ["reasoning.effort: approximate"]),
        ),
        (OLD, {"enabled": True}, (budget(8192), None, ["reasoning: approximate"])),
        (OLD, {"budget": -1}, (budget(8192), None, ["reasoning: approximate"])),
        # As the model likes
        (MIDDLE, {"enabled": True}, (ADAPTIVE, None, [])),
        (MIDDLE, {"effort": "max"}, (ADAPTIVE, "max", [])),
        (
            MIDDLE,
            {"effort": "xhigh"},
            (ADAPTIVE, "high", ["reasoning.effort: approximate"]),
        ),
        (NEW, {"effort": "xhigh"}, (ADAPTIVE, "xhigh", [])),
        (
            NEW,
            {"effort": "minimal"},
            (ADAPTIVE, "low", ["reasoning.effort: approximate"]),
        ),
        (NEW, {"effort": "huge"}, (ADAPTIVE, None, ["reasoning.effort: dropped"])),
        (
            NEW,
            {"budget": 9000},
            (ADAPTIVE, "medium", ["reasoning.budget: approximate"]),
        ),
        (NEW, {"budget": -1}, (ADAPTIVE, None, [])),
        # Not at all
        (OLD, {"effort": "none"}, (None, None, [])),
        (NEW, {"budget": 0}, (None, None, [])),
        ("claude-opus-5", {"enabled": False}, ({"type": "disabled"}, None, [])),
        ("claude-haiku-5-5", {"effort": "none"}, ({"type": "disabled"}, None, [])),
        (
            "claude-sonnet-5-5",
            {"effort": "none"},
            ({"type": "between_tools"}, None, ["reasoning: approximate"]),
        ),
        (
            "claude-opus-5-5",
            {"effort": "none"},
            (None, "low", ["reasoning: approximate"]),
        ),
        (
            "claude-fable-5",
            {"effort": "none"},
            (None, "low", ["reasoning: approximate"]),
        ),
        # Shown or not
        (
            NEW,
            {"effort": "low", "summary": "auto"},
            ({**ADAPTIVE, "display": "summarized"}, "low", []),
        ),
        (
            OLD,
            {"budget": 2000, "summary": "detailed"},
            (
                {**budget(2000), "display": "summarized"},
                None,
                ["reasoning.summary: approximate"],
            ),
        ),
        (OLD, {"summary": "auto"}, (None, None, ["reasoning.summary: dropped"])),
    ],
)
def test_amounts(model: str, asked: Any, expected: Any) -> None:
    """Words, tokens and on or off, in the form that the model takes."""
    assert thought(model, **asked) == expected


def test_too_short_an_answer() -> None:
    """A thought needs 1,024 tokens, which count among those of the answer."""
    assert thought(OLD, most=1024, budget=2000) == (
        None,
        None,
        ["reasoning: dropped"],
    )


def test_forced_call() -> None:
    """Where a tool must be called the provider does not think."""
    for mode in ("required", "named"):
        choice = ToolChoice(mode)
        assert thought(OLD, tool_choice=choice, budget=2000) == (
            None,
            None,
            ["reasoning: dropped"],
        )
    assert thought(NEW, tool_choice=choice, effort="low") == (
        None,
        "low",
        ["reasoning: approximate"],
    )


def turns(*parts: Any, last: Any = None) -> tuple[Turn, ...]:
    result = Turn(Role.TOOL, (ToolResult("t"),))
    return (Turn(Role.USER), Turn(Role.ASSISTANT, parts), last or result)


def test_calls_without_thoughts() -> None:
    """A loop of calls that began without thinking goes on without."""
    call = ToolCall("t", "n")
    mine = Thinking("", Signature("anthropic", "s"))
    results = Turn(Role.USER, (ToolResult("t"),))
    off = (None, None, ["reasoning: dropped"])
    on: tuple[Any, Any, list[str]] = (budget(2000), None, [])

    assert thought(OLD, turns=turns(call), budget=2000) == off
    assert thought(OLD, turns=turns(call, last=results), budget=2000) == off
    assert thought(OLD, turns=turns(Thinking("a"), call), budget=2000) == off
    assert thought(OLD, turns=turns(mine, call), budget=2000) == on
    assert thought(OLD, turns=turns(Text("a")), budget=2000) == on
    question = Turn(Role.USER, (Text("b"),))
    assert thought(OLD, turns=turns(call, last=question), budget=2000) == on
    assert thought(MIDDLE, turns=turns(call), effort="low") == (ADAPTIVE, "low", [])


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        (Reasoning(), None),
        (Reasoning(enabled=True, budget=1024), budget(1024)),
        (Reasoning(enabled=True), ADAPTIVE),
        (Reasoning(enabled=False), {"type": "disabled"}),
        (
            Reasoning(extras={"anthropic": {"thinking": {"type": "between_tools"}}}),
            {"type": "between_tools"},
        ),
        (
            Reasoning(enabled=True, extras={"anthropic": {"display": "omitted"}}),
            {**ADAPTIVE, "display": "omitted"},
        ),
    ],
)
def test_as_said(reasoning: Reasoning, thinking: Any) -> None:
    """A request of the same dialect is left as it is."""
    assert as_said(reasoning).thinking == thinking
