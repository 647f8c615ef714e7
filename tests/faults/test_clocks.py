"""Three clocks: to connect, to the first event, from one event to the next."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.client import ask, chat
from tests.process import config_for, gateway
from tests.streams import DONE, finish_chunk, frame_json, frames, text_chunk
from tests.upstream import (
    CHUNKED,
    LAST_CHUNK,
    SSE_HEADERS,
    End,
    Pause,
    Script,
    Step,
    chunk,
    head,
    open_stream,
    reply,
)

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLOCK = 0.4
STAGE: dict[str, Any] = {
    "timeouts": {"connect": "400ms", "first_event": "400ms", "idle": "400ms"}
}


def assert_due(seconds: float) -> None:
    assert CLOCK * 0.9 <= seconds < CLOCK + 1


SILENT: dict[str, Script] = {
    "no head": [End.HANG],
    "head only": [head(200, SSE_HEADERS, CHUNKED), End.HANG],
    "half an event": [*open_stream(text_chunk("a")[:30]), End.HANG],
}


@pytest.mark.parametrize("name", SILENT)
async def test_first_event(stage: Stage, name: str) -> None:
    """An upstream that accepts and is silent is given up, with a 504."""
    begun = time.monotonic()

    answer, line = await stage.exchange(SILENT[name])

    assert_due(time.monotonic() - begun)
    assert answer.status == 504
    assert answer.error["code"] == line["error_code"] == "upstream_timeout"
    assert line["outcome"] in ("upstream_failed", "truncated")
    await (await stage.upstream.request(line["request_id"])).gone(0.5)


async def test_comments_are_no_event(stage: Stage) -> None:
    """An upstream that only ever says that it is there has not begun."""
    comments: list[Step] = [chunk(b": wait\n\n"), Pause(0.1)]

    answer, line = await stage.exchange([*open_stream(), *comments * 30])

    assert line["error_code"] == "upstream_timeout"
    assert answer.status in (200, 504)


async def test_whole_answer(stage: Stage) -> None:
    """Without streaming the answer's head is what is waited for."""
    answer, line = await stage.exchange([End.HANG], stream=False)

    assert answer.status == 504
    assert answer.error["code"] == line["error_code"] == "upstream_timeout"


@pytest.mark.parametrize("last", [text_chunk("b"), text_chunk("b")[:40]])
async def test_idle(stage: Stage, last: bytes) -> None:
    """A stream that falls silent ends with an error frame, and frees the upstream."""
    script = [*open_stream(text_chunk("a"), last), End.HANG]
    begun = time.monotonic()

    answer, line = await stage.exchange(script)

    assert_due(time.monotonic() - begun)
    error = frame_json(frames(answer.body)[-1])["error"]
    assert error["code"] == line["error_code"] == "upstream_idle_timeout"
    assert line["outcome"] in ("truncated", "upstream_failed")
    request = await stage.upstream.request(line["request_id"])
    await request.gone(1)


async def test_comments_are_no_progress(stage: Stage) -> None:
    """Comments do not wind the idle clock."""
    comments: list[Step] = [chunk(b": wait\n\n"), Pause(0.1)]

    _, line = await stage.exchange([*open_stream(text_chunk("a")), *comments * 30])

    assert line["error_code"] == "upstream_idle_timeout"


async def test_slow_but_steady(stage: Stage) -> None:
    """The clocks measure silence, not length."""
    script = open_stream()
    for _ in range(6):
        script += [chunk(text_chunk("a")), Pause(CLOCK / 2)]
    script += [chunk(finish_chunk() + DONE), LAST_CHUNK]

    _, line = await stage.exchange(script)

    assert line["outcome"] == "completed"
    assert line["duration_ms"] > CLOCK * 1000 * 2


async def test_slow_whole_answer(stage: Stage) -> None:
    """A body that trickles in is alive."""
    body = b'{"choices":[{"finish_reason":"stop"}]}'
    first, *_ = reply(body)
    assert isinstance(first, bytes)
    script: list[Step] = []
    for start in range(0, len(first), 30):
        script += [first[start : start + 30], Pause(CLOCK / 4)]

    answer, _ = await stage.exchange(script, stream=False)

    assert answer.body == body


@contextlib.asynccontextmanager
async def full_backlog() -> AsyncIterator[int]:
    """Yield a port whose queue of connections is full: the next gets no answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        loop = asyncio.get_running_loop()
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await loop.sock_connect(sock, listener.getsockname())
        yield listener.getsockname()[1]


async def test_connect() -> None:
    """A host that does not answer at all is given up by the first clock."""
    async with full_backlog() as port:
        url = f"http://127.0.0.1:{port}/v1"
        clocks = {"connect": "400ms"}
        async with gateway(config_for(url, timeouts=clocks)) as g:
            begun = time.monotonic()
            answer = await ask(g.port, chat(), headers={"x-request-id": "c"})
            assert_due(time.monotonic() - begun)
            line = await g.done("c")

    assert answer.status in (503, 504)
    assert answer.error["code"] == line["error_code"] == "upstream_connect_timeout"
    assert line["outcome"] == "upstream_failed"
