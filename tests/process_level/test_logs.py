"""What is written on standard error: for machines, for people, for nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import Caller, ask, chat
from tests.process import ROOT, Gateway, config_file, config_for, gateway, start
from tests.streams import chat_stream
from tests.upstream import End, Script, Upstream, reply, stream

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "http://127.0.0.1:9/v1"
WHOLE = reply({"choices": [{"index": 0, "finish_reason": "stop"}]})


async def test_lines_of_two_workers_under_load() -> None:
    """However much is logged at once, each line is whole."""
    async with gateway(config_for(NOBODY, server={"workers": 2})) as g:
        for worker in (0, 1):
            await g.event("server.listening", worker=worker)
        await asyncio.gather(*(refusals(g.port, 40) for _ in range(40)))

    lines = [json.loads(line) for line in g.text]
    assert sum(line["event"] == "exchange.done" for line in lines) == 1600


async def refusals(port: int, count: int) -> None:
    """Send bad requests ahead of their answers, which cost next to nothing."""
    async with Caller(port) as caller:
        request = b"POST /v1/completions HTTP/1.1\r\nhost: g\r\ncontent-length: 1\r\n"
        caller.writer.write((request + b"\r\n{") * count)
        for _ in range(count):
            assert (await caller.answer()).status == 400


async def test_last_words() -> None:
    """The end of each worker is in the log."""
    async with gateway(config_for(NOBODY, server={"workers": 2})) as g:
        for worker in (0, 1):
            await g.event("server.listening", worker=worker)

    assert sorted(line["worker"] for line in g.found("server.stopped")) == [0, 1]


async def test_one_line_per_exchange(stage: Stage) -> None:
    """With its id, level and time, once."""
    lines = [(await stage.exchange(WHOLE, stream=False))[1] for _ in range(3)]

    for line in lines:
        (only,) = stage.gateway.found("exchange.done", request_id=line["request_id"])
        assert only is line
        assert line["level"] == "info"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])


async def test_request_id_on_every_line_of_a_request() -> None:
    """What goes wrong while a request is served can be looked up by its id."""
    garbage: Script = [
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{",
        End.FIN,
    ]
    async with Upstream(garbage) as up, gateway(config_for(up.url)) as g:
        await ask(g.port, chat(stream=False), headers={"x-request-id": "find-me"})
        await g.done("find-me")

    own = ("server.", "worker.", "models.")
    mine = [line for line in g.lines if not line["event"].startswith(own)]
    assert mine
    assert {line.get("request_id") for line in mine} == {"find-me"}


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
async def test_level(level: str) -> None:
    """Below the level nothing is written, the lines of exchanges included."""
    config = config_for(NOBODY, top={"log": {"level": level}})
    with config_file(config) as path:
        g = await start("serve", "--config", path, "--listen", "127.0.0.1:0")
        try:
            async with asyncio.timeout(10):
                port = await listening_port(g.pid)
            await ask(port, b"{")
            g.signal()
            assert await g.exit_code() == 0
        finally:
            await g.kill()

    assert bool(g.found("exchange.done")) == (level in ("debug", "info"))
    assert bool(g.lines) == (level in ("debug", "info"))


async def listening_port(pid: int) -> int:
    """Find the port in the kernel's tables, where the log does not tell."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            inodes = set()
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    inodes.add(fd.readlink().name)
            rows = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
            for row in map(str.split, rows):
                if row[3] == "0A" and f"socket:[{row[9]}]" in inodes:
                    return int(row[1].rpartition(":")[2], 16)
        await asyncio.sleep(0.05)


# -- on a terminal


@contextlib.contextmanager
def on_a_terminal(*args: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start the gateway with a terminal on all three streams."""
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICEGATE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", *args],
        cwd=ROOT,
        env={**env, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@contextlib.asynccontextmanager
async def terminal(config: dict[str, Any], *args: str) -> AsyncIterator[Gateway]:
    """As `gateway`, with ``text`` as it appears on a terminal."""
    with config_file(config) as path:
        given = ["--config", path, "--listen", "127.0.0.1:0", *args]
        with on_a_terminal(*given) as (process, end):
            shown: list[str] = []
            reading = asyncio.create_task(asyncio.to_thread(read_all, end, shown))
            async with asyncio.timeout(10):
                while not (found := re.search(r"127\.0\.0\.1:(\d+)", "".join(shown))):
                    await asyncio.sleep(0.02)
            g = Gateway.__new__(Gateway)
            g.port, g.text = int(found[1]), shown
            yield g
            process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(process.wait, 10)
            await reading
    assert code == 0


def read_all(end: int, into: list[str]) -> None:
    with contextlib.suppress(OSError):  # the other side is closed
        while data := os.read(end, 65536):
            into.append(data.decode("utf-8", "replace"))


async def test_console() -> None:
    """A person gets words in columns, not JSON."""
    async with terminal(config_for(NOBODY)) as g:
        await ask(g.port, b"{", headers={"x-request-id": "seen-by-people"})

    said = "".join(g.text)
    assert "exchange.done" in said
    assert "seen-by-people" in said
    assert '{"' not in said
    assert "\x1b[" in said  # in colour


async def test_json_on_a_terminal() -> None:
    """Whoever asks for JSON gets it there, too."""
    async with terminal(config_for(NOBODY, top={"log": {"format": "json"}})) as g:
        pass

    assert [json.loads(line)["event"] for line in "".join(g.text).splitlines()]


async def test_console_without_a_terminal() -> None:
    """And words in a file, without colours."""
    config = config_for(NOBODY, top={"log": {"format": "console"}})
    with config_file(config) as path:
        g = await start("serve", "--config", path, "--listen", "127.0.0.1:0")
        try:
            async with asyncio.timeout(10):
                port = await listening_port(g.pid)
            await ask(port, path="/livez", method="GET")
            g.signal()
            assert await g.exit_code() == 0
        finally:
            await g.kill()

    said = "".join(g.text)
    assert "server.stopped" in said
    assert not g.lines
    assert "\x1b" not in said


async def test_no_orders_to_the_terminal() -> None:
    """What callers write must not clear the operator's screen, or forge lines."""
    model = "x\x1b[2J\x1b]0;title\x07\r\nforged\x9b31m\u202e"
    async with terminal(config_for(NOBODY)) as g:
        await ask(g.port, chat(model=model))

    said = re.sub(r"\x1b\[\d*m", "", "".join(g.text))  # colours are our own
    assert "404" in said
    assert "\x1b" not in said
    assert not re.search(r"[\x07\x9b\u202e]", said)
    assert not re.search(r"^forged", said, re.MULTILINE)


# -- who reads, or does not


async def test_nobody_reads_the_log() -> None:
    """A log shipper that dies does not take the gateway with it."""
    async with Upstream(WHOLE) as up:
        with config_file(config_for(up.url)) as path:
            g = await start("serve", "--config", path, "--listen", "127.0.0.1:0")
            try:
                async with asyncio.timeout(10):
                    port = await listening_port(g.pid)
                transport = g.process._transport  # type: ignore[attr-defined]
                for number in (1, 2):
                    transport.get_pipe_transport(number).close()
                for _ in range(5):
                    answer = await ask(port, chat(stream=False))
                    assert answer.status == 200
                    await asyncio.sleep(0.03)
                g.signal()
                async with asyncio.timeout(5):
                    code = await g.process.wait()
            finally:
                await g.kill()

    assert code == 0


async def test_long_names_are_cut(stage: Stage) -> None:
    """A model's name of a megabyte is a mistake, not a megabyte in the log."""
    _, line = await stage.exchange(model="nobody:" + "x" * 1_000_000)

    assert len(json.dumps(line)) < 5000


@pytest.mark.parametrize("name", [r"\ud800", r"\udfff\ud800 x", r"\u0000"])
async def test_names_that_are_no_text(stage: Stage, name: str) -> None:
    """A lone surrogate in a name is answered, and logged."""
    body = b'{"model": "nobody:%b", "messages": []}' % name.encode()
    case = stage.add(None)

    answer = await ask(stage.gateway.port, body, headers={"x-request-id": case})
    line = await stage.gateway.done(case)

    assert 400 <= answer.status < 500
    assert line["status"] == answer.status


async def test_upstream_that_is_no_text(stage: Stage) -> None:
    """Ids and names that are no Unicode cost neither answer, line nor feed."""
    said = {"id": "\ud800", "model": "\udfff", "choices": []}
    headers = {"content-type": "application/json", "x-request-id": "\xff\xe9"}
    async with Caller(stage.gateway.port) as feed:
        await feed.send(path="/admin/events", method="GET")
        await feed.head()
        answer, line = await stage.exchange(reply(said, headers=headers), stream=False)
        fed = await feed.until(b"\n\n", 3)

    assert answer.status == 200
    assert line["outcome"] == "completed"
    assert b'"outcome":"completed"' in fed


PROMPT = "planted-prompt-4711"
ANSWER = "planted-answer-0815"


async def test_body_longer_than_told(stage: Stage) -> None:
    """The rest of a body, which looks like a broken request, is not quoted."""
    body = json.dumps(chat(messages=[{"role": "user", "content": PROMPT}])).encode()
    async with Caller(stage.gateway.port) as caller:
        await caller.send_head("/nothing", headers={"content-length": "10"})
        caller.writer.write(body)
        await caller.ended()
    await stage.gateway.event("request.malformed")

    assert PROMPT not in "".join(stage.gateway.text)


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_no_contents(level: str) -> None:
    """Neither prompts nor answers are in the log, whatever became of them."""
    scripts: list[Any] = [
        stream(chat_stream(ANSWER, "\n")),
        stream(chat_stream(ANSWER)[:1]),
        reply({"id": ANSWER, "object": ANSWER, "choices": [{"text": ANSWER}]}),
        reply(ANSWER.encode()),
        reply({"error": {"message": ANSWER, "param": ANSWER}}, 400),
        reply(f"<html>{ANSWER}</html>".encode(), 502),
        [ANSWER.encode() + b"\r\n\r\n", End.FIN],
    ]
    prompt = [{"role": "user", "content": PROMPT}]
    bodies = [
        json.dumps(chat(messages=prompt)).encode(),
        json.dumps(chat(messages=prompt, stream=False)).encode(),
    ]
    broken = [
        bodies[0][:-1],
        json.dumps([PROMPT]).encode(),
        json.dumps({"model": ["m1", PROMPT], "stream": PROMPT}).encode(),
        json.dumps({"model": "demo:hello", "messages": PROMPT}).encode(),
        json.dumps({"model": "demo:hello", "messages": [{"role": PROMPT}]}).encode(),
    ]
    top = {"log": {"level": level}}
    async with Upstream() as up:
        config = config_for(up.url, top=top)
        config["backends"]["demo"] = {}
        async with gateway(config) as g:
            for script in scripts:
                up.scripts[""] = script
                for body in bodies:
                    await ask(g.port, body)
            for body in broken:
                await ask(g.port, body, headers={"x-note": PROMPT})
            await ask(g.port, b"", f"/{PROMPT}", method="GET")

    said = "".join(g.text)
    assert len(g.found("exchange.done")) == 2 * len(scripts) + len(broken)
    assert PROMPT not in said
    # The id of an answer is an account's, not a content.
    assert ANSWER not in said.replace(f'"upstream_id":"{ANSWER}"', "")
