"""A provider that says exactly what a test tells it to, on a socket of this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, TypeAlias

from attrs import Factory, define, field, frozen

End: TypeAlias = Literal["whole", "cut", "hang"]

JSON_TYPE = {"content-type": "application/json"}
STREAM_TYPE = {"content-type": "text/event-stream"}


@frozen
class Answer:
    """
    What the provider says to one request.

    Attributes:
        pieces: the body, a write to the network for each.
        stream: in chunks, of a length that is not told before.
        end: ``cut`` breaks off before the end, ``hang`` says nothing more and waits
            until the peer leaves.
    """

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    stream: bool = False
    end: End = "whole"

    def head(self) -> bytes:
        usual = STREAM_TYPE if self.stream else JSON_TYPE
        length = sum(map(len, self.pieces)) + (self.end != "whole")
        framing = (
            {"transfer-encoding": "chunked"}
            if self.stream
            else {"content-length": str(length)}
        )
        headers = {**usual, **self.headers, **framing}
        lines = [f"{name}: {value}" for name, value in headers.items()]
        text = "\r\n".join([f"HTTP/1.1 {self.status} Scripted", *lines, "", ""])
        return text.encode("latin-1")

    def framed(self, piece: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self.stream else piece


@define(eq=False)
class Request:
    """
    One request as it came.

    Attributes:
        headers: by their names in small letters.
        gone: set when the peer has closed the connection.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    gone: asyncio.Event = Factory(asyncio.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script: TypeAlias = Callable[[Request], Answer]


class Upstream:
    """
    A server on a free port of 127.0.0.1.

        async with Upstream(lambda request: Answer((b"{}",))) as upstream:
            ...  # upstream.url, upstream.requests

    Attributes:
        requests: as they came.
        url: where it listens, without a path.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[Request] = []
        self.url = ""
        self._script = script
        self._open: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*filter(None, self._open.values()))

    @property
    def asked(self) -> list[Request]:
        """The requests that bring a question: all but those for the list of models."""
        return [request for request in self.requests if request.method != "GET"]

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._open[writer] = asyncio.current_task()
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                if not await _say(self._script(request), request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the peer is gone, or the test is over
        finally:
            writer.close()


async def _say(
    answer: Answer,
    request: Request,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Return whether the connection can be used again."""
    writer.write(answer.head())
    try:
        for piece in answer.pieces:
            writer.write(answer.framed(piece))
            await writer.drain()
            await asyncio.sleep(0)  # a read for each
        if answer.end == "hang":
            await reader.read(1)
    except ConnectionError:
        request.gone.set()
        return False
    if answer.end == "hang":
        request.gone.set()
    if answer.end == "whole" and answer.stream:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return answer.end == "whole"


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)
