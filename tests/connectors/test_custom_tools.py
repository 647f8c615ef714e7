"""
A custom tool over two turns: offered, called, answered, and called again.

Two dialects of clients have such tools. In front of a backend that has functions
only, neither client must notice.
"""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from connectors import openai_chat
from gateway.domain.events import ToolInputDelta
from gateway.domain.fold import unfold
from gateway.domain.loss import Grade
from gateway.domain.parts import ToolCall
from gateway.domain.reply import Choice, Finish, Reply, Stop
from gateway.fronts.base import Context
from gateway.wire.json import loads
from tests.streams import frame_json, frames

if TYPE_CHECKING:
    from gateway.fronts.base import Front
    from gateway.plugin import Translator

PATCH = '*** Begin Patch\n+print("ü \U0001f600\\n")\n*** End Patch\n'
GRAMMAR = {"syntax": "lark", "definition": 'start: "*** Begin Patch"'}
RESULT = "Done."
BACKENDS = ("anthropic", "gemini", "cohere", "ollama", "mistral", "openai_chat")
CLIENTS = ("openai_chat", "openai_responses")


def front(client: str) -> Front:
    found: Front = importlib.import_module(f"gateway.fronts.{client}.front").FRONT
    return found


def translator(backend: str) -> Translator:
    module = importlib.import_module(f"connectors.{backend}")
    found: Translator = module.DIALECT.translator
    return found


def asked(client: str, history: list[Any]) -> bytes:
    """Return a request in the client's dialect, as its SDK writes it."""
    tool = {"name": "apply_patch", "description": "Edits files."}
    chosen: Any = {"type": "custom", "name": "apply_patch"}
    if client == "openai_chat":
        custom = tool | {"format": {"type": "grammar", "grammar": GRAMMAR}}
        body = {
            "messages": [{"role": "user", "content": "Edit."}, *history],
            "tools": [{"type": "custom", "custom": custom}],
        }
        chosen = {"type": "custom", "custom": {"name": "apply_patch"}}
    else:
        form = {"type": "grammar", **GRAMMAR}
        body = {
            "input": [{"role": "user", "content": "Edit."}, *history],
            "tools": [{"type": "custom", **tool, "format": form}],
        }
    return json.dumps({"model": "m", "tool_choice": chosen, **body}).encode()


def next_turn(client: str, answer: Any) -> list[Any]:
    """Return what the client adds to its history, and what it read of the call."""
    if client == "openai_chat":
        message = answer["choices"][0]["message"]
        (call,) = message["tool_calls"]
        assert call["type"] == "custom"
        assert call["custom"] == {"name": "apply_patch", "input": PATCH}
        result = {"role": "tool", "tool_call_id": call["id"], "content": RESULT}
        return [message, result]
    (item,) = (i for i in answer["output"] if i["type"] != "reasoning")
    assert item["type"] == "custom_tool_call"
    assert (item["name"], item["input"]) == ("apply_patch", PATCH)
    kind, call_id = "custom_tool_call_output", item["call_id"]
    return [*answer["output"], {"type": kind, "call_id": call_id, "output": RESULT}]


def called(body: Any) -> list[Any]:
    """Return the arguments of all calls in a request, wherever they stand."""
    found: list[Any] = []
    if isinstance(body, list):
        for json_ in body:
            found += called(json_)
    elif isinstance(body, dict):
        for name, json_ in body.items():
            if name in ("functionCall", "function") and (
                arguments := json_.get("args", json_.get("arguments"))
            ):
                text = isinstance(arguments, str)
                found.append(loads(arguments) if text else arguments)
            elif name == "input" and body.get("type") == "tool_use":
                found.append(json_)
            else:
                found += called(json_)
    return found


@pytest.mark.parametrize(
    ("client", "backend"),
    # A chat server gets what its client says: see below.
    [(c, b) for c in CLIENTS for b in BACKENDS if b != c],
)
def test_two_turns(client: str, backend: str) -> None:
    """The model knows a function; the client knows its own tool."""
    door, turn = front(client), asked(client, [])
    ask = door.peek(turn, None)
    request = door.read_request(turn, ask)
    written = translator(backend).write_request(request)
    body = json.dumps(written.body)
    assert "custom" not in body
    assert "The input must follow this lark grammar" in body
    found = {loss.path: loss.grade for loss in written.losses}
    assert found.pop("tools[0].custom") is Grade.APPROXIMATE
    assert found.pop("tools[0].format") is Grade.APPROXIMATE
    # Ollama cannot be made to use a tool, of whatever kind.
    assert (Grade.REFUSED in found.values()) == (backend == "ollama")

    arguments = json.dumps({"input": PATCH})
    call = ToolCall("callabc12", "apply_patch", arguments)
    reply = Reply("r", "m", 1, (Choice((call,), Finish(Stop.TOOLS)),))
    context = Context(ask, 1, "n", request)
    answer = json.loads(door.write_reply(reply, context).body)
    history = next_turn(client, answer)

    turn = asked(client, history)
    written = translator(backend).write_request(door.read_request(turn, ask))
    assert called(written.body) == [{"input": PATCH}]
    assert RESULT in json.dumps(written.body)
    paths = [loss.path for loss in written.losses]
    assert "turns[1].parts[0].custom" in paths


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_stream_of_chat(size: int) -> None:
    """Only the first piece has the name, each of the others some of the text."""
    told = streamed("openai_chat", size)

    calls = [
        call
        for chunk in told
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    head, *rest = calls
    assert (head["type"], head["custom"]) == (
        "custom",
        {"name": "apply_patch", "input": ""},
    )
    assert all(call.keys() == {"index", "custom"} for call in rest)
    assert "".join(call["custom"]["input"] for call in rest) == PATCH
    assert (len(rest) > 2) == (size < 4096)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_stream_of_responses(size: int) -> None:
    """Deltas, the done event, the item and the response say the same text."""
    told = streamed("openai_responses", size)

    kind = "response.custom_tool_call_input"
    deltas = [event["delta"] for event in told if event["type"] == f"{kind}.delta"]
    (done,) = (event for event in told if event["type"] == f"{kind}.done")
    (item,) = (e["item"] for e in told if e["type"] == "response.output_item.done")
    assert "".join(deltas) == done["input"] == item["input"] == PATCH
    assert item["type"] == "custom_tool_call"
    assert told[-1]["response"]["output"] == [item]
    assert not any("function_call" in event["type"] for event in told)


def streamed(client: str, size: int) -> list[Any]:
    door, turn = front(client), asked(client, [])
    ask = evolve(door.peek(turn, None), stream=True)
    context = Context(ask, 1, "n", door.read_request(turn, ask))
    arguments = json.dumps({"input": PATCH})
    call = ToolCall("c", "apply_patch", arguments)
    reply = Reply("r", "m", 1, (Choice((call,), Finish(Stop.TOOLS)),))
    writer = door.writer(context)
    pieces = []
    for event in unfold(reply):
        if isinstance(event, ToolInputDelta):
            cut = (arguments[i : i + size] for i in range(0, len(arguments), size))
            pieces += [writer.feed([evolve(event, text=piece)]) for piece in cut]
        else:
            pieces.append(writer.feed([event]))
    if client == "openai_responses":
        assert writer.result is not None
    said = frames(b"".join(pieces))
    return [frame_json(frame) for frame in said if b"[DONE]" not in frame]


def test_servers_that_know_them() -> None:
    """OpenAI's own are asked for what was asked, in its chat as in Responses."""
    door, turn = front("openai_responses"), asked("openai_responses", [])
    request = door.read_request(turn, door.peek(turn, None))
    native = openai_chat.OPENAI_DIALECT.translator
    assert native is not None

    written = native.write_request(request)

    (tool,) = written.body["tools"]
    assert tool["type"] == "custom"
    assert tool["custom"]["format"] == {"type": "grammar", "grammar": GRAMMAR}
    assert written.losses == ()


def test_client_of_chat_knows_its_server() -> None:
    """What it offers a server of its own dialect is not put into other words."""
    door, turn = front("openai_chat"), asked("openai_chat", [])
    request = door.read_request(turn, door.peek(turn, None))

    written = translator("openai_chat").write_request(request)

    assert written.body["tools"] == json.loads(turn)["tools"]
    assert written.losses == ()
