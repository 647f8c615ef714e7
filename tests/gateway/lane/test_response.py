"""What we write to clients is, to the byte, what aiohttp would have written."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp.web import BaseRequest, Request, Response, ResponseKey, StreamResponse
from attrs import frozen

from gateway.lane.response import FastResponse
from tests.gateway.lane.site import LAST, ask, connected, said, serving, until

MARK = ResponseKey("mark", int)
USUAL = {"Content-Type": "text/event-stream", "Server": "sluicegate"}
RICH = {
    **USUAL,
    "x-request-id": "req_0123456789abcdef",
    "x-100%": "50% of é\tor so",
    "Date": "Thu, 01 Jan 1970 00:00:00 GMT",
}


@frozen
class Case:
    """*body* is of a whole answer, or the chunks of a stream."""

    body: bytes | tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = USUAL
    request: bytes = ask(body=b"{}")
    forced: bool = False


def old(*headers: str) -> bytes:
    return "\r\n".join(
        ("POST / HTTP/1.0", "Content-Length: 0", *headers, "", "")
    ).encode()


CLOSE = ask("/", "Connection: close")
HEAD = ask(method="HEAD")
CASES = {
    "stream": Case((b"one", b"two" * 100)),
    "stream of nothing": Case(()),
    "stream with an empty piece": Case((b"", b"one", b"")),
    "long stream": Case((b"x" * 70_000, b"y" * 200_000)),
    "stream, rich headers": Case((b"one",), headers=RICH),
    "stream, no headers": Case((b"one",), headers={}),
    "stream, a header from bytes": Case((b"one",), headers={"x-a": "1\udce9\u2028"}),
    "stream, closing": Case((b"one",), request=CLOSE),
    "stream, closed by us": Case((b"one",), forced=True),
    "stream, 206": Case((b"one",), 206),
    "stream, unknown status": Case((b"one",), 299),
    "stream, HTTP/1.0": Case((b"one", b"two"), request=old()),
    "stream, its connection named": Case((b"a",), headers={"connection": "keep-alive"}),
    "stream by GET": Case((b"one",), request=ask(method="GET")),
    "whole": Case(b"answer"),
    "whole, empty": Case(b""),
    "whole, empty and untyped": Case(b"", headers={}),
    "whole, untyped": Case(b"answer", headers={}),
    "whole, rich headers": Case(b"answer", headers=RICH),
    "whole, long": Case(b"x" * 300_000),
    "whole, error": Case(b"{}", 529, {"content-type": "application/json"}),
    "whole, closing": Case(b"answer", request=CLOSE),
    "whole, closed by us": Case(b"answer", forced=True),
    "whole, HTTP/1.0": Case(b"answer", request=old()),
    "whole, HTTP/1.0 kept alive": Case(
        b"answer", request=old("Connection: keep-alive")
    ),
    "whole, HTTP/1.0 closed by us": Case(
        b"answer", request=old("Connection: keep-alive"), forced=True
    ),
    "whole by GET": Case(b"answer", request=ask(method="GET")),
    "no content": Case(b"", 204),
    "not modified": Case(b"", 304),
    "not modified, of something": Case(b"answer", 304, {}),
    "head of a whole": Case(b"answer", request=HEAD),
    "head of an empty": Case(b"", request=HEAD),
    "head of a stream": Case((), request=HEAD),
    "head, untyped": Case(b"answer", headers={}, request=HEAD),
    "stream of no content": Case((), 204),
}


def ours(case: Case) -> FastResponse:
    whole = case.body if isinstance(case.body, bytes) else None
    return FastResponse(case.status, case.headers, whole)


def theirs(case: Case) -> StreamResponse:
    if isinstance(case.body, bytes):
        return Response(body=case.body, status=case.status, headers=case.headers)
    return StreamResponse(status=case.status, headers=case.headers)


def answering(make: Any, case: Case) -> Any:
    async def handle(request: BaseRequest) -> StreamResponse:
        if request.path == "/last":
            return Response(text="last")
        response: StreamResponse = make(case)
        if case.forced:
            response.force_close()
        if isinstance(case.body, tuple):
            await response.prepare(request)
            for piece in case.body:
                await response.write(piece)
        return response

    return handle


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_same_bytes(case: Case) -> None:
    """Nobody can tell from an answer who has written it, nor by which way."""
    written = []
    for make, fast in ((theirs, False), (ours, False), (ours, True), (theirs, True)):
        async with serving(answering(make, case), fast=fast) as runner:
            written.append(await said(runner, case.request + LAST))

    assert written[1:] == written[:1] * 3
    assert written[0].startswith((b"HTTP/1.1 ", b"HTTP/1.0 "))


async def test_one_write_for_a_whole_answer() -> None:
    """Head and body leave in one piece, and so do a stream's head and first bytes."""
    writes: list[bytes] = []

    async def handle(request: BaseRequest) -> StreamResponse:
        transport = request.transport
        assert transport is not None
        noted = _Noted(transport, writes)
        request.protocol.transport = noted  # type: ignore[assignment]
        response = FastResponse(
            200, USUAL, b"whole" if request.path == "/whole" else None
        )
        await response.prepare(request)
        if request.path != "/whole":
            response.send(b"first")
            response.send(b"second")
        await response.write_eof()
        request.protocol.transport = transport
        return response

    async with serving(handle) as runner:
        await said(runner, ask("/whole", "Connection: close"))
        await said(runner, ask("/stream", "Connection: close"))

    whole, first, second, end = writes
    assert whole.endswith(b"\r\n\r\nwhole")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\n5\r\nfirst\r\n")
    assert (second, end) == (b"6\r\nsecond\r\n", b"0\r\n\r\n")


class _Noted:
    def __init__(self, transport: asyncio.Transport, writes: list[bytes]) -> None:
        self._transport, self._writes = transport, writes

    def write(self, data: bytes) -> None:
        self._writes.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_head_goes_by_itself() -> None:
    """A stream that says nothing for long is open all the same."""
    go_on = asyncio.Event()

    async def handle(request: BaseRequest) -> StreamResponse:
        response = FastResponse(200, USUAL)
        await response.prepare(request)
        await go_on.wait()
        response.send(b"late")
        return response

    async with serving(handle) as runner, connected(runner) as (reader, writer):
        writer.write(ask())
        head = await reader.readuntil(b"\r\n\r\n")
        go_on.set()
        rest = await reader.readuntil(b"0\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest == b"4\r\nlate\r\n0\r\n\r\n"


async def test_old_client_is_told_the_end() -> None:
    """A stream to HTTP/1.0 ends with the connection, however the client asked."""
    case = Case((b"one", b"two"))

    async with serving(answering(ours, case)) as runner:
        answer = await said(runner, old("Connection: keep-alive"))

    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"onetwo"
    assert b"keep-alive" not in head


@pytest.mark.parametrize("request_", [ask(method="HEAD"), ask("/204")])
async def test_no_body_where_none_may_be(request_: bytes) -> None:
    """Whatever is sent into such an answer: it would be read as the next one's head."""

    async def handle(request: BaseRequest) -> StreamResponse:
        if request.path == "/last":
            return Response(text="last")
        response = FastResponse(204 if request.path == "/204" else 200, USUAL)
        await response.prepare(request)
        response.send(b"one")
        await response.write(b"two")
        await response.write_eof(b"three")
        return response

    async with serving(handle) as runner:
        head, _, rest = (await said(runner, request_ + LAST)).partition(b"\r\n\r\n")

    assert b"chunked" not in head
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "1\r\nx-b: 2"},
        {"x-a": "1\nx-b: 2"},
        {"x-a": "1\r"},
        {"x-a": "1\0"},
        {"x-a": "\x7f"},
        {"x-a\r\nx-b": "1"},
        {"x-a\0": "1"},
        {"Content-Length": "0"},
        {"transfer-encoding": "identity"},
    ],
)
async def test_injection(headers: dict[str, str]) -> None:
    """No header ends the head, or says how long the body is: nothing goes out."""

    async def handle(request: BaseRequest) -> StreamResponse:
        response = FastResponse(200, headers)
        with pytest.raises(ValueError, match=r"header"):
            await response.prepare(request)
        assert not response.prepared
        return FastResponse(200, USUAL, b"refused")

    async with serving(handle) as runner:
        answer = await said(runner, CLOSE)

    assert answer.endswith(b"\r\n\r\nrefused")
    assert answer.count(b"HTTP/1.1") == 1


async def test_hooks_see_it() -> None:
    """An application's hook may add to the headers, as the one for CORS does."""

    async def hook(_: Request, response: StreamResponse) -> None:
        response.headers.add("Vary", "Origin")
        response.headers["x-seen"] = response.headers["content-type"]

    async with serving(
        answering(ours, Case((b"one",))), fast=False, prepared=hook
    ) as runner:
        # The short cut passes the application by, so no POST.
        answer = await said(runner, ask("/", "Connection: close", method="GET"))

    assert b"\r\nVary: Origin\r\n" in answer
    assert b"\r\nx-seen: text/event-stream\r\n" in answer
    assert answer.endswith(b"\r\n\r\n3\r\none\r\n0\r\n\r\n")


async def test_as_any_response() -> None:
    """Who asks an answer about itself is told what aiohttp's own would say."""
    seen: list[Any] = []

    async def handle(request: BaseRequest) -> StreamResponse:
        response = FastResponse(201, USUAL)
        response.headers["x-later"] = "yes"
        response[MARK] = 1
        seen.append((response.prepared, response.status, response.reason))
        with pytest.raises(RuntimeError):
            response.send(b"too early")
        with pytest.raises(RuntimeError):
            await response.write_eof()
        with pytest.raises(RuntimeError):
            response.enable_compression()
        writer = await response.prepare(request)
        assert await response.prepare(request) is writer is request.writer
        seen.append((response.prepared, request.writer.output_size > 0))
        response.send(b"12345")
        await response.write_eof()
        await response.write_eof()
        seen.append((response.keep_alive, response.body_length, response[MARK]))
        assert response.body_length == request.writer.output_size
        assert await response.prepare(request) is None
        with pytest.raises(RuntimeError):
            response.send(b"too late")
        return response

    async with serving(handle) as runner:
        answer = await said(runner, CLOSE)

    assert b"\r\nx-later: yes\r\n" in answer
    # The date is longer than what stands for it.
    length = len(answer) - len("today") + len("Thu, 01 Jan 1970 00:00:00 GMT")
    assert seen == [(False, 201, "Created"), (True, True), (False, length, 1)]


async def test_length_of_nothing() -> None:
    """An answer that never got a body has the length of its head and its end."""
    lengths: list[int] = []

    async def handle(request: BaseRequest) -> StreamResponse:
        response = FastResponse(200, USUAL)
        await response.prepare(request)
        await response.write_eof()
        lengths.append(response.body_length)
        return response

    async with serving(handle) as runner, connected(runner) as (reader, writer):
        writer.write(CLOSE)
        assert lengths == [len(await reader.read())]


async def test_whole_is_no_stream() -> None:
    async def handle(request: BaseRequest) -> StreamResponse:
        response = FastResponse(200, USUAL, b"whole")
        await response.prepare(request)
        with pytest.raises(RuntimeError):
            response.send(b"more")
        with pytest.raises(RuntimeError):
            await response.write_eof(b"more")
        return response

    async with serving(handle) as runner:
        assert (await said(runner, CLOSE)).endswith(b"\r\n\r\nwhole")


async def test_client_left() -> None:
    """Who writes to a client that has left is told so, whatever it writes."""
    told: list[str] = []

    async def handle(request: BaseRequest) -> StreamResponse:
        stream, whole = FastResponse(200, USUAL), FastResponse(200, USUAL, b"whole")
        await stream.prepare(request)
        await whole.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        with pytest.raises(ConnectionResetError):
            stream.send(b"x")
        told.append("closing")
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            for writing in (stream.write(b"x"), stream.write_eof(), whole.write_eof()):
                with pytest.raises(ConnectionResetError):
                    await writing
            told.append("closed")
            raise
        return stream

    async with serving(handle) as runner, connected(runner) as (reader, writer):
        writer.write(ask())
        await until(lambda: told == ["closing", "closed"])
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


class Gauge:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


async def test_slow_client() -> None:
    """Who fills a client faster than it reads is told, and told when it goes on."""
    gauge = Gauge()
    sent = 0

    async def handle(request: BaseRequest) -> StreamResponse:
        nonlocal sent
        response = FastResponse(200, USUAL)
        await response.prepare(request)
        request.protocol.flow = gauge  # type: ignore[attr-defined]
        while not gauge.calls and sent < 2**26:
            response.send(b"x" * 2**16)
            sent += 2**16
            await asyncio.sleep(0)
        assert request.protocol.writing_paused
        await response.write(b"end")  # waits until the client has read
        assert gauge.calls == ["pause", "resume"]
        return response

    async with serving(handle) as runner:
        reader_socket = socket.create_connection(runner.addresses[0][:2])
        reader_socket.setblocking(False)
        with reader_socket:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(reader_socket, ask())
            await until(lambda: gauge.calls)
            await asyncio.sleep(0.02)
            assert gauge.calls == ["pause"]
            got = bytearray()
            async with asyncio.timeout(5):
                while not got.endswith(b"3\r\nend\r\n0\r\n\r\n"):
                    got += await loop.sock_recv(reader_socket, 2**20)

    assert gauge.calls == ["pause", "resume"]
    assert got.count(b"x") == sent + b"text/event-stream".count(b"x")
