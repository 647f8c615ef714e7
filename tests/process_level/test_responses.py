"""Responses that clients refer to by id, through the running gateway."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from tests.process import UPSTREAM_KEY, gateway
from tests.process_level.responding import (
    ANN,
    BOB,
    RESPONSES,
    Client,
    config,
    kept,
    streamed_or_not,
    texts_of,
)
from tests.recordings import select
from tests.sdk.scripts.cast import Cast, breaking
from tests.sdk.scripts.said import Call, Said
from tests.streams import frame_json, frames
from tests.upstream import LAST_CHUNK, End, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The provider ``openai`` keeps answers itself; the others do not.
BACKENDS = ("chat", "responses", "anthropic", "gemini", "openai")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast() -> AsyncIterator[Cast]:
    made = Cast()
    async with made.upstream:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state") / "made" / "responses.sqlite"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def g(cast: Cast, file: Path) -> AsyncIterator[Gateway]:
    async with gateway(config(cast, file)) as running:
        yield running


@streamed_or_not
@pytest.mark.parametrize("backend", BACKENDS)
async def test_continued(g: Gateway, cast: Cast, backend: str, streamed: bool) -> None:
    """Three turns by id: each upstream is asked with all that it does not keep."""
    ann = Client(g)
    said = [Said(text=(f"answer {n}",)) for n in (1, 2, 3)]
    model = cast.model(*said)
    name = f"{backend}:{model}"

    first = await ann.ask(name, "one", streamed=streamed)
    second = await ann.ask(
        name, "two", streamed=streamed, previous_response_id=first["id"]
    )
    third = await ann.ask(
        name, "three", streamed=streamed, previous_response_id=second["id"]
    )

    assert len({first["id"], second["id"], third["id"]}) == 3
    heard = (await cast.heard(model))[-1]
    request = (await cast.requests(model))[-1]
    if backend == "openai":
        assert [text for _, text in heard.said] == ["three"]
        assert request.json["previous_response_id"] == second["id"]
        return
    assert heard.said == [
        ("user", "one"),
        ("assistant", "answer 1"),
        ("user", "two"),
        ("assistant", "answer 2"),
        ("user", "three"),
    ]
    assert "previous_response_id" not in request.json
    _, kept = await ann.get(third["id"])
    assert kept["previous_response_id"] == second["id"]
    if backend != "responses":  # whose bytes pass
        assert third["previous_response_id"] == second["id"]


@pytest.mark.parametrize("backend", BACKENDS)
async def test_tools_by_id(g: Gateway, cast: Cast, backend: str) -> None:
    """A tool's result that refers to its call by id only finds it."""
    ann = Client(g)
    call = Call("weather", {"city": "Brno"}, "call_1")
    model = cast.model(Said(calls=(call,), ending="tools"), Said(text=("It rains.",)))
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}}

    first = await ann.ask(f"{backend}:{model}", tools=[tool])
    [item] = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "output": "rain"}
    second = await ann.ask(
        f"{backend}:{model}",
        [{**result, "call_id": item["call_id"]}],
        previous_response_id=first["id"],
        tools=[tool],
    )

    assert texts_of(second["output"]) == ["It rains."]
    if backend != "openai":
        heard = (await cast.heard(model))[-1]
        assert heard.calls == [("weather", {"city": "Brno"})]
        assert heard.linked


@streamed_or_not
@pytest.mark.parametrize("backend", BACKENDS)
async def test_looked_up(g: Gateway, cast: Cast, backend: str, streamed: bool) -> None:
    """A response can be got again as it was, and its input be listed."""
    ann = Client(g)
    model = cast.model(Said(text=("one ", "two")))

    told = await ann.ask(f"{backend}:{model}", "hello", streamed=streamed)
    status, again = await ann.get(told["id"])
    _, items = await ann.get(f"{told['id']}/input_items")

    assert (status, again) == (200, told)
    assert texts_of(items["data"]) == ["hello"]
    assert items["object"] == "list"


async def test_without_the_version(g: Gateway, cast: Cast) -> None:
    """Base URLs without ``/v1`` lead to the same."""
    ann = Client(g)
    told = await ann.ask(f"chat:{cast.model(Said(text=('hi',)))}")

    assert (await ann.call("GET", f"/responses/{told['id']}"))[0] == 200


@pytest.mark.parametrize("backend", BACKENDS)
async def test_others_do_not_see_it(g: Gateway, cast: Cast, backend: str) -> None:
    """To another caller a response is unknown, in the same words as any other."""
    ann, bob = Client(g), Client(g, BOB)
    model = cast.model(Said(text=("a secret",)))
    name = (await ann.ask(f"{backend}:{model}"))["id"]

    for method, path in (
        ("GET", name),
        ("DELETE", name),
        ("GET", f"{name}/input_items"),
        ("POST", f"{name}/cancel"),
    ):
        status, told = await bob.call(method, f"{RESPONSES}/{path}")
        _, unknown = await bob.call(method, f"{RESPONSES}/{path.replace(name, 'r0')}")
        assert status == 404
        assert json.dumps(told).replace(name, "r0") == json.dumps(unknown)
    body = {"model": f"{backend}:{model}", "input": "hello"}
    status, told = await bob.call(
        "POST", RESPONSES, {**body, "previous_response_id": name}
    )
    _, unknown = await bob.call(
        "POST", RESPONSES, {**body, "previous_response_id": "r0"}
    )
    assert status == 400
    assert json.dumps(told).replace(name, "r0") == json.dumps(unknown)
    assert len(await cast.requests(model)) == 1
    assert (await ann.get(name))[0] == 200


@pytest.mark.recordings
@streamed_or_not
@pytest.mark.parametrize("backend", BACKENDS)
async def test_unknown(g: Gateway, cast: Cast, backend: str, streamed: bool) -> None:
    """An id that there is not is refused as OpenAI refuses it."""
    [recorded] = select("openai.responses", tags="previous-response-id error")
    name = recorded.exchange["request"]["body"]["previous_response_id"]
    body = {
        "model": f"{backend}:{cast.model()}",
        "input": "hello",
        "stream": streamed,
        "previous_response_id": name,
    }

    status, told = await Client(g).call("POST", RESPONSES, body)

    assert status == recorded.status
    assert told == json.loads(recorded.body)


@pytest.mark.parametrize("backend", BACKENDS)
@streamed_or_not
async def test_client_wants_none(
    g: Gateway, cast: Cast, backend: str, streamed: bool
) -> None:
    """``store: false`` keeps nothing."""
    ann = Client(g)
    name = f"{backend}:{cast.model(Said(text=('hi',)))}"

    told = await ann.ask(name, streamed=streamed, store=False)

    assert (await ann.get(told["id"]))[0] == 404


@pytest.mark.parametrize(
    ("member", "value"), [("background", True), ("conversation", "conv_1")]
)
@pytest.mark.parametrize("backend", BACKENDS)
async def test_not_offered(
    g: Gateway, cast: Cast, backend: str, member: str, value: Any
) -> None:
    """What is not offered is refused by name, never ignored."""
    body = {"model": f"{backend}:{cast.model()}", "input": "hello", member: value}

    status, told = await Client(g).call("POST", RESPONSES, body)

    assert (status, told["error"]["param"]) == (400, member)
    assert told["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("name", "value"), [("stream", "true"), ("starting_after", "3")]
)
async def test_not_streamed_again(
    g: Gateway, cast: Cast, name: str, value: str
) -> None:
    ann = Client(g)
    told = await ann.ask(f"chat:{cast.model(Said(text=('hi',)))}")

    status, told = await ann.get(told["id"], **{name: value})

    assert (status, told["error"]["param"]) == (400, name)


async def test_cancel(g: Gateway, cast: Cast) -> None:
    """Nothing runs in the background, so nothing can be cancelled."""
    ann = Client(g)
    told = await ann.ask(f"chat:{cast.model(Said(text=('hi',)))}")

    status, told = await ann.call("POST", f"{RESPONSES}/{told['id']}/cancel")

    assert status == 400
    assert told["error"]["message"] == "Cannot cancel a synchronous response."


@pytest.mark.parametrize("backend", BACKENDS)
async def test_deleted(g: Gateway, cast: Cast, backend: str) -> None:
    """What was deleted is gone, here and where the provider keeps it, too."""
    ann = Client(g)
    told = await ann.ask(f"{backend}:{cast.model(Said(text=('hi',)))}")
    path = f"{RESPONSES}/{told['id']}"

    status, gone = await ann.call("DELETE", path)

    assert status == 200
    assert gone == {"id": told["id"], "object": "response", "deleted": True}
    assert (await ann.get(told["id"]))[0] == 404
    assert (await ann.call("DELETE", path))[0] == 404
    asked = [r for r in cast.upstream.requests if r.path.endswith(told["id"])]
    assert [r.method for r in asked] == (["DELETE"] if backend == "openai" else [])


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_wrong_method(g: Gateway, method: str) -> None:
    status, _ = await Client(g).call(method, f"{RESPONSES}/r1")

    assert status == 405


async def test_no_key(g: Gateway) -> None:
    """Who has no key learns nothing about ids."""
    assert (await Client(g, "sk-wrong").get("r1"))[0] == 401


@pytest.mark.parametrize("end", [End.RST, End.FIN, LAST_CHUNK, "told"])
@pytest.mark.parametrize("backend", BACKENDS)
async def test_cut_in_the_middle(
    g: Gateway, cast: Cast, file: Path, backend: str, end: Any
) -> None:
    """A stream that broke off leaves nothing to go on from."""
    ends = ["it broke", LAST_CHUNK] if end == "told" else [end]
    said = Said(text=("one ", "two ", "three ", "four "))
    model = cast.model(breaking(said, *ends))
    before = kept(file)

    body = {"model": f"{backend}:{model}", "input": "hello", "stream": True}
    status, told = await Client(g).call("POST", RESPONSES, body)

    assert status == 200
    assert told[-1]["type"] in {"response.failed", "error"}
    names = {e["response"]["id"] for e in told if "response" in e}
    assert kept(file) == before
    for name in names:
        assert (await Client(g).get(name))[0] == 404


@pytest.mark.parametrize("backend", BACKENDS)
async def test_client_leaves(g: Gateway, cast: Cast, file: Path, backend: str) -> None:
    """Nor does one that the client left."""
    said = Said(text=("one ", "two ", "three ", "four "))
    model = cast.model(breaking(said, End.HANG))
    before = kept(file)
    body = {"model": f"{backend}:{model}", "input": "hello", "stream": True}

    headers = {"Authorization": f"Bearer {ANN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{g.url}{RESPONSES}", json=body) as answer:
            await answer.content.readany()
    [request] = await cast.requests(model)
    await request.gone()
    await g.idle()

    assert kept(file) == before


@pytest.mark.parametrize("backend", BACKENDS)
async def test_continued_at_once(g: Gateway, cast: Cast, backend: str) -> None:
    """Who reads the last event can refer to the response that very moment."""
    ann = Client(g)
    headers = {"Authorization": f"Bearer {ANN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(5):
            model = cast.model(Said(text=("hi",)))
            body = {"model": f"{backend}:{model}", "input": "hello", "stream": True}
            async with session.post(f"{g.url}{RESPONSES}", json=body) as answer:
                seen = b""
                while b"response.completed" not in seen or seen[-2:] != b"\n\n":
                    seen += await answer.content.readany()
                name = frame_json(frames(seen)[-1])["response"]["id"]
                assert (await ann.get(name))[0] == 200


async def test_file(g: Gateway, cast: Cast, file: Path) -> None:
    """The file is for its owner only, and holds no keys."""
    await Client(g).ask(f"chat:{cast.model(Said(text=('hi',)))}")

    names = sorted(path.name for path in file.parent.iterdir())
    assert names[0] == file.name
    for path in file.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert ANN.encode() not in path.read_bytes()
        assert UPSTREAM_KEY.encode() not in path.read_bytes()


async def test_provider_does_not_delete(g: Gateway, cast: Cast) -> None:
    """Where the provider fails to delete, the client hears so and can try again."""
    ann = Client(g)
    told = await ann.ask(f"openai:{cast.model(Said(text=('hi',)))}")
    usual, cast.deleting = cast.deleting, reply({"error": {"message": "no"}}, 500)
    try:
        status, _ = await ann.call("DELETE", f"{RESPONSES}/{told['id']}")
    finally:
        cast.deleting = usual

    assert status == 500
    assert (await ann.get(told["id"]))[0] == 200
