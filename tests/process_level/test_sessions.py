"""How the gateway goes to its backends: connections, proxies, headers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from attrs import frozen

from tests.client import Answer, Caller, ask, chat
from tests.process import UPSTREAM_KEY, Gateway, backend, gateway
from tests.process_level.proxy import PASSWORD, Proxy, basic
from tests.stage import Scene, Stage
from tests.streams import DONE, finish_chunk, text_chunk
from tests.upstream import LAST_CHUNK, End, Script, Upstream, chunk, open_stream, reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = {"choices": [{"index": 0, "finish_reason": "stop"}]}
FIRST = text_chunk("a")
TAIL = [chunk(finish_chunk() + DONE), LAST_CHUNK]
OTHER_KEY = "sk-of-the-other-0123456789"
HEADERS = {
    "X-Team": "blue",
    "User-Agent": "our-fleet/1",
    "HTTP-Referer": "https://ours.example",
    "Authorization": "Basic configured",
}
# A proxy is for the file to name: requests carry keys.
PROXY_VARIABLES = dict.fromkeys(
    ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9"
)


@frozen
class World:
    """
    One gateway before several backends.

    Attributes:
        stage: of the upstream to which all but ``other`` lead.
        other: the upstream of ``other`` and ``headers``.
    """

    stage: Stage
    other: Upstream
    proxy: Proxy

    @property
    def gateway(self) -> Gateway:
        return self.stage.gateway

    async def ask(self, name: str, script: Script | None = None) -> Answer:
        """Ask the backend called *name* for a whole answer."""
        answer, _ = await self.stage.exchange(
            script or reply(WHOLE), model=f"{name}:m1", stream=False
        )
        return answer

    def scene(self, name: str, script: Script) -> Any:
        return self.stage.scene(script, model=f"{name}:m1")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with Upstream() as up, Upstream(reply(WHOLE)) as other, Proxy() as proxy:
        short = {"connect": "200ms"}
        dead = f"http://user:{PASSWORD}@127.0.0.1:9"
        backends = {
            "up": backend(up.url),
            "other": backend(other.url, api_key=OTHER_KEY),
            "one": backend(up.url, limits={"connections": 1}, timeouts=short),
            "two": backend(up.url, limits={"connections": 2}),
            "headers": backend(other.url, headers=HEADERS, models=[]),
            "proxied": backend(up.url, proxy=proxy.url),
            "dead-proxy": backend(up.url, proxy=dead),
        }
        async with gateway({"backends": backends}, env=PROXY_VARIABLES) as running:
            yield World(Stage(up, running), other, proxy)


def held() -> tuple[asyncio.Event, Script]:
    """Return a stream that goes on to its end when the event is set."""
    go_on = asyncio.Event()
    return go_on, [*open_stream(FIRST), go_on, *TAIL]


async def at_upstream(world: World, scenes: list[Scene]) -> int:
    """Wait until no more requests of *scenes* arrive; return how many have."""
    await asyncio.sleep(0.4)
    return sum(bool(world.stage.upstream.of(scene.case)) for scene in scenes)


async def test_connection_limit(world: World) -> None:
    """The third stream waits until one of two has ended, and then is served."""
    go_on, script = held()
    async with contextlib.AsyncExitStack() as stack:
        scenes = [
            await stack.enter_async_context(world.scene("two", script))
            for _ in range(3)
        ]
        waiting = await at_upstream(world, scenes)
        go_on.set()
        for scene in scenes:
            await scene.caller.head()
            body, complete = await scene.caller.rest()
            assert complete
            assert body.endswith(DONE)

    assert waiting == 2


async def test_waiting_is_not_connecting(world: World) -> None:
    """A short connect time-out is for the network, not for a queue of ours."""
    go_on, script = held()
    async with world.scene("one", script) as first, world.scene("one", script) as other:
        await first.caller.head()
        await asyncio.sleep(0.5)
        go_on.set()
        status, _ = await other.caller.head()
        await first.caller.rest()
        await other.caller.rest()

    assert status == 200


async def test_waiter_that_leaves(world: World) -> None:
    """Who gives up in the queue keeps nobody else waiting."""
    go_on, script = held()
    async with world.scene("one", script) as first:
        await first.caller.head()
        async with world.scene("one", script) as impatient:
            await asyncio.sleep(0.1)
            impatient.caller.leave()
            line = await impatient.done()
        go_on.set()
        await first.caller.rest()

    assert (await world.ask("one")).status == 200
    assert line["outcome"] == "client_gone"
    assert not world.stage.upstream.of(impatient.case)
    await world.gateway.idle()


async def test_pools_are_apart(world: World) -> None:
    """A backend whose connections are all taken does not hold up another one."""
    async with world.scene("one", [*open_stream(FIRST), End.HANG]) as scene:
        await scene.caller.head()
        before = world.other.accepted
        statuses = [(await world.ask("other")).status for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert world.other.accepted <= before + 1  # kept alive


async def test_more_than_a_hundred(world: World) -> None:
    """There is no limit that nobody has set; aiohttp's own is 100."""
    script = [*open_stream(FIRST), End.HANG]
    async with contextlib.AsyncExitStack() as stack:
        scenes = [
            await stack.enter_async_context(world.scene("up", script))
            for _ in range(120)
        ]
        for scene in scenes:
            await scene.caller.head()


async def test_configured_headers(world: World) -> None:
    """On every request, and above what the gateway or a caller would say."""
    given = {"x-team": "red", "http-referer": "https://theirs.example"}
    body = chat(model="headers:m1", stream=False)

    await ask(world.gateway.port, body, headers=given)

    mine = [r for r in world.other.requests if r.header("x-team")]
    # It was asked for its models, too.
    assert [request.method for request in mine] == ["GET", "POST"]
    for request in mine:
        told = dict(request.headers)
        for name, value in HEADERS.items():
            assert told[name.lower()] == value
        names = [name for name, _ in request.headers]
        assert len(names) == len(set(names))


async def test_key_of_each(world: World) -> None:
    """No backend sees another one's key."""
    await world.ask("up")
    await world.ask("other")

    ours = {r.header("authorization") for r in world.stage.upstream.requests}
    theirs = {r.header("authorization") for r in world.other.requests}
    assert ours == {f"Bearer {UPSTREAM_KEY}"}
    assert theirs - {HEADERS["Authorization"]} == {f"Bearer {OTHER_KEY}"}


async def test_cookies_are_not_kept(world: World) -> None:
    """One caller's session at the upstream is not the next one's."""
    headers = {"content-type": "application/json", "set-cookie": "s=1; path=/"}

    for _ in range(2):
        await world.ask("up", reply(WHOLE, headers=headers))

    cookies = {request.header("cookie") for request in world.stage.upstream.requests}
    assert cookies == {None}


@pytest.mark.parametrize("streaming", [True, False])
async def test_redirect(world: World, streaming: bool) -> None:
    """Where to is said, without what a key or a body would follow to."""
    before = len(world.other.requests)
    where = world.other.url + "/chat/completions?token=t0ken"

    answer, line = await world.stage.exchange(
        reply(b"", 307, {"location": where}), stream=streaming
    )

    assert len(world.other.requests) == before
    assert answer.status == 502
    assert answer.error["code"] == line["error_code"] == "upstream_redirect"
    assert "127.0.0.1" in answer.error["message"]
    assert "t0ken" not in answer.body.decode()


async def test_plain_proxy(world: World) -> None:
    """
    The proxy gets the whole URL and its password, the upstream neither.

    Other backends go their own way.
    """
    await world.ask("up")
    assert not world.proxy.heads

    answer = await world.ask("proxied")

    assert answer.json == WHOLE
    (head,) = world.proxy.heads
    assert head[0] == f"POST {world.stage.upstream.url}/chat/completions HTTP/1.1"
    assert f"proxy-authorization: basic {basic()}".lower() in map(str.lower, head)
    request = world.stage.upstream.requests[-1]
    assert request.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert PASSWORD not in "".join(world.gateway.text)
    assert basic() not in "".join(world.gateway.text)


async def test_no_proxy_there(world: World) -> None:
    """One sentence without the proxy's password."""
    answer = await world.ask("dead-proxy")

    assert answer.status == 503
    assert PASSWORD not in "".join(world.gateway.text) + answer.body.decode()


async def test_one_caller_at_a_time(world: World) -> None:
    """A kept connection of the pool serves the next caller, whoever that is."""
    for _ in range(5):
        async with Caller(world.gateway.port) as caller:
            await caller.send(chat(model="other:m1", stream=False))
            assert (await caller.answer()).json == WHOLE

    assert world.other.open <= 3
