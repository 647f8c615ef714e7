"""Several serving processes that look like one from outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Caller, ask, chat
from tests.process import Gateway, config_file, config_for, gateway, start
from tests.stage import Stage
from tests.streams import DONE, finish_chunk, text_chunk
from tests.upstream import LAST_CHUNK, Script, Upstream, chunk, open_stream, reply

WHOLE = reply({"choices": [{"index": 0, "finish_reason": "stop"}]})
FIRST = text_chunk("a")
TAIL = finish_chunk() + DONE
NOBODY = "http://127.0.0.1:9/v1"


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in text.split()]


def alive(pid: int) -> bool:
    """Tell whether the process runs; one that nobody has reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2]
    except FileNotFoundError:
        return False
    return state.split()[0] != "Z"


async def gone(pids: list[int], within: float) -> list[int]:
    """Return those of *pids* that are still there after *within* seconds."""
    deadline = time.monotonic() + within
    while (left := [p for p in pids if alive(p)]) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return left


async def replaced(g: Gateway, dead: int, within: float = 4.0) -> None:
    """Wait until another worker has taken the place of *dead*."""
    async with asyncio.timeout(within):
        while dead in (now := children(g.pid)) or len(now) < 2:
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def two_workers(
    url: str = NOBODY, *, server: dict[str, Any] | None = None
) -> AsyncIterator[Gateway]:
    """Serve with two workers, and wait until both of them listen."""
    async with gateway(config_for(url, server={"workers": 2, **(server or {})})) as g:
        for worker in (0, 1):
            await g.event("server.listening", worker=worker)
        yield g


async def test_both_serve() -> None:
    """Connections are spread, and whichever answers tells the totals of both."""
    async with Upstream(WHOLE) as up, two_workers(up.url) as g:
        for _ in range(24):
            assert (await ask(g.port, chat(stream=False))).status == 200
        seen = [await g.status() for _ in range(24)]

    assert {status["worker"] for status in seen} == {0, 1}
    assert {status["workers"] for status in seen} == {2}
    assert {status["exchanges"] for status in seen} == {24}


async def test_spread() -> None:
    """Neither of two workers gets all the callers."""
    async with two_workers() as g:
        served: Counter[int] = Counter()
        for _ in range(100):
            served[(await g.status())["worker"]] += 1

    assert min(served[0], served[1]) > 20


async def test_totals_of_open_streams() -> None:
    """What runs in one worker is counted by the other one, too."""
    go_on = asyncio.Event()
    script: Script = [*open_stream(FIRST), go_on, chunk(TAIL), LAST_CHUNK]
    async with Upstream() as up, two_workers(up.url) as g:
        stage = Stage(up, g)
        async with contextlib.AsyncExitStack() as stack:
            scenes = [
                await stack.enter_async_context(stage.scene(script)) for _ in range(8)
            ]
            for scene in scenes:
                await scene.caller.head()
            seen = [await g.status() for _ in range(24)]
            go_on.set()
            ends = [await scene.caller.rest() for scene in scenes]
            await g.idle()

    assert {status["worker"] for status in seen} == {0, 1}
    assert {status["active_exchanges"] for status in seen} == {8}
    assert {status["open_upstreams"] for status in seen} == {8}
    assert all(complete for _, complete in ends)


async def test_sigterm_lets_streams_finish() -> None:
    """Both workers drain: the streams of both end whole, then the process does."""
    await drained(lambda g: g.signal())


async def test_interrupt_key_lets_streams_finish() -> None:
    """
    Ctrl-C drains, too, although the terminal sends it to each process itself.

    Only a second one is for those in a hurry.
    """
    await drained(lambda g: os.killpg(g.pid, signal.SIGINT))


async def drained(stop: Any) -> None:
    go_on = asyncio.Event()
    script: Script = [*open_stream(FIRST), go_on, chunk(TAIL), LAST_CHUNK]
    async with (
        Upstream() as up,
        two_workers(up.url, server={"shutdown_grace": "10s"}) as g,
    ):
        stage = Stage(up, g)
        async with contextlib.AsyncExitStack() as stack:
            scenes = [
                await stack.enter_async_context(stage.scene(script)) for _ in range(8)
            ]
            for scene in scenes:
                await scene.caller.head()
            stop(g)
            for worker in (0, 1):
                await g.event("server.draining", worker=worker)
            await asyncio.sleep(0.2)
            go_on.set()
            ends = [await scene.caller.rest() for scene in scenes]
            lines = [await scene.done() for scene in scenes]
        assert await g.exit_code(5) == 0

    assert {line["outcome"] for line in lines} == {"completed"}
    assert {body for body, _ in ends} == {FIRST + TAIL}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_while_starting(number: signal.Signals) -> None:
    """A signal that comes before the workers have got anywhere is not lost."""
    config = config_for(NOBODY, server={"workers": 2, "listen": ["127.0.0.1:0"]})
    with config_file(config) as path:
        g = await start("serve", "--config", path)
        try:
            async with asyncio.timeout(10):
                while len(children(g.pid)) < 2:
                    await asyncio.sleep(0)
            g.signal(number)
            code = await g.exit_code(5)
        finally:
            await g.kill()

    assert code == 0
    g.assert_no_alarm()


async def test_killed_workers_are_replaced() -> None:
    """However often one dies, and whatever it was doing, there are two again."""
    async with Upstream(WHOLE) as up, two_workers(up.url) as g:
        for _ in range(2):
            await asyncio.sleep(1.05)  # dying sooner after its start is held against it
            victim = children(g.pid)[0]
            os.kill(victim, signal.SIGKILL)
            await replaced(g, victim)
            answers = [(await ask(g.port, chat(stream=False))) for _ in range(4)]
            assert {answer.status for answer in answers} == {200}
        assert g.process.returncode is None
        (died, *_) = g.found("worker.died")

    assert died["status"] == -signal.SIGKILL


async def test_queue_of_a_dead_worker() -> None:
    """Who was waiting for a worker that has died is served by the next one."""
    async with two_workers() as g:
        await asyncio.sleep(1.05)
        victim = children(g.pid)[0]
        os.kill(victim, signal.SIGSTOP)
        callers = [asyncio.create_task(alive_answer(g.port)) for _ in range(16)]
        await asyncio.sleep(0.3)
        waiting = sum(not caller.done() for caller in callers)
        os.kill(victim, signal.SIGKILL)
        statuses = await asyncio.gather(*callers)

    assert waiting
    assert set(statuses) == {200}


async def alive_answer(port: int) -> int:
    return (await ask(port, path="/livez", method="GET", timeout=8)).status


async def test_gauges_of_a_dead_worker() -> None:
    """What a killed worker was doing is no longer counted."""
    script: Script = [*open_stream(FIRST), asyncio.Event()]
    async with Upstream() as up, two_workers(up.url) as g:
        stage = Stage(up, g)
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(8):
                scene = await stack.enter_async_context(stage.scene(script))
                await scene.caller.head()
            await asyncio.sleep(1.05)
            for victim in children(g.pid):
                os.kill(victim, signal.SIGKILL)
                await replaced(g, victim)
            await g.idle(timeout=5)


async def test_supervisor_killed() -> None:
    """Workers without a supervisor end by themselves, and let go of the port."""
    go_on = asyncio.Event()
    script: Script = [*open_stream(FIRST), go_on, chunk(TAIL), LAST_CHUNK]
    config = config_for("", server={"workers": 2, "listen": ["127.0.0.1:0"]})
    async with Upstream(script) as up:
        config["backends"]["up"]["api_base_url"] = up.url
        with config_file(config) as path:
            g = await start("serve", "--config", path)
            try:
                for worker in (0, 1):
                    line = await g.event("server.listening", 10, worker=worker)
                port = int(line["addresses"][0].rpartition(":")[2])
                workers = children(g.pid)
                async with Caller(port) as caller:
                    await caller.send(chat())
                    await caller.head()
                    os.kill(g.pid, signal.SIGKILL)
                    await asyncio.sleep(0.3)
                    go_on.set()
                    body, complete = await caller.rest()
                left = await gone(workers, within=3)
                with pytest.raises(ConnectionError):
                    await asyncio.open_connection("127.0.0.1", port)
            finally:
                await g.kill()

    assert not left
    assert complete
    assert body == FIRST + TAIL


async def test_live_feed_of_both() -> None:
    """Whoever listens to one worker hears of the exchanges of all of them."""
    async with (
        Upstream(WHOLE) as up,
        two_workers(up.url) as g,
        Caller(g.port) as feed,
    ):
        await feed.send(path="/admin/events", method="GET")
        assert (await feed.head())[0] == 200
        while not (await g.status())["listeners"]:
            await asyncio.sleep(0.01)
        before = (await g.status())["exchanges"]
        for number in range(24):
            headers = {"x-request-id": f"feed-{number}"}
            await ask(g.port, chat(stream=False), headers=headers)
        said = b""
        with contextlib.suppress(TimeoutError):
            while said.count(b"event: exchange.done") < 24:
                said += await feed.piece(2)
        assert (await g.status())["exchanges"] == before + 24

    told = [line for line in said.decode().splitlines() if line.startswith("data: ")]
    ids = [json.loads(line.removeprefix("data: "))["request_id"] for line in told]
    assert sorted(ids) == sorted(f"feed-{number}" for number in range(24))


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("other", ["plain", "reuse_port"])
async def test_taken_port(workers: str, other: str) -> None:
    """Sharing a port with oneself does not mean sharing it with strangers."""
    with socket.socket() as taken:
        if other == "reuse_port":
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        g = await start("serve", "--listen", address, "--workers", workers)
        code = await g.exit_code(10)

    said = "".join(g.text)
    assert code not in (0, None)
    assert said.startswith(f"sluicegate: cannot listen on {address}: ")
    assert said.count("\n") == 1


async def test_unix_socket_of_two(tmp_path: Path) -> None:
    """Two workers share a socket file; it is gone after both."""
    path = tmp_path / "http.sock"
    async with two_workers(server={"listen": [f"unix:{path}"]}):
        statuses = [await over_unix(path) for _ in range(20)]

    assert {status["worker"] for status in statuses} <= {0, 1}
    assert {status["workers"] for status in statuses} == {2}
    assert not path.exists()


async def over_unix(path: Path) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /admin/status HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    members: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return members


async def test_workers_that_cannot_start() -> None:
    """What no new try would mend ends the process instead of trying for ever."""
    config = config_for(NOBODY, server={"workers": 2}, tls={"ca_file": "/nowhere.pem"})
    with config_file(config) as path:
        g = await start("serve", "--config", path, "--listen", "127.0.0.1:0")
        try:
            code = await g.exit_code(8)
        finally:
            await g.kill()

    said = "".join(g.text)
    assert code not in (0, -signal.SIGKILL)
    assert "/nowhere.pem" in said
    assert "Traceback" not in said
