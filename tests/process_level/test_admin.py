"""``/admin``: for who sits at the machine, or has a key of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from tests.client import Answer, Caller, ask, chat
from tests.process import Gateway, config_for, gateway
from tests.streams import chat_stream
from tests.upstream import Upstream, reply, stream
from tests.ways import WAY

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "caller-key-0123456789"
ADMIN = "admin-key-1122334455"
STAGE: dict[str, Any] = {"server": {"api_keys": [KEY], "admin_keys": [ADMIN]}}
PATHS = ["/admin/status", "/admin/events"]
NUMBERS = iter(range(2, 250))
REMOTE = [
    {"x-forwarded-for": "203.0.113.7"},
    {"forwarded": "for=203.0.113.7"},
    {"x-real-ip": "203.0.113.7"},
    {"via": "1.1 proxy"},
    {"x-forwarded-host": "gateway.example.com"},
    {"x-forwarded-proto": "https"},
    {"host": "gateway.example.com"},
    {"host": "evil.example:8080"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "[bad"},
    {"host": ""},
]


async def looked(g: Gateway, path: str, headers: dict[str, str]) -> Answer:
    """Ask with exactly these headers, a ``host`` among them or the usual one."""
    source = f"127.0.0.{next(NUMBERS)}"  # wrong keys are held against an address
    async with Caller(g.port, source=source) as caller:
        named = {"host": f"127.0.0.1:{g.port}", **headers}
        lines = [f"GET {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        caller.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        status, told = await caller.head()
        if dict(told).get("content-type", "").startswith("text/event-stream"):
            return Answer(status, told, b"", complete=False)
        body, complete = await caller._body(dict(told))
        return Answer(status, told, body, complete)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "[::1]:1"])
async def test_at_the_machine(stage: Stage, path: str, host: str) -> None:
    """No key is asked for, even where callers need one."""
    assert (await looked(stage.gateway, path, {"host": host})).status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", REMOTE, ids=str)
async def test_from_elsewhere(stage: Stage, path: str, headers: dict[str, str]) -> None:
    """Through a proxy, or by a name that is not this machine's: not without a key."""
    answer = await looked(stage.gateway, path, headers)

    # A Host that is none at all may be refused as HTTP already.
    assert answer.status == 401 or (answer.status == 400 and "host" in headers)
    assert b"worker" not in answer.body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", REMOTE[:7], ids=str)
async def test_admin_key(stage: Stage, path: str, headers: dict[str, str]) -> None:
    given = {**headers, "authorization": f"Bearer {ADMIN}"}

    assert (await looked(stage.gateway, path, given)).status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", [KEY, "wrong", ADMIN[:-1], ""])
async def test_other_keys(stage: Stage, path: str, key: str) -> None:
    """A caller's key is not an admin's."""
    headers = {"x-forwarded-for": "203.0.113.7", "authorization": f"Bearer {key}"}

    assert (await looked(stage.gateway, path, headers)).status == 401


async def test_admin_key_is_no_caller_key(stage: Stage) -> None:
    answer = await ask(
        stage.gateway.port, chat(), headers={"authorization": f"Bearer {ADMIN}"}
    )

    assert answer.status == 401


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_to_pages() -> AsyncIterator[Gateway]:
    """A gateway that pages of all origins may call, on the user's own machine."""
    server = {"cors_origins": ["*"]}
    async with gateway(config_for("http://127.0.0.1:9/v1", server=server)) as g:
        yield g


@pytest.mark.parametrize("path", PATHS)
async def test_pages_are_not_at_the_machine(open_to_pages: Gateway, path: str) -> None:
    """A page may call models, but the browser's owner has not lent it the rest."""
    answer = await looked(open_to_pages, path, {"origin": "https://evil.example"})

    assert answer.status in (401, 403)


async def test_status(stage: Stage) -> None:
    """The gauges are plain numbers."""
    status = await stage.gateway.status()

    for name in ("open_upstreams", "running_tasks", "active_exchanges", "listeners"):
        assert isinstance(status[name], int)
    assert status["status"] == "ready"
    configured = {"outcome": "configured", "at": None, "reason": None}
    up = {"models": 1, "client": WAY, "discovery": configured}
    assert status["backends"] == {"up": up}
    assert status["writer"] == WAY
    assert KEY not in json.dumps(status)


async def test_live_feed(stage: Stage) -> None:
    """
    What ``EventSource`` wants: type, name, id and one line of JSON per exchange.

    There is nothing in it that callers or models said.
    """
    right = {"authorization": f"Bearer {KEY}"}
    prompt, said = "planted-prompt-4711", "planted-answer-0815"
    url = f"{stage.gateway.url}/admin/events"
    async with aiohttp.ClientSession() as session, session.get(url) as feed:
        assert feed.status == 200
        assert feed.headers["Content-Type"].startswith("text/event-stream")
        assert feed.headers["Cache-Control"] == "no-cache"
        for script in (stream(chat_stream(said)), reply({"error": said}, 400)):
            case = stage.add(script)
            body = chat(case, messages=[{"role": "user", "content": prompt}])
            named = {"x-request-id": case, **right}
            await ask(stage.gateway.port, body, headers=named)
            async with asyncio.timeout(5):
                event = (await feed.content.readuntil(b"\n\n")).decode()
            fields = dict(line.split(": ", 1) for line in event.strip().split("\n"))
            assert fields["event"] == "exchange.done"
            assert fields["id"] == case
            told = json.loads(fields["data"])
            line = await stage.gateway.done(case)
            assert told == {name: line[name] for name in told}
            assert prompt not in event
            assert said not in event


async def test_who_leaves_the_feed(stage: Stage) -> None:
    """Listeners that have gone are not kept."""
    async with Caller(stage.gateway.port) as caller:
        await caller.send(path="/admin/events", method="GET")
        await caller.head()
        assert (await stage.gateway.status())["listeners"] == 1
        caller.leave()
        async with asyncio.timeout(3):
            while (await stage.gateway.status())["listeners"]:
                await asyncio.sleep(0.02)
    await stage.gateway.idle()


async def test_feed_ends_at_shutdown() -> None:
    """With a proper end, so that a browser sees no error and may come back."""
    async with (
        Upstream() as up,
        gateway(config_for(up.url)) as g,
        Caller(g.port) as caller,
    ):
        await caller.send(path="/admin/events", method="GET")
        await caller.head()
        g.signal()
        _, complete = await caller.rest(4)

    assert complete
