"""Where the gateway listens, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from pathlib import Path

import pytest

from tests.client import Caller, ask, chat
from tests.process import Gateway, config_file, config_for, gateway, start
from tests.stage import Stage
from tests.streams import frame_json, frames, text_chunk
from tests.upstream import End, Upstream, open_stream, reply

WHOLE = reply({"choices": [{"index": 0, "finish_reason": "stop"}]})
FIRST = text_chunk("a")


async def test_unix_socket(tmp_path: Path) -> None:
    """A socket file serves like a port, and is gone afterwards."""
    path = tmp_path / "http.sock"
    async with Upstream(WHOLE) as up:
        config = config_for(up.url, server={"listen": [f"unix:{path}"]})
        async with gateway(config):
            reader, writer = await asyncio.open_unix_connection(path)
            body = json.dumps(chat(stream=False)).encode()
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n"
                b"content-length: %d\r\n\r\n%b" % (len(body), body)
            )
            status = await reader.readline()
            writer.close()
            await writer.wait_closed()

    assert b" 200 " in status
    assert not path.exists()


async def test_socket_file_of_a_dead_process(tmp_path: Path) -> None:
    """What a killed gateway left behind does not stop the next one."""
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    config = config_for("http://127.0.0.1:9/v1", server={"listen": [f"unix:{path}"]})

    async with gateway(config):
        _, writer = await asyncio.open_unix_connection(path)
        writer.close()
        await writer.wait_closed()


async def test_two_addresses(tmp_path: Path) -> None:
    """Every address in the list is served, and told."""
    addresses = ["127.0.0.1:0", f"unix:{tmp_path / 's'}"]
    config = config_for("http://127.0.0.1:9/v1", server={"listen": addresses})

    async with gateway(config) as g:
        line = await g.event("server.listening")
        assert len(line["addresses"]) == 2
        assert (await ask(g.port, path="/livez", method="GET")).status == 200


async def test_taken_port() -> None:
    """One sentence with the address, no traceback, and an exit code."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = await serve(address)

    assert await process.exit_code() not in (0, None)
    said = "".join(process.text)
    assert address in said
    assert "Traceback" not in said


async def serve(address: str) -> Gateway:
    config = config_for("http://127.0.0.1:9/v1", server={"listen": [address]})
    with config_file(config) as path:
        process = await start("serve", "--config", path)
        async with asyncio.timeout(10):
            await process.process.wait()
    return process


async def test_every_line_is_json() -> None:
    """Without a terminal the log is for machines, from the first line to the last."""
    async with Upstream(WHOLE) as up, gateway(config_for(up.url)) as g:
        await ask(g.port, chat(stream=False))
        await ask(g.port, b"{")

    events = [json.loads(line)["event"] for line in g.text if line.strip()]
    assert events.count("exchange.done") == 2
    assert all("timestamp" in line and "level" in line for line in g.lines)


@pytest.mark.timeout(30)
async def test_two_workers() -> None:
    """Both serve on one port, and one SIGTERM ends both, their streams with a frame."""
    script = [*open_stream(FIRST), End.HANG]
    server = {"workers": 2, "shutdown_grace": "700ms"}
    async with Upstream() as up, gateway(config_for(up.url, server=server)) as g:
        stage = Stage(up, g)
        callers = [Caller(g.port) for _ in range(12)]
        case = stage.add(script)
        for caller in callers:
            await caller.__aenter__()
            await caller.send(chat(case))
        for caller in callers:
            await caller.head()
            await caller.take(len(FIRST))
        workers = children(g.pid)
        g.signal()
        begun = time.monotonic()
        ends = [await caller.rest() for caller in callers]
        took = time.monotonic() - begun
        assert await g.exit_code(5) == 0
        for caller in callers:
            await caller.__aexit__()

    assert len(workers) == 2
    assert 0.5 < took < 2.5
    for body, _ in ends:
        assert frame_json(frames(body)[-1])["error"]["code"]
    assert not alive(workers)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in text.split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def test_a_worker_that_dies() -> None:
    """A killed worker is replaced, and callers are served all the while after."""
    server = {"workers": 2, "shutdown_grace": "1s"}
    async with Upstream(WHOLE) as up, gateway(config_for(up.url, server=server)) as g:
        first, second = children(g.pid)
        os.kill(first, 9)
        async with asyncio.timeout(5):
            while len(now := children(g.pid)) < 2 or first in now:
                await asyncio.sleep(0.02)  # /proc wakes nobody
        assert second in now
        await asyncio.sleep(0.7)  # the new one starts
        for _ in range(10):
            assert (await ask(g.port, chat(stream=False))).status == 200
