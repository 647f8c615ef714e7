"""What a running gateway knows of its backends' models."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import gateway as package
from tests.client import ask, chat
from tests.process import UPSTREAM_KEY, config_for, gateway
from tests.upstream import Upstream, reply
from tests.ways import WAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.process import Gateway


async def told(g: Gateway, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return what the status says of the backend ``up`` once it *fits*."""
    async with asyncio.timeout(10):
        while not fits(status := (await g.status())["backends"]["up"]):
            await asyncio.sleep(0.02)
    return dict(status)


def listing(*names: str) -> list[Any]:
    return reply({"data": [{"id": name} for name in names]})


async def names(g: Gateway) -> list[str]:
    answer = await ask(g.port, path="/v1/models", method="GET")
    return [row["id"] for row in answer.json["data"]]


async def test_refreshed() -> None:
    """The list follows the provider; a failure keeps it, and is told once."""
    answer = [listing("b", "a")]
    config = config_for("", models=[], models_refresh="100ms")
    async with Upstream(lambda _: answer[0]) as up:
        config["backends"]["up"]["api_base_url"] = up.url
        async with gateway(config) as g:
            await told(g, lambda up: up["models"] == 2)
            assert await names(g) == ["up:a", "up:b"]
            answer[0] = listing("c")
            await told(g, lambda up: up["models"] == 1)
            assert await names(g) == ["up:c"]
            answer[0] = reply({}, 503)
            failed = await told(g, lambda up: up["discovery"]["outcome"] == "failed")
            count = len(up.requests)
            await told(g, lambda _: len(up.requests) > count + 1)

            assert failed["models"] == 1
            assert "503" in failed["discovery"]["reason"]
            assert await names(g) == ["up:c"]
            assert len(g.found("models.unknown", backend="up")) == 1
            await g.idle()

        told_of = {
            (r.header("authorization"), r.header("user-agent")) for r in up.requests
        }
    assert told_of == {(f"Bearer {UPSTREAM_KEY}", f"sluicegate/{package.__version__}")}


async def test_never_on_the_way() -> None:
    """A request does not wait for a list that does not come, nor does the end."""
    silence = asyncio.Event()

    def script(request: Any) -> list[Any]:
        if request.method == "GET":
            return [silence]
        return reply({"choices": [{"index": 0, "finish_reason": "stop"}]})

    async with Upstream(script) as up, gateway(config_for(up.url, models=[])) as g:
        await up.request()
        answer = await ask(g.port, chat(stream=False), timeout=2)
        status = await g.status()

    assert answer.status == 200
    assert status["backends"]["up"] == {
        "models": 0,
        "client": WAY,
        "discovery": {"outcome": "waiting", "at": None, "reason": None},
    }


async def test_one_model() -> None:
    """What is listed is found, by each of its names."""
    routes = [{"model": "any-*", "to": "up:*"}, {"model": "fast", "to": "up:a"}]
    config = config_for("", models=[], top={"routes": routes})
    config["backends"]["demo"] = {}
    async with Upstream(listing("a")) as up:
        config["backends"]["up"]["api_base_url"] = up.url
        async with gateway(config) as g:
            await told(g, lambda up: up["models"] == 1)
            found = {
                asked: (await ask(g.port, path=f"/v1/models/{asked}", method="GET"))
                for asked in ("up:a", "a", "any-a", "fast", "demo:hello", "any-b")
            }

    rows = {name: answer.json for name, answer in found.items()}
    assert [rows[name]["id"] for name in ("up:a", "a", "any-a")] == ["up:a"] * 3
    assert (rows["fast"]["id"], rows["fast"]["owned_by"]) == ("fast", "up")
    assert rows["demo:hello"]["owned_by"] == "demo"
    assert found["any-b"].status == 404


async def test_list_of_another_gateway() -> None:
    """Behind one that lets it, its models are ours; behind another there are none."""
    config = config_for("http://127.0.0.1:9/v1", server={"max_hops": 1})
    async with gateway(config) as far, gateway(config_for(far.url, models=[])) as near:
        await told(near, lambda up: up["models"] == 1)
        assert await names(near) == ["up:up:m1"]

    config["server"]["max_hops"] = 0
    async with gateway(config) as far, gateway(config_for(far.url, models=[])) as near:
        status = await told(near, lambda up: up["discovery"]["outcome"] == "failed")
        assert "508" in status["discovery"]["reason"]
        assert await names(near) == []
