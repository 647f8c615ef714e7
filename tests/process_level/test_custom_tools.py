"""A custom tool through the running gateway, over two turns of a conversation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.process import gateway
from tests.process_level.responding import TWO, Client, streamed_or_not
from tests.sdk.scripts import anthropic
from tests.sdk.scripts.cast import Cast, configured
from tests.sdk.scripts.said import Call, Said
from tests.upstream import SSE_HEADERS, End, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.process import Gateway
    from tests.upstream import Request, Step

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATCH = '*** Begin Patch\n+print("ü \U0001f600\\n")\n*** End Patch\n'
GRAMMAR = {"syntax": "lark", "definition": 'start: "*** Begin Patch"'}
TOOL = {"name": "apply_patch", "description": "Edits files."}
BACKENDS = ("anthropic", "gemini", "cohere", "ollama", "mistral")
CALLED = Said(calls=(Call("apply_patch", {"input": PATCH}),), ending="tools")
DONE = Said(text=("Edited.",))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast() -> AsyncIterator[Cast]:
    made = Cast()
    async with made.upstream:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def g(
    cast: Cast, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    file: Path = tmp_path_factory.mktemp("state") / "responses.sqlite"
    told = {"backends": configured(cast.root), "responses": {"file": str(file)}, **TWO}
    async with gateway(told) as running:
        yield running


def joined(told: Any, *, streamed: bool) -> Any:
    """Return the call of a chat completion, whole or in chunks."""
    if not streamed:
        (call,) = told["choices"][0]["message"]["tool_calls"]
        return call
    deltas = [choice["delta"] for chunk in told[:-1] for choice in chunk["choices"]]
    head, *rest = (call for delta in deltas for call in delta.get("tool_calls", ()))
    text = "".join(call["custom"]["input"] for call in (head, *rest))
    return {**head, "custom": {**head["custom"], "input": text}}


async def chat(g: Gateway, body: dict[str, Any]) -> Any:
    path = "/v1/chat/completions"
    status, told = await Client(g).call("POST", path, body)
    assert status == 200, told
    return told


@streamed_or_not
@pytest.mark.parametrize("backend", ["chat", *BACKENDS])
async def test_responses(g: Gateway, cast: Cast, backend: str, streamed: bool) -> None:
    """The client's own tool, a function of the model's, and a reference between."""
    model = cast.model(CALLED, DONE)
    ann, name = Client(g), f"{backend}:{model}"
    tools = [{"type": "custom", **TOOL, "format": {"type": "grammar", **GRAMMAR}}]

    first = await ann.ask(name, "Edit.", streamed=streamed, tools=tools)

    (item,) = (i for i in first["output"] if i["type"] != "reasoning")
    assert item["type"] == "custom_tool_call"
    assert (item["name"], item["input"]) == ("apply_patch", PATCH)
    assert first["tools"] == tools
    kind = "custom_tool_call_output"
    result = {"type": kind, "call_id": item["call_id"], "output": "Done."}
    second = await ann.ask(
        name,
        [result],
        streamed=streamed,
        tools=tools,
        previous_response_id=first["id"],
    )
    assert second["status"] == "completed"
    await told_as_function(cast, model)


async def told_as_function(cast: Cast, model: str) -> None:
    asked, again = await cast.heard(model)
    assert asked.tools["apply_patch"]["required"] == ["input"]
    ((name, arguments),) = again.calls
    text = isinstance(arguments, str)
    assert name == "apply_patch"
    assert (json.loads(arguments) if text else arguments) == {"input": PATCH}
    assert again.linked


@streamed_or_not
@pytest.mark.parametrize("backend", BACKENDS)
async def test_chat(g: Gateway, cast: Cast, backend: str, streamed: bool) -> None:
    """The same with a history that the client keeps."""
    model = cast.model(CALLED, DONE)
    form = {"type": "grammar", "grammar": GRAMMAR}
    body: dict[str, Any] = {
        "model": f"{backend}:{model}",
        "messages": [{"role": "user", "content": "Edit."}],
        "tools": [{"type": "custom", "custom": {**TOOL, "format": form}}],
        "stream": streamed,
    }

    told = await chat(g, body)

    call = joined(told, streamed=streamed)
    assert call["type"] == "custom"
    assert call["custom"] == {"name": "apply_patch", "input": PATCH}
    call.pop("index", None)
    body["messages"] += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "Done."},
    ]
    await chat(g, body)
    await told_as_function(cast, model)


@streamed_or_not
async def test_namespaces(g: Gateway, cast: Cast, streamed: bool) -> None:
    """What a client groups has one name upstream, and both again for the client."""
    called = Said(calls=(Call("crm__find", {"id": 7}),), ending="tools")
    model = cast.model(called, DONE)
    ann, name = Client(g), f"anthropic:{model}"
    find = {"type": "function", "name": "find", "parameters": {"type": "object"}}
    space = {"type": "namespace", "name": "crm", "description": "Customers."}
    tools = [{**space, "tools": [find]}]

    first = await ann.ask(name, "Find.", streamed=streamed, tools=tools)

    (item,) = first["output"]
    assert (item["namespace"], item["name"]) == ("crm", "find")
    kind, call_id = "function_call_output", item["call_id"]
    history = [
        {"role": "user", "content": "Find."},
        item,
        {"type": kind, "call_id": call_id, "output": "Ann"},
    ]
    await ann.ask(name, history, streamed=streamed, tools=tools)
    asked, again = await cast.heard(model)
    assert [*asked.tools] == ["crm__find"]
    assert [called for called, _ in again.calls] == ["crm__find"]


async def test_broken_off(g: Gateway, cast: Cast) -> None:
    """A call whose text has come, and whose end has not, is not told as whole."""
    said = Said(calls=(Call("apply_patch", {"input": PATCH}),), ending="tools")

    def play(request: Request) -> list[Step]:
        # start, ping, the block's start, and its three deltas
        begun = anthropic.pieces(said, "m")[:6]
        return [*stream(begun, SSE_HEADERS)[:-1], End.FIN]

    model = cast.model(play)
    tools = [{"type": "custom", **TOOL}]
    body = {"model": f"anthropic:{model}", "input": "Edit.", "stream": True}

    status, told = await Client(g).call(
        "POST", "/v1/responses", {**body, "tools": tools}
    )

    assert status == 200
    kinds = [event["type"] for event in told]
    kind = "response.custom_tool_call_input"
    deltas = [event["delta"] for event in told if event["type"] == f"{kind}.delta"]
    assert "".join(deltas) == PATCH
    assert kinds[-1] in ("error", "response.failed")
    assert not {f"{kind}.done", "response.output_item.done"} & {*kinds}
