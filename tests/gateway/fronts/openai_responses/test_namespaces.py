"""Tools in a namespace: one name for other dialects, two for our clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.domain.fold import unfold
from gateway.domain.loss import unsaid
from gateway.domain.parts import Opaque, ToolCall
from gateway.domain.reply import Choice, Finish, Reply, Stop
from gateway.domain.request import Request, Tool, ToolChoice
from gateway.fronts.base import Ask, Context
from gateway.fronts.openai_responses.front import FRONT
from gateway.wire.openai_responses.names import PROTOCOL
from gateway.wire.openai_responses.settings import write_choice, write_tools
from tests.streams import frame_json, frames

GET = {"type": "function", "name": "get", "parameters": {"type": "object"}}
PATCH = {"type": "custom", "name": "patch"}
CRM = {"type": "namespace", "name": "crm", "description": "Customers."}
SHOP = {"type": "namespace", "name": "mcp__shop__", "description": "Goods."}
BOTH = [{**CRM, "tools": [GET, PATCH]}, {**SHOP, "tools": [GET]}]


def ask(*tools: Any, **members: Any) -> Request:
    body = {"model": "m", "input": "hi", "tools": tools, **members}
    return FRONT.read_request(json.dumps(body).encode(), Ask("m", False))


def names(request: Request) -> list[str | None]:
    """Return the names of the tools, ``None`` for what only we know."""
    return [None if isinstance(t, Opaque) else t.name for t in request.tools]


def test_offered() -> None:
    """Each tool is one of the domain; what the namespace says of itself is lost."""
    request = ask(*BOTH)

    assert names(request) == ["crm__get", "crm__patch", "mcp__shop__get"]
    get, patch, _ = request.tools
    assert isinstance(get, Tool)
    assert isinstance(patch, Tool)
    assert (get.schema, get.custom, patch.custom) == ({"type": "object"}, False, True)
    assert [loss.path for loss in unsaid(request, "anthropic")] == [
        f"tools[{i}].namespace" for i in range(3)
    ]


def test_said_again() -> None:
    """To a provider of this dialect they are what they were."""
    tools = [*BOTH, {"type": "web_search"}, BOTH[0], GET]
    tools[3] = {**CRM, "name": "erp", "tools": [GET]}

    assert write_tools(ask(*tools).tools) == tools


@pytest.mark.parametrize(
    "tool",
    [
        {**CRM, "tools": []},
        {**CRM, "tools": [GET, {"type": "mcp"}]},
        {**CRM, "name": "c.r.m", "tools": [GET]},
        {**CRM, "name": "c" * 60, "tools": [GET]},
        {**CRM, "name": "taken", "tools": [GET]},
    ],
    ids=["empty", "hosted", "other letters", "too long", "name is taken"],
)
def test_stays_whole(tool: Any) -> None:
    """What others could not offer is for this dialect alone."""
    taken = {"type": "function", "name": "taken__get"}

    request = ask(taken, tool)

    assert request.tools[1] == Opaque(PROTOCOL, tool)
    assert write_tools(request.tools) == [taken, tool]


def test_wrong() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ask({**CRM, "tools": [GET, {"type": "function"}]})

    assert caught.value.param == "tools[0].tools[1].name"


@pytest.mark.parametrize(
    ("kind", "tools", "found"),
    [
        ("function", [BOTH[0]], "crm__get"),
        ("function", [GET, BOTH[0]], "get"),
        ("function", BOTH, "get"),
    ],
    ids=["the only one", "one without", "several"],
)
def test_choice(kind: str, tools: list[Any], found: str) -> None:
    """A choice has no namespace: it means the one that has the name."""
    chosen = {"type": kind, "name": "get"}
    listed = {"type": "allowed_tools", "mode": "auto", "tools": [chosen]}

    for json_, mode in ((chosen, "named"), (listed, "auto")):
        request = ask(*tools, tool_choice=json_)
        choice = request.tool_choice
        assert choice is not None
        assert (choice.mode, choice.names) == (mode, (found,))
        assert write_choice(choice, request.tools) == json_


def test_choice_of_another_kind() -> None:
    with pytest.raises(InvalidRequestError, match="custom tool"):
        ask(*BOTH, tool_choice={"type": "custom", "name": "get"})


def test_choice_from_what_stays_whole() -> None:
    """What it holds is for the provider to know."""
    request = ask({"type": "mcp"}, tool_choice={"type": "function", "name": "get"})

    assert request.tool_choice == ToolChoice("named", ("get",))


def test_choice_of_ours() -> None:
    choice = ToolChoice("named", ("crm__patch",))

    assert write_choice(choice, ask(*BOTH).tools) == {"type": "custom", "name": "patch"}


CALLS = (
    ToolCall("a", "crm__get", "{}"),
    ToolCall("b", "mcp__shop__get", "{}"),
    ToolCall("c", "crm__patch", '{"input":"x"}'),
    ToolCall("d", "get", "{}"),
)
REPLY = Reply("r", "m", 1, (Choice(CALLS, Finish(Stop.TOOLS)),))
WANTED = [
    ("function_call", "crm", "get", "{}"),
    ("function_call", "mcp__shop__", "get", "{}"),
    ("custom_tool_call", "crm", "patch", "x"),
    ("function_call", None, "get", "{}"),
]


def told(output: list[Any]) -> list[Any]:
    return [
        (
            item["type"],
            item.get("namespace"),
            item["name"],
            item["input"] if "input" in item else item["arguments"],
        )
        for item in output
    ]


def test_answer() -> None:
    """A model that knows one name is heard to have said two."""
    context = Context(Ask("m", False), 1, "n", ask(*BOTH))

    said = json.loads(FRONT.write_reply(REPLY, context).body)

    assert told(said["output"]) == WANTED
    assert said["tools"] == BOTH


def test_stream() -> None:
    """Just so in each frame that has the item."""
    context = Context(Ask("m", True), 1, "n", ask(*BOTH))

    said = [*map(frame_json, frames(FRONT.writer(context).feed(unfold(REPLY))))]

    added, done = (
        [e["item"] for e in said if e["type"] == f"response.output_item.{word}"]
        for word in ("added", "done")
    )
    assert told(done) == told(said[-1]["response"]["output"]) == WANTED
    assert [call[:3] for call in told(added)] == [call[:3] for call in WANTED]


def test_history() -> None:
    """A call that the client gives back is one of the same tool."""
    item = {"type": "function_call", "call_id": "a", "arguments": "{}", "name": "get"}

    request = ask(
        *BOTH,
        input=[
            {"role": "user", "content": "hi"},
            {**item, "namespace": "crm"},
            item,
            {**item, "namespace": "get"},
        ],
    )

    calls = [part for turn in request.turns for part in turn.parts]
    assert [call.name for call in calls if isinstance(call, ToolCall)] == [
        *("crm__get", "get", "get")
    ]
    # OpenAI says one for deferred functions, too: that is no one's but theirs.
    assert [x.path for x in unsaid(request, "gemini") if "parts" in x.path] == [
        "turns[1].parts[2].namespace"
    ]
