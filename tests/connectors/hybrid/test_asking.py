from __future__ import annotations

from connectors.hybrid.asking import (
    OURS,
    for_execution,
    for_reasoning,
    is_first,
    kept_losses,
)
from connectors.hybrid.selector import Leaf
from connectors.hybrid.settings import Settings
from gateway.domain.loss import dropped
from gateway.domain.parts import Text, ToolResult
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

USER = Turn(Role.USER, (Text("Rain?"),), bare=True)
SYSTEM = Turn(Role.SYSTEM, (Text("Be brief."),), bare=True)
LEAF = Leaf("a:b")
REQUEST = Request(
    "hybrid",
    (USER,),
    tools=(Tool("weather"),),
    tool_choice=ToolChoice("auto"),
    sampling=Sampling(
        temperature=0.4,
        max_tokens=50,
        stop=("END",),
        n=1,
        logprobs=True,
        top_logprobs=2,
    ),
    reasoning=Reasoning(budget=100),
    output_format=OutputFormat("json"),
)


def text_of(turn: Turn) -> str:
    return "".join(part.text for part in turn.parts if isinstance(part, Text))


def test_first_turn() -> None:
    """It is the first one until somebody has answered."""
    assert is_first(Request("m", (SYSTEM, USER, USER)))
    assert not is_first(Request("m", (USER, Turn(Role.ASSISTANT), USER)))
    assert not is_first(Request("m", (USER, Turn(Role.TOOL))))


def test_reasoning() -> None:
    """The same with tools and messages, streamed, thinking hard, and unbounded."""
    asked = for_reasoning(REQUEST, LEAF, Settings())

    assert (asked.turns, asked.tools) == (REQUEST.turns, REQUEST.tools)
    assert asked.tool_choice == REQUEST.tool_choice
    assert asked.stream
    assert asked.reasoning == Reasoning(effort="high")
    assert asked.sampling == Sampling(temperature=0.4)
    assert asked.output_format is None


def test_reasoning_as_the_name_says() -> None:
    """What stands with the model's name wins over settings and request."""
    leaf = Leaf("a:b", temperature=0.9, effort="xhigh")
    settings = Settings(reasoning_effort="low", reasoning_max_tokens=7)

    asked = for_reasoning(REQUEST, leaf, settings)

    assert asked.reasoning == Reasoning(effort="xhigh")
    assert asked.sampling == Sampling(temperature=0.9, max_tokens=7)


def test_reasoning_as_the_client_says() -> None:
    """Where the settings have no effort, the client's own word stands."""
    asked = for_reasoning(REQUEST, LEAF, Settings(reasoning_effort=None))

    assert asked.reasoning == REQUEST.reasoning


def test_execution_makes_a_system_message() -> None:
    """The thoughts go before the conversation, where there was no instruction."""
    asked = for_execution(REQUEST, LEAF, Settings(), " Clouds {x}. ")

    first, second = asked.turns
    assert (first.role, first.bare, second) == (Role.SYSTEM, True, USER)
    assert "<reasoning>\nClouds {x}.\n</reasoning>" in text_of(first)
    assert asked.sampling == REQUEST.sampling
    assert asked.output_format == REQUEST.output_format
    assert asked.reasoning == Reasoning(enabled=False)


def test_execution_appends_to_the_system_message() -> None:
    """An instruction that is one text stays one, and keeps its beginning."""
    request = Request("m", (USER, SYSTEM, SYSTEM))

    asked = for_execution(request, LEAF, Settings(), "Clouds.")

    assert [turn.role for turn in asked.turns] == [t.role for t in request.turns]
    changed = asked.turns[1]
    assert (len(changed.parts), changed.bare) == (1, True)
    assert text_of(changed).startswith("Be brief.\n\nAnother model")
    assert asked.turns[2] == SYSTEM


def test_execution_appends_a_part() -> None:
    """An instruction in parts gets another one, and its own stay as they are."""
    developer = Turn(Role.DEVELOPER, (Text("One."), Text("Two.")))

    asked = for_execution(Request("m", (developer, USER)), LEAF, Settings(), "Clouds.")

    assert asked.turns[0].parts[:2] == developer.parts
    assert "Clouds." in text_of(asked.turns[0])


def test_execution_in_the_user_message() -> None:
    """Where models have no instructions, the thoughts go before the first question."""
    settings = Settings(place="user")

    asked = for_execution(Request("m", (SYSTEM, USER)), LEAF, settings, "Clouds.")

    assert asked.turns[0] == SYSTEM
    assert text_of(asked.turns[1]).endswith("</reasoning>\n\nRain?")
    assert asked.turns[1].bare


def test_execution_in_a_user_message_of_parts() -> None:
    """Results of tools stay first, as some dialects want them."""
    result, text = ToolResult("call_1"), Text("Rain?")
    turn = Turn(Role.USER, (result, text))

    asked = for_execution(
        Request("m", (turn,)), LEAF, Settings(place="user"), "Clouds."
    )

    first, notes, last = asked.turns[0].parts
    assert (first, last) == (result, text)
    assert isinstance(notes, Text)


def test_execution_without_thoughts() -> None:
    """Nothing is put in where there is nothing to say; the client's word holds."""
    leaf = Leaf("a:b", effort="low", top_p=0.1)

    asked = for_execution(REQUEST, leaf, Settings(execution_effort="medium"), " \n")

    assert asked.turns == REQUEST.turns
    assert asked.reasoning == Reasoning(effort="low")
    assert asked.sampling.top_p == 0.1


def test_losses_in_the_terms_of_the_client() -> None:
    """A turn has the number that the client knows; our own doing is no loss."""
    asked = for_execution(REQUEST, LEAF, Settings(), "Clouds.")
    losses = [
        dropped("turns[1].parts[0].cache_control"),
        dropped("reasoning.enabled"),
        dropped("sampling.seed"),
    ]

    assert kept_losses(losses, asked, REQUEST, OURS) == [
        dropped("turns[0].parts[0].cache_control"),
        dropped("sampling.seed"),
    ]
    assert kept_losses(losses[:1], REQUEST, REQUEST, OURS) == losses[:1]
