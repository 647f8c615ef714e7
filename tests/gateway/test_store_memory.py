"""What a request refers to is found again, or the client hears that it is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from gateway.domain.errors import (
    InvalidRequestError,
    LLMProxyError,
    RequestTooLargeError,
)
from gateway.domain.request import Request
from gateway.store.base import MissingError, NoStore
from gateway.store.memory import Memory
from gateway.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.recall import Recalled

pytestmark = pytest.mark.asyncio

MiB = 1024 * 1024
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    store = SqliteStore(tmp_path / "responses.sqlite", 1000.0, 64 * MiB)
    made = Memory(store, keeps=True, alone=False, most=MiB)
    yield made
    await made.close()


def body(text: Any = "hello", **members: Any) -> bytes:
    return json.dumps({"model": "m1", "input": text, **members}).encode()


def message(name: str, text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": f"msg_{name}",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def response(name: str, *output: Any, status: str = "completed") -> dict[str, Any]:
    return {
        "id": name,
        "object": "response",
        "status": status,
        "output": list(output) or [message(name, f"answer {name}")],
        "previous_response_id": None,
    }


async def ask(memory: Memory, said: bytes, **given: Any) -> Recalled:
    caller = given.pop("caller", "ann")
    backend = given.pop("backend", "up")
    return await memory.recall(caller, backend, given.pop("stores", False), said)


async def answer(memory: Memory, said: bytes, told: Any, **given: Any) -> Recalled:
    """Ask, and keep what is *told*."""
    recalled = await ask(memory, said, **given)
    assert recalled.remember is not None
    await recalled.remember(told)
    return recalled


async def refused(memory: Memory, said: bytes, **given: Any) -> LLMProxyError:
    with pytest.raises(LLMProxyError) as caught:
        await ask(memory, said, **given)
    return caught.value


async def test_refers_to_nothing(memory: Memory) -> None:
    """A request that refers to nothing goes on as the very bytes that came."""
    said = body()

    recalled = await ask(memory, said)

    assert recalled.body is said
    assert recalled.previous is None
    assert recalled.shown(request := Request("m1")) is request


async def test_history(memory: Memory) -> None:
    """Earlier turns come before the new one, oldest first, and no id is left."""
    await answer(memory, body("one"), response("r1"))
    items = [{"role": "user", "content": "two"}]
    await answer(memory, body(items, previous_response_id="r1"), response("r2"))

    recalled = await ask(memory, body("three", previous_response_id="r2", top_p=1))

    sent = json.loads(recalled.body)
    assert sent == {
        "model": "m1",
        "top_p": 1,
        "input": [
            {"role": "user", "content": "one"},
            message("r1", "answer r1"),
            *items,
            message("r2", "answer r2"),
            {"role": "user", "content": "three"},
        ],
    }


async def test_shown_again(memory: Memory) -> None:
    """The answer's writer, and who looks it up, see what the client referred to."""
    await answer(memory, body(), response("r1"))
    followed = body(previous_response_id="r1")
    recalled = await answer(memory, followed, response("r2"))

    extras = {"openai_responses": {"store": True}, "anthropic": {"x": 1}}
    shown = recalled.shown(Request("m1", extras=extras))

    assert shown.extras == {
        "openai_responses": {"store": True, "previous_response_id": "r1"},
        "anthropic": {"x": 1},
    }
    kept = json.loads((await memory.store.get("ann", "r2")).response)
    assert kept == {**response("r2"), "previous_response_id": "r1"}


async def test_provider_has_it(memory: Memory) -> None:
    """Who keeps answers is asked by id for its own, and for nobody else's."""
    await answer(memory, body(), response("r1"), backend="openai", stores=True)
    await answer(memory, body(), response("x1"), backend="other", stores=True)

    own = body(previous_response_id="r1")
    foreign = body(previous_response_id="x1")

    recalled = await ask(memory, own, backend="openai", stores=True)
    assert recalled.body is own
    assert recalled.previous is None
    recalled = await ask(memory, foreign, backend="openai", stores=True)
    assert "previous_response_id" not in json.loads(recalled.body)
    assert recalled.previous == "x1"


async def test_follows_what_the_provider_has(memory: Memory) -> None:
    """A chain that the provider went on with by id can be continued elsewhere."""
    stores = {"backend": "openai", "stores": True}
    await answer(memory, body("one"), response("r1"), **stores)
    second = body("two", previous_response_id="r1")
    told = {**response("r2"), "previous_response_id": "r1"}
    await answer(memory, second, told, **stores)

    recalled = await ask(memory, body("three", previous_response_id="r2"))

    texts = [item["content"] for item in json.loads(recalled.body)["input"]]
    assert texts[0] == "one"
    assert texts[2] == "two"


@pytest.mark.parametrize("passes", [True, False])
async def test_seals_of_others(memory: Memory, passes: bool) -> None:
    """A provider who is shown items as they are sees no seals and ids of others."""
    told = response("r1", THOUGHT, message("r1", "hi"))
    await answer(memory, body([{"role": "user", "content": "one"}]), told)

    recalled = await memory.recall(
        "ann", "lab", False, body("two", previous_response_id="r1"), passes=passes
    )

    said = {k: v for k, v in message("r1", "hi").items() if k != "id" or not passes}
    assert json.loads(recalled.body)["input"] == [
        {"role": "user", "content": "one"},
        *([] if passes else [THOUGHT]),
        said,
        {"role": "user", "content": "two"},
    ]


async def test_seals_of_its_own(memory: Memory) -> None:
    """The backend that thought is shown its thoughts."""
    await answer(memory, body(), response("r1", THOUGHT))

    recalled = await memory.recall(
        "ann", "up", False, body(previous_response_id="r1"), passes=True
    )

    assert THOUGHT in json.loads(recalled.body)["input"]


@pytest.mark.parametrize("stores", [True, False])
@pytest.mark.parametrize("caller", ["ann", "bob"])
async def test_not_there(memory: Memory, caller: str, stores: bool) -> None:
    """What is unknown and what is another's are refused alike."""
    name = "r1" if caller == "bob" else "r0"
    await answer(memory, body(), response("r1"), stores=True)

    asked = body(previous_response_id=name)
    error = await refused(memory, asked, caller=caller, stores=stores)

    assert isinstance(error, InvalidRequestError)
    assert error.message == f"Previous response with id '{name}' not found."
    assert error.status_code == 400
    assert error.code == "previous_response_not_found"
    assert error.param == "previous_response_id"


async def test_single_caller() -> None:
    """Where nobody can be mistaken, a provider may know what we do not."""
    memory = Memory(NoStore(), keeps=False, alone=True, most=MiB)
    said = body(previous_response_id="r0")

    assert (await ask(memory, said, stores=True)).body is said
    assert "keep none" in (await refused(memory, said)).message


async def test_hole(memory: Memory) -> None:
    """A conversation of which a part was deleted is not continued without it."""
    await answer(memory, body(), response("r1"))
    await answer(memory, body(previous_response_id="r1"), response("r2"))
    await memory.store.delete("ann", "r1")

    error = await refused(memory, body(previous_response_id="r2"))

    assert error.message == "Previous response with id 'r1' not found."


async def test_too_long(memory: Memory) -> None:
    """A history beyond what a request may hold is refused as one."""
    await answer(memory, body("x" * (MiB + 1)), response("r1"))

    error = await refused(memory, body(previous_response_id="r1"))

    assert isinstance(error, RequestTooLargeError)
    assert error.param == "previous_response_id"


async def test_client_wants_none(memory: Memory) -> None:
    """``store: false`` keeps nothing; null and nothing said keep."""
    assert (await ask(memory, body(store=False))).remember is None
    assert (await ask(memory, body(store=True))).remember is not None
    assert (await ask(memory, body(store=None))).remember is not None
    assert (await ask(memory, body())).remember is not None


@pytest.mark.parametrize(
    "told",
    [
        response("r1", status="failed"),
        response("r1", status="in_progress"),
        {**response("r1"), "id": None},
        {"error": {"message": "no"}},
        [],
        None,
    ],
)
async def test_not_kept(memory: Memory, told: Any) -> None:
    """What has failed, or is no response, is nothing to go on from."""
    await answer(memory, body(), told)

    with pytest.raises(MissingError):
        await memory.store.get("ann", "r1")


async def test_incomplete(memory: Memory) -> None:
    """An answer that reached its limit of tokens can be continued."""
    await answer(memory, body(), response("r1", status="incomplete"))

    assert (await ask(memory, body(previous_response_id="r1"))).previous == "r1"


async def test_terminal_event(memory: Memory) -> None:
    """The last event of a stream holds the response."""
    event = {"type": "response.completed", "response": response("r1")}
    await answer(memory, body(), event)

    kept = await memory.store.get("ann", "r1")

    assert json.loads(kept.response) == response("r1")
    assert kept.model == "m1"


@pytest.mark.parametrize("said", [None, 7])
async def test_no_input(memory: Memory, said: Any) -> None:
    """What an upstream took without any input of ours has none."""
    await answer(memory, body(said), response("r1"))

    assert (await memory.store.get("ann", "r1")).input == b"[]"


async def test_store_fails(tmp_path: Path) -> None:
    """The answer is good although it could not be kept, and the log says why."""
    (tmp_path / "file").write_bytes(b"another thing" * 1000)
    store = SqliteStore(tmp_path / "file", 1000.0, MiB)
    memory = Memory(store, keeps=True, alone=False, most=MiB)

    with capture_logs() as logs:
        await answer(memory, body("a secret"), response("r1"))

    names = [line["event"] for line in logs]
    assert names == ["responses.store_failed", "response.not_stored"]
    assert all("not a database" in line["reason"] for line in logs)
    assert "secret" not in str(logs)
    error = await refused(memory, body(previous_response_id="r1"))
    assert error.status_code == 503
    await memory.close()


@pytest.mark.parametrize(
    ("member", "value"), [("background", True), ("conversation", "conv_1")]
)
async def test_not_offered(memory: Memory, member: str, value: Any) -> None:
    """What would be answered otherwise than asked is refused, by name."""
    error = await refused(memory, body(**{member: value}))

    assert isinstance(error, InvalidRequestError)
    assert (error.status_code, error.param) == (400, member)


async def test_not_asked_for(memory: Memory) -> None:
    """Nulls and ``background: false`` ask for nothing."""
    said = body(background=False, conversation=None, previous_response_id=None)

    assert (await ask(memory, said)).body is said


async def test_no_id(memory: Memory) -> None:
    """An id that is no string is the client's mistake."""
    error = await refused(memory, body(previous_response_id=7))

    assert isinstance(error, InvalidRequestError)
    assert error.param == "previous_response_id"


async def test_bytes_are_kept(memory: Memory) -> None:
    """Numbers and escapes that no reader of ours would write again stay."""
    odd = b'[{"role": "user", "content": "\\ud800", "n": 1e400}]'
    said = b'{"model": "m1", "input": %b, "store": true}' % odd
    await answer(memory, said, response("r1"))

    assert (await memory.store.get("ann", "r1")).input == odd
