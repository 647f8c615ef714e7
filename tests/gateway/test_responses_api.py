"""Responses are looked up, listed and deleted by those whose they are."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from openai.types.responses.response_item_list import ResponseItemList

from gateway.domain.errors import LLMProxyError
from gateway.responses_api import make, routes
from gateway.settings import Responses, Server, Settings
from gateway.store.base import NoStore, Stored
from gateway.upstream import HttpBackend
from tests.upstream import End, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.store.memory import Memory

pytestmark = pytest.mark.asyncio

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "hi", "annotations": []}],
}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "weather",
    "arguments": "{}",
}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}


class Access:
    """Takes the key for the caller."""

    async def admit(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "ann")


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    made = make(Settings(responses=Responses(file=str(tmp_path / "r.sqlite"))))
    yield made
    await made.close()


@pytest.fixture
async def up() -> AsyncIterator[Upstream]:
    async with Upstream(reply({"deleted": True})) as upstream:
        yield upstream


@pytest.fixture
async def client(memory: Memory, up: Upstream) -> AsyncIterator[TestClient[Any, Any]]:
    async with ClientSession() as session:
        backend: Any = _backend(up.url, session)
        site: Any = SimpleNamespace(
            access=Access(),
            responses=memory,
            settings=Settings(),
            backends={"openai": backend},
        )
        app = web.Application()
        for method, path, handler in routes(site):
            app.router.add_route(method, path, _told(handler))
        async with TestClient(TestServer(app)) as made:
            yield made


def _backend(url: str, session: ClientSession) -> HttpBackend:
    from connectors.openai_responses import DIALECT
    from gateway.plugin import Connector
    from gateway.secret import Secret
    from gateway.settings import Backend

    connector = Connector(
        name="openai",
        base_url=url,
        speaks=(DIALECT,),
        auth=lambda key: {"Authorization": f"Bearer {key}"},
    )
    return HttpBackend(
        name="openai",
        connector=connector,
        settings=Backend(),
        speaks=(DIALECT,),
        bases={DIALECT.protocol: url},
        key=Secret("sk-upstream"),
        session=session,
    )


def _told(handler: Any) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            answer: web.StreamResponse = await handler(request)
        except LLMProxyError as error:
            return web.json_response(error.to_dict(), status=error.status_code)
        return answer

    return handle


async def keep(
    memory: Memory, name: str, *said: Any, previous: str | None = None, **members: Any
) -> None:
    response = {
        "id": name,
        "object": "response",
        "status": "completed",
        "output": members.pop("output", [MESSAGE]),
    }
    await memory.store.put(
        Stored(
            id=name,
            caller="ann",
            backend="openai",
            model="m1",
            created=7,
            input=json.dumps(said).encode(),
            response=json.dumps(response).encode(),
            previous=previous,
            **members,
        )
    )


async def get(client: TestClient[Any, Any], path: str, **query: str) -> Any:
    answer = await client.get(f"/v1/responses/{path}", params=query)
    return answer.status, await answer.json()


async def test_retrieve(client: TestClient[Any, Any], memory: Memory) -> None:
    """The response comes as it was answered."""
    await keep(memory, "r1")

    status, told = await get(client, "r1", include="reasoning.encrypted_content")

    assert status == 200
    assert told["output"] == [MESSAGE]


@pytest.mark.parametrize("caller", ["ann", "bob"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")],
)
async def test_not_there(
    client: TestClient[Any, Any], memory: Memory, caller: str, method: str, path: str
) -> None:
    """What is unknown and what is another's are missing alike."""
    await keep(memory, "r1")
    name = "r1" if caller == "bob" else "r0"

    answer = await client.request(
        method, f"/v1/responses/{name}{path}", headers={"Authorization": caller}
    )

    assert answer.status == 404
    assert await answer.json() == {
        "code": "response_not_found",
        "message": f"Response with id '{name}' not found.",
        "status_code": 404,
    }


@pytest.mark.parametrize(
    ("name", "value"), [("stream", "true"), ("starting_after", "3")]
)
async def test_not_streamed_again(
    client: TestClient[Any, Any], memory: Memory, name: str, value: str
) -> None:
    await keep(memory, "r1")

    status, told = await get(client, "r1", **{name: value})

    assert (status, told["param"]) == (400, name)
    assert (await get(client, "r1", stream="false"))[0] == 200


async def test_cancel(client: TestClient[Any, Any], memory: Memory) -> None:
    """Only what runs in the background could be cancelled, and nothing does."""
    await keep(memory, "r1")

    answer = await client.post("/v1/responses/r1/cancel")

    assert answer.status == 400
    assert "synchronous" in (await answer.json())["message"]


async def test_delete(
    client: TestClient[Any, Any], memory: Memory, up: Upstream
) -> None:
    """A response that only we have is deleted here, and nobody else is asked."""
    await keep(memory, "r1")

    answer = await client.delete("/v1/responses/r1")

    assert await answer.json() == {"id": "r1", "object": "response", "deleted": True}
    assert (await get(client, "r1"))[0] == 404
    assert up.requests == []


@pytest.mark.parametrize("status", [200, 404])
async def test_delete_there(
    client: TestClient[Any, Any], memory: Memory, up: Upstream, status: int
) -> None:
    """One that the provider keeps is deleted there, too, if it is still there."""
    await keep(memory, "resp/1", native=True)
    up.scripts[""] = reply({"deleted": True}, status)

    answer = await client.delete("/v1/responses/resp%2F1")

    assert answer.status == 200
    [request] = up.requests
    assert (request.method, request.path) == ("DELETE", "/v1/responses/resp%2F1")
    assert request.header("authorization") == "Bearer sk-upstream"
    assert (await get(client, "resp%2F1"))[0] == 404


@pytest.mark.parametrize(
    ("script", "status"),
    [(reply({"error": {"message": "no"}}, 500), 500), ([End.FIN], 502)],
)
async def test_provider_does_not_delete(
    client: TestClient[Any, Any],
    memory: Memory,
    up: Upstream,
    script: Any,
    status: int,
) -> None:
    """The client hears of it, and can try again."""
    await keep(memory, "r1", native=True)
    up.scripts[""] = script

    answer = await client.delete("/v1/responses/r1")

    assert answer.status == status
    assert (await get(client, "r1"))[0] == 200


async def test_provider_is_gone(client: TestClient[Any, Any], memory: Memory) -> None:
    """Of a backend that is no longer configured only our copy is left to delete."""
    await memory.store.put(
        Stored("r1", "ann", "gone", "m1", 7, b"[]", b"{}", native=True)
    )

    assert (await client.delete("/v1/responses/r1")).status == 200


async def test_deleted_twice_at_once(
    client: TestClient[Any, Any], memory: Memory, up: Upstream
) -> None:
    """The second of two is told that there is nothing any more."""
    await keep(memory, "r1", native=True)
    both_are_there = asyncio.Event()
    up.scripts[""] = [both_are_there, *reply({"deleted": True})]

    first = asyncio.ensure_future(client.delete("/v1/responses/r1"))
    second = asyncio.ensure_future(client.delete("/v1/responses/r1"))
    async with asyncio.timeout(5):
        while len(up.requests) < 2:
            await asyncio.sleep(0.01)
    both_are_there.set()
    answers = [await first, await second]

    assert sorted(answer.status for answer in answers) == [200, 404]


async def test_input_items(client: TestClient[Any, Any], memory: Memory) -> None:
    """All that a response was the answer to, newest first unless asked otherwise."""
    await keep(memory, "r1", {"role": "user", "content": "one"}, output=[CALL])
    await keep(memory, "r2", RESULT, previous="r1")

    status, told = await get(client, "r2/input_items", order="asc")
    _, newest_first = await get(client, "r2/input_items")

    assert status == 200
    listed = ResponseItemList.model_validate(told)
    kinds = [item.type for item in listed.data]
    assert kinds == ["message", "function_call", "function_call_output"]
    assert told["data"][0]["content"] == [{"type": "input_text", "text": "one"}]
    assert told["data"][1] == {**CALL, "status": "completed"}
    assert len({item["id"] for item in told["data"]}) == 3
    assert told["has_more"] is False
    assert newest_first["data"] == told["data"][::-1]
    assert (newest_first["first_id"], newest_first["last_id"]) == (
        told["last_id"],
        told["first_id"],
    )


async def test_pages(client: TestClient[Any, Any], memory: Memory) -> None:
    """Page after page gives each item once."""
    said = [{"role": "user", "content": str(number)} for number in range(5)]
    await keep(memory, "r1", *said)

    seen: list[str] = []
    query: dict[str, str] = {"limit": "2", "order": "asc"}
    for more in (True, True, False):
        _, page = await get(client, "r1/input_items", **query)
        seen += [item["content"][0]["text"] for item in page["data"]]
        query["after"] = page["last_id"]
        assert page["has_more"] is more

    assert seen == ["0", "1", "2", "3", "4"]
    _, empty = await get(client, "r1/input_items", **query)
    assert empty == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


async def test_earlier_ones_are_gone(
    client: TestClient[Any, Any], memory: Memory
) -> None:
    """What is left of a conversation is listed."""
    await keep(memory, "r2", {"role": "user", "content": "two"}, previous="r1")

    _, told = await get(client, "r2/input_items")

    assert len(told["data"]) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "many"),
        ("limit", "²"),
        ("order", "up"),
        ("after", "msg_unknown"),
    ],
)
async def test_wrong_page(
    client: TestClient[Any, Any], memory: Memory, name: str, value: str
) -> None:
    await keep(memory, "r1")

    status, told = await get(client, "r1/input_items", **{name: value})

    assert (status, told["param"]) == (400, name)


async def test_off() -> None:
    """``responses.file: none`` keeps nothing."""
    memory = make(Settings(responses=Responses(file="none")))

    assert isinstance(memory.store, NoStore)
    said = b'{"model": "m1", "input": "hello"}'
    assert (await memory.recall("ann", "up", False, said)).remember is None


async def test_callers_to_keep_apart() -> None:
    """With two keys or more, no provider is asked for what we do not know."""
    from gateway.domain.errors import InvalidRequestError
    from gateway.secret import Secret

    keys = (Secret("sk-one"), Secret("sk-two"))
    off = Responses(file="none")
    one = make(Settings(server=Server(api_keys=keys[:1]), responses=off))
    two = make(Settings(server=Server(api_keys=keys), responses=off))
    said = b'{"model": "m1", "input": "hello", "previous_response_id": "r0"}'

    assert (await one.recall("ann", "openai", True, said)).body is said
    with pytest.raises(InvalidRequestError):
        await two.recall("ann", "openai", True, said)
