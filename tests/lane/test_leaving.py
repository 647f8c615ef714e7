"""A request that is given up, at any moment, takes everything along."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from gateway.settings import Limits, Tls
from tests.lane.asking import BODY, Asked, Side
from tests.stage import stalled
from tests.upstream import (
    CHUNKED,
    SSE_HEADERS,
    End,
    Pause,
    Request,
    Step,
    Upstream,
    chunk,
    head,
    reply,
)

if TYPE_CHECKING:
    from pathlib import Path

PROMISED = 0.05
ALLOWED = 0.25  # what a busy machine may add
BIG = b'{"x":"' + b"x" * 20_000_000 + b'"}'
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body")

SSE = head(200, SSE_HEADERS, CHUNKED)
DEFLATE = head(200, SSE_HEADERS, CHUNKED, {"content-encoding": "deflate"})
MOMENTS: dict[str, list[Step]] = {
    "before the head": [End.HANG],
    "in the head": [SSE[:20], End.HANG],
    "behind a hint": [b"HTTP/1.1 103 X\r\n\r\n", End.HANG],
    "before the body": [SSE, End.HANG],
    "in the body": [SSE, chunk(b"a" * 100), End.HANG],
    "in a chunk": [SSE, b"ff\r\nabc", End.HANG],
    "in a compressed body": [DEFLATE, chunk(zlib.compress(b"ab")[:5]), End.HANG],
    "in a body of known length": [head(200, {"content-length": "9"}) + b"a", End.HANG],
    "in a body until the close": [head(200) + b"abc", End.HANG],
}


async def given_up(
    asked: Asked,
    body: bytes = BODY,
    *,
    push: bool = False,
    up: Upstream | None = None,
) -> float:
    """Ask, give up when *up* has played its part, and return when that was."""
    task = asyncio.create_task(asked.got(body, push=push))
    before = len(up.requests) if up is not None else 0
    await asyncio.sleep(0.02)
    async with asyncio.timeout(2):
        while up is not None and len(up.requests) == before:
            await asyncio.sleep(0.01)
    assert not task.done()
    left = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not asked.taken
    assert not asked.idle
    return left


@pytest.mark.parametrize("push", [False, True], ids=["pull", "push"])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_cancelled(side: Side, moment: str, push: bool) -> None:
    """The upstream sees at once that nobody waits."""
    async with Upstream(MOMENTS[moment]) as up, side.asking(up.url) as asked:
        left = await given_up(asked, push=push, up=up)
        delay = await up.requests[0].gone() - left

    assert 0 <= delay < ALLOWED


@pytest.mark.parametrize("moment", MOMENTS)
async def test_cancelled_over_a_used_connection(side: Side, moment: str) -> None:
    """A pooled connection does not go back to the pool."""
    first = iter([reply(b"ok")])
    script = MOMENTS[moment]
    async with (
        Upstream(lambda _: next(first, script)) as up,
        side.asking(up.url) as asked,
    ):
        assert (await asked.got()).body == b"ok"
        left = await given_up(asked, up=up)
        delay = await up.requests[1].gone() - left

    assert up.accepted == 1
    assert 0 <= delay < ALLOWED


async def test_cancelled_while_the_request_is_sent(side: Side) -> None:
    """What is not sent is not sent any more."""
    gone = asyncio.Event()

    class Deaf(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            if not received:
                loop = asyncio.get_running_loop()
                self.transport.pause_reading()
                loop.call_later(0.05, self.transport.resume_reading)
            received.append(len(data))

        def connection_lost(self, exc: Exception | None) -> None:
            gone.set()

    received: list[int] = []
    server = await asyncio.get_running_loop().create_server(Deaf, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, side.asking(url) as asked:
        await given_up(asked, BIG)
        async with asyncio.timeout(1):
            await gone.wait()

    assert sum(received) < len(BIG)


async def test_cancelled_while_connecting(side: Side) -> None:
    """A TLS handshake that is not answered is given up as well."""
    async with Upstream([End.HANG], raw=True) as up:
        url = up.url.replace("http:", "https:")
        async with side.asking(url) as asked:
            await given_up(asked)
        (link,) = up._links
        await asyncio.wait_for(link.closed.wait(), 1)


async def test_cancelled_while_waiting_for_a_connection(side: Side) -> None:
    """Who gives up his place in the queue does not block those behind him."""
    go_on = asyncio.Event()
    script: list[Step] = [SSE, go_on, chunk(b"ok"), b"0\r\n\r\n"]
    limits = Limits(connections=1)
    async with (
        Upstream(script) as up,
        side.asking(up.url, limits=limits) as asked,
    ):
        first = asyncio.create_task(asked.got())
        await up.request()
        waiting = [asyncio.create_task(asked.got()) for _ in range(3)]
        await asyncio.sleep(0.02)
        waiting[0].cancel()
        go_on.set()
        await asyncio.wait_for(asyncio.wait([first, *waiting]), 1)

    assert waiting[0].cancelled()
    assert [t.result().body for t in (first, *waiting[1:])] == [b"ok"] * 3
    assert up.accepted == 1


@pytest.mark.parametrize("limits", [{"connections": 2}, {"connections_per_host": 2}])
async def test_limits(side: Side, limits: dict[str, int]) -> None:
    """Never more at once; all are served; an error or a leaver gives his place free."""
    open_now = most = 0

    def script(request: Request) -> Any:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        yield SSE
        yield Pause(0.005)
        open_now -= 1
        if request.json["model"] == "cut":
            yield End.RST
        else:
            yield chunk(b"ok") + b"0\r\n\r\n"

    async with (
        Upstream(script) as up,
        side.asking(up.url, limits=Limits(**limits)) as asked,
    ):
        bodies = [b'{"model":"cut"}' if n % 3 == 0 else BODY for n in range(12)]
        tasks = [asyncio.create_task(asked.got(body)) for body in bodies]
        tasks[4].cancel()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 3)

    assert most == 2
    codes = [got.code for n, got in enumerate(done) if n != 4]  # type: ignore[union-attr]
    assert codes.count("") == 7
    assert codes.count("upstream_connection_lost") == 4


async def test_closed_twice(side: Side) -> None:
    """To let go again, or after the end, does no harm to who has the connection now."""
    async with Upstream(reply(b"ok")) as up, side.asking(up.url) as asked:
        answer = await asked.open()
        while await answer.read():
            pass
        other = await asked.open()
        answer.close()
        answer.pause()
        answer.resume()
        got = b""
        while piece := await other.read():
            got += piece
        answer.close()
        assert len(asked.idle) == 1

    assert got == b"ok"
    assert up.accepted == 1


# -- over TLS, where to close could mean to wait for the other side


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    own = ["-subj", "/CN=own", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            *curve,
            *own,
            "-nodes",
            "-keyout",
            file,
            "-out",
            file.with_suffix(".crt"),
        ],
        check=True,
        capture_output=True,
    )
    return file


class Pouring(asyncio.Protocol):
    """Answers with a stream without end, as fast as it is taken."""

    sent = 0

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.flows = True

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(SSE)
        self._pour()

    def pause_writing(self) -> None:
        self.flows = False

    def resume_writing(self) -> None:
        self.flows = True
        self._pour()

    def connection_lost(self, exc: Exception | None) -> None:
        self.flows = False
        self.lost.set()

    def _pour(self) -> None:
        while self.flows:
            self.transport.write(chunk(b"x" * 8192))
            self.sent += 8192


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("held", [False, True], ids=["flowing", "held"])
async def test_over_tls(side: Side, certificate: Path, held: bool) -> None:
    """It holds back, and it ends at once though the upstream says no good-bye."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    made: list[Pouring] = []

    def make() -> Pouring:
        made.append(Pouring())
        return made[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    tls = Tls(ca_file=str(certificate.with_suffix(".crt")))
    async with server, side.asking(url, tls=tls) as asked:
        source = await asked.open()

        def take(piece: bytes) -> bool:
            if held:
                source.pause()
            return False

        taking = asyncio.create_task(source.deliver(take))
        await asyncio.sleep(0.1)
        (upstream,) = made
        if held:
            sent = await stalled(lambda: upstream.sent, quiet=0.1)
            assert sent < 30_000_000  # the kernel's buffers, not ours
        left = time.monotonic()
        taking.cancel()
        source.close()
        await asyncio.wait_for(upstream.lost.wait(), 2)

        assert time.monotonic() - left < ALLOWED
