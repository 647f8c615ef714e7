"""Requests that take the short way are served as aiohttp would serve them."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import StreamReader
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse

from gateway.lane import serving_check
from gateway.lane.response import FastResponse
from tests.gateway.lane.site import LAST, ask, connected, said, serving, until

if TYPE_CHECKING:
    from aiohttp.web_protocol import RequestHandler

    from gateway.protocol import Runner

HEADERS = {"Content-Type": "text/plain", "Server": "s"}
CLOSE = "Connection: close"


def is_short(request: BaseRequest) -> bool:
    """An application would have made a request of its own kind."""
    return type(request) is BaseRequest


async def echo(request: BaseRequest) -> StreamResponse:
    """Answer with the body, after what tells the way that the request took."""
    way = b"short " if is_short(request) else b"long "
    body = way + request.path.encode() + b" " + await request.content.read()
    if request.path == "/stream":
        response = FastResponse(200, HEADERS)
        await response.prepare(request)
        response.send(body)
        return response
    return FastResponse(200, HEADERS, body)


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    return await reader.readexactly(
        int(head.partition(b"content-length: ")[2].split()[0])
    )


async def test_many_in_turn() -> None:
    """Each request of a connection takes it, and finds its own context."""
    named: ContextVar[str] = ContextVar("named", default="")
    found: list[str] = []

    async def handle(request: BaseRequest) -> StreamResponse:
        found.append(named.get())
        named.set(request.path)
        return await echo(request)

    async with serving(handle) as runner, connected(runner) as (reader, writer):
        for number in range(3):
            writer.write(ask(f"/{number}", body=b"x"))
            assert await read_answer(reader) == b"short /%d x" % number
        # Together, as only few clients do: the first one takes it.
        writer.write(ask("/3", body=b"x") + ask("/4", body=b"y"))
        assert await read_answer(reader) == b"short /3 x"
        assert await read_answer(reader) == b"long /4 y"
        writer.write(ask("/5", body=b"x"))
        assert await read_answer(reader) == b"short /5 x"

    assert found == [""] * 6


async def test_pipelining() -> None:
    """Answers come in the order of the requests, and whole."""
    asked = [
        ask("/stream", body=b"1"),
        ask("/whole", body=b"2"),
        ask("/stream", body=b"3"),
    ]
    answers = {}

    for fast in (True, False):
        async with serving(echo, fast=fast) as runner:
            answers[fast] = await said(runner, b"".join(asked) + LAST)

    # Only the first one finds the connection idle.
    short, long = answers[True], answers[False]
    assert short.replace(b"f\r\nshort ", b"e\r\nlong ") == long
    assert long.count(b"HTTP/1.1 200 OK") == 4


async def test_more_than_the_queue_holds() -> None:
    async with serving(echo) as runner:
        answers = await said(
            runner, b"".join(ask(f"/{n}", body=b"x" * n) for n in range(1, 80)) + LAST
        )

    assert answers.count(b"HTTP/1.1 200 OK") == 80


async def test_more_in_turn_than_the_queue_holds() -> None:
    async with serving(echo) as runner, connected(runner) as (reader, writer):
        for _ in range(70):
            writer.write(ask(body=b"x"))
            assert await read_answer(reader) == b"short / x"
        writer.write(ask(body=b"x") + ask(body=b"y"))
        assert await read_answer(reader) == b"short / x"
        assert await read_answer(reader) == b"long / y"


async def test_body_comes_late() -> None:
    """A handler need not wait for the body to be called."""
    whole = ask("/", CLOSE, body=b"x" * 100)

    async with serving(echo) as runner:
        answer = await said(runner, whole[:-100], whole[-100:-50], whole[-50:])

    assert answer.endswith(b"short / " + b"x" * 100)


async def test_crumbs_then_a_long_body() -> None:
    """A body in many tiny chunks leaves nothing paused for the next one."""
    crumbs = (
        ask("/", "Transfer-Encoding: chunked") + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n"
    )
    long = ask("/", CLOSE, body=b"y" * 900_000)

    async with serving(echo) as runner:
        async with connected(runner) as (reader, writer):
            writer.write(crumbs)
            assert await read_answer(reader) == b"short / " + b"x" * 40_000
            writer.write(long)
            assert await read_answer(reader) == b"short / " + b"y" * 900_000


@pytest.mark.parametrize("late", [False, True])
async def test_crumbs_up_to_the_brim(late: bool) -> None:
    """A parser that paused for a body just as it ended goes on with the next one."""
    connection, wire = serving_check._connected(echo, echo)
    body = StreamReader(connection, connection._read_bufsize, loop=connection._loop)
    crumbs = b"1\r\nx\r\n" * (body._high_water_chunks + 1) + b"0\r\n\r\n"
    first = ask("/whole", "Transfer-Encoding: chunked")

    if late:
        connection.data_received(first)
        await asyncio.sleep(0)
        first = b""
    connection.data_received(first + crumbs)
    await until(lambda: wire.written.endswith(b"x"))
    assert not connection._reading_paused
    connection.data_received(ask("/whole", body=b"y" * 1000))
    await until(lambda: wire.written.endswith(b"short /whole " + b"y" * 1000))

    connection.connection_lost(None)


@pytest.mark.parametrize(
    "request_",
    [ask(method="GET"), ask("/", "Connection: upgrade", "Upgrade: websocket")],
)
async def test_not_for_us(request_: bytes) -> None:
    """What is no plain POST is aiohttp's, and the next one need not be."""
    async with serving(echo) as runner, connected(runner) as (reader, writer):
        writer.write(request_)
        first = await read_answer(reader)
        writer.write(ask(body=b"x"))
        second = await read_answer(reader)

    assert first.startswith(b"long ")
    assert second.startswith(b"short ")


async def test_expectation() -> None:
    """Who waits to be told to go on is told."""
    async with serving(echo) as runner, connected(runner) as (reader, writer):
        writer.write(ask("/", "Expect: 100-continue", "Content-Length: 1"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"x")
        assert await read_answer(reader) == b"long / x"


async def test_malformed_after_a_good_one() -> None:
    async with serving(echo) as runner:
        answer = await said(runner, ask(body=b"x"), b"GET / HTP/1.1\r\n\r\n")

    assert answer.count(b"HTTP/1.") == 2
    assert b"short / xHTTP/1.0 400 Bad Request\r\n" in answer


@pytest.mark.parametrize("begun", [False, True])
async def test_mistake(begun: bool) -> None:
    """A handler's mistake is a 500, or a visible break in what has begun."""

    async def handle(request: BaseRequest) -> StreamResponse:
        if begun:
            response = FastResponse(200, HEADERS)
            await response.prepare(request)
            response.send(b"begun")
        raise LookupError

    async with serving(handle) as runner:
        answer = await said(runner, ask() + ask())

    assert answer.count(b"HTTP/1.1 ") == 1
    if begun:
        assert answer.endswith(b"\r\n\r\n5\r\nbegun\r\n")
    else:
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"Connection: close" in answer


async def test_answer_that_cannot_be_written(caplog: Any) -> None:
    """What nobody can answer any more ends the connection, and is in the log."""

    async def handle(_: BaseRequest) -> StreamResponse:
        return FastResponse(200, {"x-a": "1\n"}, b"whole")

    async with serving(handle) as runner:
        assert await said(runner, ask()) == b""

    assert "control character" in caplog.text


async def test_mistake_right_after_the_head() -> None:
    """A head that waits for its stream's first bytes keeps others from going out."""

    async def handle(request: BaseRequest) -> StreamResponse:
        await FastResponse(200, HEADERS).prepare(request)
        raise LookupError

    async with serving(handle) as runner:
        answer = await said(runner, ask())

    assert b"500" not in answer


@pytest.mark.parametrize("way", ["close", "half-close", "reset"])
@pytest.mark.parametrize("begun", [False, True])
async def test_client_leaves(way: str, begun: bool) -> None:
    """The handler is cancelled at once, and nothing is left of either."""
    before = asyncio.all_tasks()
    ended = asyncio.Event()
    started = asyncio.Event()

    async def handle(request: BaseRequest) -> StreamResponse:
        response = FastResponse(200, HEADERS)
        if begun:
            await response.prepare(request)
            response.send(b"begun")
        started.set()
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            ended.set()
            raise
        return response

    async with serving(handle) as runner, connected(runner) as (_, writer):
        writer.write(ask(body=b"x"))
        await started.wait()
        if way == "half-close":
            writer.write_eof()
        elif way == "reset":
            writer.transport.abort()
        else:
            writer.close()
        await asyncio.wait_for(ended.wait(), 0.5)
        await until(lambda: not connections(runner))
        await until(lambda: asyncio.all_tasks() == before)


@pytest.mark.parametrize("earlier", [0, 1])
async def test_client_leaves_before_the_first_step(earlier: int) -> None:
    """Nor is the connection's own task left, which an earlier request may have made."""
    before = asyncio.all_tasks()
    connection, wire = serving_check._connected(echo, echo)
    for _ in range(earlier):
        connection.data_received(ask(method="GET"))
        await until(lambda: wire.written.endswith(b" / ") and connection._waiter)

    connection.data_received(ask("/stream", body=b"x"))
    connection.connection_lost(None)

    assert asyncio.all_tasks() != before
    await until(lambda: asyncio.all_tasks() == before)


async def early(request: BaseRequest) -> StreamResponse:
    return FastResponse(401, HEADERS, b"no")


async def test_answered_before_it_was_sent() -> None:
    """Who still sends its body gets the answer, and may ask again after it."""
    request = ask(body=b"x" * 50)

    async with serving(early) as runner, connected(runner) as (reader, writer):
        for _ in range(2):
            writer.write(request[:-20])
            assert await read_answer(reader) == b"no"
            await asyncio.sleep(0.01)
            writer.write(request[-20:])


async def test_never_sent() -> None:
    """A body that does not come ends the connection after a while."""
    async with serving(early, lingering_time=0.05) as runner:
        answer = await said(runner, ask(body=b"x" * 50)[:-20])

    assert answer.endswith(b"\r\n\r\nno")


async def test_broken_off_while_lingering() -> None:
    chunked = ask("/", "Transfer-Encoding: chunked")

    async with serving(early) as runner:
        answer = await said(runner, chunked + b"3\r\nabc\r\n", b"zz\r\n")

    assert answer.count(b"\r\n\r\nno") == 1


async def test_idle() -> None:
    """A connection that is idle after its answer is closed in time."""
    async with serving(echo, keepalive_timeout=0.05) as runner:
        async with connected(runner) as (reader, writer):
            writer.write(ask(body=b"x"))
            await read_answer(reader)
            assert await reader.read() == b""


async def test_used_is_not_idle() -> None:
    """The time counts from the last answer."""
    async with serving(echo, keepalive_timeout=0.2) as runner:
        async with connected(runner) as (reader, writer):
            for _ in range(4):
                await asyncio.sleep(0.08)
                writer.write(ask(body=b"x"))
                await read_answer(reader)


async def test_busy_is_not_idle() -> None:
    """A request that takes longer than that is answered, and then the time begins."""

    async def handle(request: BaseRequest) -> StreamResponse:
        await asyncio.sleep(0.15)
        return await echo(request)

    async with serving(handle, keepalive_timeout=0.05) as runner:
        assert (await said(runner, ask(body=b"x"))).endswith(b"short / x")


async def test_closing_server() -> None:
    """A server that stops lets the answer end, and then the connection."""
    go_on = asyncio.Event()

    async def handle(request: BaseRequest) -> StreamResponse:
        await go_on.wait()
        return await echo(request)

    async with serving(handle) as runner, connected(runner) as (reader, writer):
        writer.write(ask(body=b"x"))
        await until(lambda: busy(runner))
        assert runner.server is not None
        runner.server.pre_shutdown()
        await asyncio.sleep(0.01)
        go_on.set()
        assert (await reader.read()).endswith(b"short / x")


async def test_server_that_waits_no_longer() -> None:
    """What has not ended when the server's patience has is cancelled."""
    cancelled = asyncio.Event()

    async def handle(_: BaseRequest) -> StreamResponse:
        try:
            await asyncio.sleep(5)
        finally:
            cancelled.set()
        raise AssertionError

    before = asyncio.all_tasks()
    async with serving(handle, shutdown_timeout=0.02) as runner:
        async with connected(runner) as (reader, writer):
            writer.write(ask(body=b"x"))
            await until(lambda: busy(runner))
            await runner.cleanup()
            assert cancelled.is_set()
            assert await reader.read() == b""
    await until(lambda: asyncio.all_tasks() == before)


async def test_server_that_waits() -> None:
    """The end of the last answer is the end of the waiting."""

    async def handle(request: BaseRequest) -> StreamResponse:
        await asyncio.sleep(0.05)
        return await echo(request)

    async with serving(handle, shutdown_timeout=5) as runner:
        async with connected(runner) as (reader, writer):
            writer.write(ask(body=b"x"))
            await until(lambda: busy(runner))
            async with asyncio.timeout(1):
                await runner.cleanup()
            assert (await reader.read()).endswith(b"short / x")


def busy(runner: Runner) -> bool:
    return any(connection._request_in_progress for connection in connections(runner))


def connections(runner: Runner) -> list[RequestHandler]:
    assert runner.server is not None
    return runner.server.connections


async def test_access_log() -> None:
    """Who runs it with aiohttp's access log gets its lines."""
    lines: list[float] = []

    class Log(AbstractAccessLogger):
        def log(self, _: Any, response: StreamResponse, time: float) -> None:
            assert response.status == 200
            lines.append(time)

    async with serving(
        echo, access_log=logging.getLogger(), access_log_class=Log
    ) as runner:
        await said(runner, ask("/", CLOSE, body=b"x"))

    assert len(lines) == 1
