from __future__ import annotations

from typing import Any

from gateway.domain.events import Foreign
from gateway.domain.loss import (
    Grade,
    Loss,
    approximate,
    dropped,
    refused,
    unsaid,
    unsaid_event,
    unsaid_reply,
)
from gateway.domain.parts import Text, ToolResult
from gateway.domain.reply import Choice, Reply
from gateway.domain.request import (
    OutputFormat,
    Reasoning,
    Request,
    Role,
    Tool,
    ToolChoice,
    Turn,
)


def test_grades() -> None:
    assert [make("a", "b").grade for make in (approximate, dropped, refused)] == [
        Grade.APPROXIMATE,
        Grade.DROPPED,
        Grade.REFUSED,
    ]


def test_foreign_members_are_found_everywhere() -> None:
    """No place of a request can hide a member of another dialect."""
    mark = {"anthropic": {"x": 1}}
    inner = Text("t", extras=mark)
    result = ToolResult("c", (inner,), extras=mark)
    request = Request(
        "m",
        turns=(Turn(Role.USER, (result,), extras=mark),),
        tools=(Tool("f", extras=mark),),
        tool_choice=ToolChoice("auto", extras=mark),
        reasoning=Reasoning(extras=mark),
        output_format=OutputFormat("json", extras=mark),
        extras=mark,
    )

    losses = list(unsaid(request, "gemini"))

    assert {loss.path for loss in losses} == {
        "x",
        "turns[0].x",
        "turns[0].parts[0].x",
        "turns[0].parts[0].parts[0].x",
        "tools[0].x",
        "tool_choice.x",
        "reasoning.x",
        "output_format.x",
    }
    assert {loss.grade for loss in losses} == {Grade.DROPPED}
    assert not list(unsaid(request, "anthropic"))


def test_what_was_said_is_no_loss() -> None:
    request = Request("m", extras={"anthropic": {"x": 1, "y": 2, "z": None}})

    losses = list(unsaid(request, "gemini", said={"x"}))

    assert losses == [Loss("y", Grade.DROPPED, "only anthropic knows it")]


def test_history_that_another_provider_holds_refuses() -> None:
    """Without it the model would answer another question."""
    members = {"previous_response_id": "resp_1", "truncation": "auto"}
    request = Request("m", extras={"openai_responses": members})

    grades = {loss.path: loss.grade for loss in unsaid(request, "anthropic")}

    assert grades == {
        "previous_response_id": Grade.REFUSED,
        "truncation": Grade.DROPPED,
    }


def test_a_member_of_state_is_one_at_the_top_only() -> None:
    extras = {"anthropic": {"container": "c"}}
    request = Request("m", turns=(Turn(Role.USER, extras=extras),))

    assert [loss.grade for loss in unsaid(request, "gemini")] == [Grade.DROPPED]


def test_older_names_are_no_loss() -> None:
    request = Request("m", extras={"openai_chat": {"max_tokens": 5, "stop": "x"}})

    assert not list(unsaid(request, "gemini"))


def test_reply() -> None:
    mark = {"gemini": {"x": 1, "n": None}}
    choice = Choice((Text("t", extras=mark),), extras=mark)
    reply = Reply(choices=(choice,), extras=mark)

    paths = [loss.path for loss in unsaid_reply(reply, "anthropic")]

    assert paths == ["x", "choices[0].x", "choices[0].parts[0].x"]
    assert not list(unsaid_reply(reply, "gemini"))


def test_what_stands_outside_all_blocks() -> None:
    """A novelty is reported; what only says how equal things were said is not."""
    ping = Foreign("anthropic", "news", {"a": 1})
    form = Foreign("openai_responses", "form", {"a": 1})

    assert [loss.path for loss in unsaid_event(ping, "gemini")] == ["news"]
    assert not list(unsaid_event(ping, "anthropic"))
    assert not list(unsaid_event(form, "gemini"))


def test_a_demand_for_a_providers_own_tool_refuses() -> None:
    choice = ToolChoice("required", extras={"openai_responses": {"hosted": {}}})
    request = Request("m", tool_choice=choice)

    assert [loss.grade for loss in unsaid(request, "gemini")] == [Grade.REFUSED]
    assert not list(unsaid(request, "openai_responses"))


def test_tools_that_come_later_are_offered_from_the_start() -> None:
    extras: dict[str, Any] = {"openai_responses": {"input.additional_tools": [{}]}}

    (loss,) = unsaid(Request("m", extras=extras), "gemini")

    assert loss.grade is Grade.APPROXIMATE
