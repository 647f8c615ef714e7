"""``sluicegate tail``: the live feed in somebody's terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.client import ask, chat
from tests.process import Gateway, config_for, gateway, start
from tests.upstream import Upstream, reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = reply(
    {
        "model": "m1-2026",
        "choices": [{"index": 0, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
    }
)
ADMIN = "admin-key-1122334455"


@contextlib.asynccontextmanager
async def tailing(
    g: Gateway, *args: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[Gateway]:
    """Follow *g* in a process of its own, from when it has begun to listen."""
    await listeners(g, 0)  # none is left of another test
    tail = await start("tail", "--url", g.url, *args, env=env)
    try:
        await listeners(g, 1)
        yield tail
    finally:
        await tail.kill()


async def listeners(g: Gateway, count: int) -> None:
    async with asyncio.timeout(10):
        while (await g.status())["listeners"] != count:
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def idle() -> AsyncIterator[Gateway]:
    """A gateway that has only refusals to tell of."""
    async with gateway(config_for("http://127.0.0.1:9/v1")) as g:
        yield g


async def line_from(tail: Gateway) -> str:
    async with asyncio.timeout(5):
        while not tail.text:
            await asyncio.sleep(0.01)
    return tail.text[0]


async def test_for_a_person() -> None:
    """One line with what one wants to know; the end of the feed is a good end."""
    async with Upstream(WHOLE) as up, gateway(config_for(up.url)) as g:
        async with tailing(g) as tail:
            await ask(g.port, chat(stream=False), headers={"x-request-id": "r-1"})
            line = await line_from(tail)
            g.signal()
            code = await tail.exit_code()

    for word in ("200", "completed", "stop", "up", "up:m1", "in 7", "out 5", "r-1"):
        assert word in line
    assert code == 0
    assert len(tail.text) == 1


async def test_for_a_script() -> None:
    """What the log says, as one JSON object a line."""
    async with Upstream(WHOLE) as up, gateway(config_for(up.url)) as g:
        async with tailing(g, "--json") as tail:
            await ask(g.port, chat(stream=False))
            told = json.loads(await line_from(tail))
            line = await g.done(told["request_id"])

    assert told == {name: line[name] for name in told}
    assert told["input_tokens"] == 7


async def test_unanswered_and_refused(idle: Gateway) -> None:
    """What has no model, no backend and no tokens is a line, too."""
    async with tailing(idle) as tail:
        await ask(idle.port, b"{")
        line = await line_from(tail)

    assert "400" in line
    assert "refused" in line
    assert "None" not in line


async def test_no_orders_to_the_terminal(idle: Gateway) -> None:
    """What callers write must not clear the operator's screen, or forge lines."""
    model = "x\x1b[2J\x1b]0;title\x07\r\n200  completed\u2028\u202e\x9b31m"
    async with tailing(idle) as tail:
        await ask(idle.port, chat(model=model))
        line = await line_from(tail)
        await asyncio.sleep(0.2)
        lines = len(tail.text)

    assert "404" in line
    assert lines == 1
    assert line.removesuffix("\n").isprintable(), line


async def test_key() -> None:
    """From elsewhere a key is needed; it comes from a variable, not from the line."""
    server = {"admin_keys": [ADMIN]}
    config = config_for("http://127.0.0.1:9/v1", server=server)
    async with gateway(config) as g, forwarding(g.port) as url:
        refused = await start("tail", "--url", url)
        code = await refused.exit_code()
        env = {"ADMIN_KEY": ADMIN}
        tail = await start("tail", "--url", url, "--key-env", "ADMIN_KEY", env=env)
        try:
            await listeners(g, 1)
            await ask(g.port, b"{")
            line = await line_from(tail)
        finally:
            await tail.kill()

    assert code == 1
    assert "401" in "".join(refused.text)
    assert "400" in line
    assert ADMIN not in "".join(tail.text)


@contextlib.asynccontextmanager
async def forwarding(port: int) -> AsyncIterator[str]:
    """Give the URL of a proxy that says for whom it asks."""

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {"x-forwarded-for": "203.0.113.7"}
        if "authorization" in request.headers:
            headers["authorization"] = request.headers["authorization"]
        url = f"http://127.0.0.1:{port}{request.path}"
        async with session.get(url, headers=headers) as answer:
            out = web.StreamResponse(status=answer.status)
            await out.prepare(request)
            with contextlib.suppress(ConnectionError):
                async for piece in answer.content.iter_any():
                    await out.write(piece)
            return out

    app = web.Application()
    app.router.add_get("/{path:.*}", forward)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    async with aiohttp.ClientSession() as session:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def test_unset_variable() -> None:
    """A variable that is not there is a slip, not "no key"."""
    tail = await start("tail", "--url", "http://127.0.0.1:9", "--key-env", "NOT_SET")

    assert await tail.exit_code() not in (0, None)
    assert "NOT_SET" in "".join(tail.text)


async def test_nobody_there() -> None:
    """One sentence and an exit code, at once."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        begun = time.monotonic()
        tail = await start("tail", "--url", url)
        code = await tail.exit_code()

    said = "".join(tail.text)
    assert code == 1
    assert url in said
    assert said.startswith("sluicegate: ")
    assert said.count("\n") == 1
    assert time.monotonic() - begun < 3


async def test_no_url() -> None:
    tail = await start("tail", "--url", "127.0.0.1:8080")

    assert await tail.exit_code() not in (0, None)
    assert "127.0.0.1:8080" in "".join(tail.text)
    assert "Traceback" not in "".join(tail.text)


async def test_gateway_killed() -> None:
    """A feed that breaks off is not an end to be proud of."""
    async with contextlib.AsyncExitStack() as stack:
        g = await start("serve", "--listen", "127.0.0.1:0")
        stack.push_async_callback(g.kill)
        address = (await g.event("server.listening", 10))["addresses"][0]
        g.port = int(address.rpartition(":")[2])
        tail = await stack.enter_async_context(tailing(g))
        g.signal(signal.SIGKILL)
        code = await tail.exit_code()

    assert code == 1
    assert "Traceback" not in "".join(tail.text)


async def test_ctrl_c(idle: Gateway) -> None:
    """The usual way out is no error to be explained."""
    async with tailing(idle) as tail:
        tail.signal(signal.SIGINT)
        code = await tail.exit_code()

    assert code == 130
    assert not tail.text


async def test_into_head(idle: Gateway) -> None:
    """``tail | head -1`` ends without a complaint."""
    async with tailing(idle) as tail:
        await ask(idle.port, b"{")
        await line_from(tail)
        # Asyncio's transport is the reader; without it the pipe is broken.
        transport = tail.process._transport  # type: ignore[attr-defined]
        transport.get_pipe_transport(1).close()
        for _ in range(5):
            await ask(idle.port, b"{")
            await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            code = await tail.process.wait()

    assert code in (0, 141)
    assert "Traceback" not in "".join(tail.text)
