"""Tools in an item of the input: offered everywhere, written where they stood."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.anthropic import DIALECT as ANTHROPIC
from connectors.openai_chat import DIALECT as CHAT
from connectors.openai_responses import DIALECT as RESPONSES
from gateway.domain.errors import InvalidRequestError
from gateway.domain.fold import unfold
from gateway.domain.loss import Grade
from gateway.domain.parts import Opaque, ToolCall
from gateway.domain.reply import Choice, Finish, Reply, Stop
from gateway.domain.request import Request, Tool, ToolChoice
from gateway.fronts.base import Ask, Context
from gateway.fronts.openai_responses.front import FRONT
from gateway.fronts.openai_responses.history import input_items, with_history
from gateway.plugin import Written
from tests.streams import frame_json, frames

EXEC = {"type": "custom", "name": "exec", "description": "Runs code."}
WAIT = {"type": "function", "name": "wait", "parameters": {"type": "object"}}
FUNCTIONS = {"type": "namespace", "name": "functions", "tools": [EXEC, WAIT]}
HELLO = {"role": "user", "content": "hi"}


def item(*tools: Any, **members: Any) -> Any:
    members = {"type": "additional_tools", "role": "developer", **members}
    return {**members, "tools": tools}


def body(*items: Any, **members: Any) -> Any:
    text = json.dumps({"model": "m", "input": items, **members})
    return json.loads(text)


def ask(*items: Any, **members: Any) -> Request:
    return read(body(*items, **members))


def read(asked: Any) -> Request:
    return FRONT.read_request(json.dumps(asked).encode(), Ask("m", False))


def write(dialect: Any, request: Request) -> Written:
    written: Written = dialect.translator.write_request(request)
    return written


def described(request: Request) -> list[tuple[str, str | None]]:
    return [(t.name, t.description) for t in request.tools if isinstance(t, Tool)]


def tool(name: str, description: str) -> Any:
    return {**WAIT, "name": name, "description": description}


def test_offered() -> None:
    """They are tools of the request, and nobody speaks in their place."""
    request = ask(item(FUNCTIONS, id="at_1"), HELLO, tools=[tool("get", "a")])

    names = [t.name for t in request.tools if isinstance(t, Tool)]
    assert names == ["get", "functions__exec", "functions__wait"]
    assert len(request.turns) == 1


@pytest.mark.parametrize("dialect", [ANTHROPIC, CHAT], ids=["anthropic", "chat"])
def test_elsewhere(dialect: Any) -> None:
    """Other providers are offered them, at the cost of where they stood."""
    written = write(dialect, ask(item(FUNCTIONS), HELLO, item(WAIT)))

    said = json.dumps(written.body["tools"])
    assert '"functions__exec"' in said
    assert '"functions__wait"' in said
    assert len(written.body["messages"]) == 1
    paths = [loss.path for loss in written.losses]
    assert paths.count("input.additional_tools") == 1
    assert not [loss for loss in written.losses if loss.grade is Grade.REFUSED]


def test_same_dialect() -> None:
    """The items come back in their places, and their tools nowhere else."""
    call = {"type": "function_call", "call_id": "a", "arguments": "{}", "name": "wait"}
    asked = body(
        item(FUNCTIONS, id="at_1"),
        HELLO,
        {**call, "namespace": "functions"},
        item(WAIT, {"type": "web_search"}),
        {**call, "call_id": "b"},
        item(tool("get", "new")),
        tools=[tool("get", "top")],
    )

    assert write(RESPONSES, read(asked)) == Written(asked, ())


def test_between_calls() -> None:
    """Calls that they stand between are of one turn, as parallel ones have to be."""
    call = {"type": "function_call", "call_id": "a", "arguments": "{}", "name": "wait"}
    request = ask(HELLO, call, item(WAIT), {**call, "call_id": "b"})

    assert [len(turn.parts) for turn in request.turns] == [1, 2]


def test_repeated() -> None:
    """The last item's tool is offered, and stands where the name came first."""
    request = ask(
        item(tool("get", "old"), tool("put", "put"), {"type": "web_search"}),
        HELLO,
        item({"type": "web_search"}, tool("get", "new")),
    )

    assert described(request) == [("get", "new"), ("put", "put")]
    assert sum(isinstance(t, Opaque) for t in request.tools) == 1


def test_repeated_beside() -> None:
    """What the request says of a tool itself is what holds."""
    request = ask(item(tool("get", "item")), HELLO, tools=[tool("get", "top")])

    assert described(request) == [("get", "top")]


@pytest.mark.parametrize("name", ["exec", "functions__exec"])
def test_choice(name: str) -> None:
    """One of them can be demanded, by a choice that has no namespace."""
    chosen = {"type": "custom", "name": name}
    request = ask(item(FUNCTIONS), HELLO, tool_choice=chosen)

    assert request.tool_choice == ToolChoice("named", ("functions__exec",))
    assert write(ANTHROPIC, request).body["tool_choice"]["name"] == "functions__exec"


def test_choice_of_none() -> None:
    with pytest.raises(InvalidRequestError, match="custom tool"):
        ask(item(FUNCTIONS), HELLO, tool_choice={"type": "custom", "name": "wait"})


CALLS = (
    ToolCall("a", "functions__exec", '{"input":"x"}'),
    ToolCall("b", "functions__wait", "{}"),
)
REPLY = Reply("r", "m", 1, (Choice(CALLS, Finish(Stop.TOOLS)),))
TOLD = [
    ("custom_tool_call", "functions", "exec", "x"),
    ("function_call", "functions", "wait", "{}"),
]


def told(output: list[Any]) -> list[Any]:
    return [
        (
            said["type"],
            said["namespace"],
            said["name"],
            said["input"] if "input" in said else said["arguments"],
        )
        for said in output
    ]


def test_answer() -> None:
    """Calls say the names that the client knows; ``tools`` repeats only its own."""
    context = Context(Ask("m", False), 1, "n", ask(item(FUNCTIONS), HELLO))

    said = json.loads(FRONT.write_reply(REPLY, context).body)

    assert told(said["output"]) == TOLD
    assert said["tools"] == []


def test_stream() -> None:
    """So they do in a stream."""
    context = Context(Ask("m", True), 1, "n", ask(item(FUNCTIONS), HELLO))

    said = [*map(frame_json, frames(FRONT.writer(context).feed(unfold(REPLY))))]

    assert told(said[-1]["response"]["output"]) == TOLD


def test_call_in_history() -> None:
    """A call that the client gives back is one of the same tool."""
    call = {"type": "function_call", "call_id": "a", "arguments": "{}", "name": "wait"}
    request = ask(item(FUNCTIONS), HELLO, {**call, "namespace": "functions"})

    (part,) = request.turns[-1].parts
    assert isinstance(part, ToolCall)
    assert part.name == "functions__wait"


def test_stored_history() -> None:
    """What an earlier request had in its input is offered to the next one."""
    before = input_items(json.dumps(body(item(FUNCTIONS), HELLO)).encode())
    after = body(HELLO, item(tool("get", "a")), previous_response_id="resp_1")
    after = json.loads(with_history(json.dumps(after).encode(), before))

    request = read(after)

    names = [name for name, _ in described(request)]
    assert names == ["functions__exec", "functions__wait", "get"]
    assert write(RESPONSES, request).body == after


@pytest.mark.parametrize(
    ("tools", "param"),
    [(3, "input[1].tools"), ([{"type": "function"}], "input[1].tools[0].name")],
)
def test_wrong(tools: Any, param: str) -> None:
    """What is wrong is named by its place in the item."""
    with pytest.raises(InvalidRequestError) as caught:
        ask(HELLO, {"type": "additional_tools", "tools": tools})

    assert caught.value.param == param


def test_name_of_ours() -> None:
    """Where we keep the items is no place for a client's words."""
    request = ask(HELLO, **{"input.additional_tools": 3})

    assert write(RESPONSES, request).body == body(HELLO)
