"""
The scripted upstream: a process that plays what the request's script says.

    python -m bench.upstream [CERTIFICATE KEY]      # the latter two for TLS

Streams go out as one HTTP chunk an event. A paced event carries the time at which it
was handed to the kernel.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import os
import ssl
import sys
import time
from typing import cast

import uvloop

from bench import canned, speech
from bench.http1 import ChunkedReader, read_length
from bench.ticker import open_ticker

_TICK = 250_000  # ns; finer ones cost more of the core that the load runs on, too
_GOLDEN = 0.618034
_WHOLE = canned.JSON_HEAD % len(canned.reply()) + canned.reply()


@functools.cache
def burst(path: bytes, count: int, *, usage: bool) -> bytes:
    """Return the whole answer of *count* events to a request for *path*."""
    said = speech.of_path(path)
    if said is speech.CHAT:
        return canned.stream(canned.events(count, usage=usage))
    return canned.stream(said.events(said.words_of(count)))


class Pacer:
    """One timer for all paced streams: a timer each would cost more than the events."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[int, list[PacedStream]] = {}
        self._now = 0
        self._ticker: int | None = None
        self._added = 0

    def add(self, stream: PacedStream) -> None:
        """
        Begin *stream* within its first period, at a moment as far as can be from
        those of the other streams: whoever opens them does so in step with a clock.
        """
        if self._ticker is None:
            self._now = _tick_now()
            self._ticker = open_ticker(_TICK)
            self._loop.add_reader(self._ticker, self._tick)
        self._added += 1
        phase = int(self._added * _GOLDEN % 1 * stream.period)
        self._due.setdefault(_tick_now() + 1 + phase, []).append(stream)

    def _tick(self) -> None:
        assert self._ticker is not None
        os.read(self._ticker, 8)
        now = _tick_now()
        for tick in range(self._now + 1, now + 1):
            for stream in self._due.pop(tick, ()):
                if stream.step():
                    self._due.setdefault(tick + stream.period, []).append(stream)
        self._now = now
        if not self._due:
            self._loop.remove_reader(self._ticker)
            os.close(self._ticker)
            self._ticker = None


def _tick_now() -> int:
    return time.monotonic_ns() // _TICK


class PacedStream:
    """
    Sends *count* events, all but the last few with the time.

    Attributes:
        period: between two events, in ticks.
    """

    def __init__(
        self, peer: Peer, said: speech.Speech, rate: float, count: int
    ) -> None:
        self.period = max(1, round(1e9 / rate / _TICK))
        self._peer = peer
        self._left = count
        self._before, self._after = said.stamped()
        self._last = [canned.chunk(event) for event in reversed(said.closing)]
        self._last[0] += canned.LAST_CHUNK

    def step(self) -> bool:
        """Send the next event, and say whether there are more."""
        self._left -= 1
        if self._left < len(self._last):
            self._peer.send(self._last[self._left])
        else:
            now = canned.stamp(time.monotonic_ns())
            self._peer.send(b"%b%b%b" % (self._before, now, self._after))
        return self._left > 0 and not self._peer.gone


class Stage:
    """What the connections share: the pacer, and who waits for the end of a hold."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.pacer = Pacer(loop)
        self._ended: dict[str, int] = {}
        self._waiting: dict[str, Peer] = {}

    def hold_ended(self, name: str, nanoseconds: int) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is None:
            self._ended[name] = nanoseconds
        else:
            waiting.answer(nanoseconds)

    def wait_for(self, name: str, peer: Peer) -> None:
        nanoseconds = self._ended.pop(name, None)
        if nanoseconds is None:
            self._waiting[name] = peer
        else:
            peer.answer(nanoseconds)


class Peer(asyncio.Protocol):
    """One connection; requests are answered one after the other."""

    def __init__(self, stage: Stage) -> None:
        self.gone = False
        self._stage = stage
        self._held: str | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        plain = transport.get_extra_info("ssl_object") is None
        socket = transport.get_extra_info("socket")
        self._descriptor: int | None = socket.fileno() if plain else None

    def eof_received(self) -> None:
        self._end_hold()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._end_hold()
        self.gone = True

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        fields = head.lower() + b"\r\n"
        if b"\r\ntransfer-encoding: chunked\r\n" in fields:
            chunks = ChunkedReader()
            body, complete = chunks.feed(rest), chunks.done
        else:
            length = read_length(fields) or 0
            body, complete = rest, len(rest) >= length
        if complete:
            self._received = b""
            self._play(head, body)

    def send(self, data: bytes) -> None:
        """
        Hand *data* to the kernel now.

        The transport would do so at the end of the loop's turn, which is up to some
        hundred microseconds after the time in the event.
        """
        if self.gone or self._transport.is_closing():
            return
        sent = 0
        at_once = not self._transport.get_write_buffer_size()
        if self._descriptor is not None and at_once:
            try:
                sent = os.write(self._descriptor, data)
            except BlockingIOError:
                pass
            except OSError:
                self._transport.abort()
                return
        if sent < len(data):
            self._transport.write(data[sent:])

    def answer(self, number: int) -> None:
        if self.gone or self._transport.is_closing():
            return  # it did not wait so long
        text = b"%d" % number
        self._transport.write(canned.JSON_HEAD % len(text) + text)

    def _play(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /ended/"):
            held = head.split(b" ", 2)[1].rpartition(b"/")[2]
            self._stage.wait_for(held.decode(), self)
            return
        path = head.split(b" ", 2)[1]
        match canned.script_of(body):
            case ["burst", count]:
                # JSON with and without a blank after the colon.
                usage = b'"include_usage"' in body
                self._transport.write(burst(path, int(count), usage=usage))
            case ["paced", rate, count]:
                said = speech.of_path(path)
                opening = canned.chunk(said.opening) if said.opening else b""
                self.send(canned.STREAM_HEAD + opening)
                paced = PacedStream(self, said, float(rate), int(count))
                self._stage.pacer.add(paced)
            case ["hold", name]:
                self._held = name
                self.send(canned.STREAM_HEAD + canned.chunk(canned.events(5)[0]))
            case _:
                self._transport.write(_WHOLE)

    def _end_hold(self) -> None:
        if self._held is not None:
            self._stage.hold_ended(self._held, time.monotonic_ns())
            self._held = None


async def main() -> None:
    """Serve until standard input ends, which it does when the parent ends."""
    loop = asyncio.get_running_loop()
    stage = Stage(loop)
    context = None
    if sys.argv[1:]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*sys.argv[1:])
    server = await loop.create_server(
        lambda: Peer(stage), "127.0.0.1", 0, backlog=4096, ssl=context
    )
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port}), flush=True)
    gc.freeze()
    gc.disable()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
