"""Comments keep a silent stream open, and never stand inside an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.streams import DONE, KEEP_ALIVE, finish_chunk, text_chunk
from tests.upstream import (
    CHUNKED,
    LAST_CHUNK,
    SSE_HEADERS,
    End,
    Pause,
    Step,
    chunk,
    head,
    open_stream,
    reply,
)

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAGE = {"server": {"keep_alive": "100ms"}}
SILENCE = Pause(0.35)
TAIL = [chunk(finish_chunk() + DONE), LAST_CHUNK]


def assert_only_between_events(body: bytes) -> int:
    """Every comment of ours follows a blank line; return how many there are."""
    said, *behind = body.split(KEEP_ALIVE)
    for piece in behind:
        assert not said or said.endswith(b"\n\n"), said[-40:]
        said += piece
    return len(behind)


async def test_between_events(stage: Stage) -> None:
    """The other bytes are the upstream's, and the comment is one line."""
    script = [*open_stream(text_chunk("a")), SILENCE, chunk(text_chunk("b")), *TAIL]

    answer, line = await stage.exchange(script)

    assert assert_only_between_events(answer.body) in (2, 3, 4)
    said = text_chunk("a") + text_chunk("b") + finish_chunk() + DONE
    assert answer.body.replace(KEEP_ALIVE, b"") == said
    assert line["outcome"] == "completed"


async def test_before_the_first_event(stage: Stage) -> None:
    """An upstream that has sent its head and thinks keeps its caller waiting, alive."""
    script: list[Step] = [head(200, SSE_HEADERS, CHUNKED), SILENCE]
    script += [chunk(text_chunk("a")), *TAIL]
    async with stage.scene(script) as scene:
        status, _ = await scene.caller.head(timeout=0.3)
        first = await scene.caller.piece()
        rest, complete = await scene.caller.rest()

    assert status == 200
    assert first == KEEP_ALIVE
    assert complete
    assert (first + rest).replace(KEEP_ALIVE, b"") == text_chunk(
        "a"
    ) + finish_chunk() + DONE


@pytest.mark.parametrize("cut", [1, 5, 60, -2, -1])
async def test_never_inside_an_event(stage: Stage, cut: int) -> None:
    """Half an event, silence, the other half: not a byte of ours in between."""
    event = text_chunk("split")
    script = [
        *open_stream(text_chunk("a"), event[:cut]),
        SILENCE,
        chunk(event[cut:]),
        *TAIL,
    ]

    answer, _ = await stage.exchange(script)

    assert answer.body == text_chunk("a") + event + finish_chunk() + DONE


@pytest.mark.parametrize("cut", [-3, -2, -1])
async def test_never_inside_a_crlf_event(stage: Stage, cut: int) -> None:
    event = text_chunk("split").replace(b"\n", b"\r\n")
    script = [*open_stream(event, event[:cut]), SILENCE, chunk(event[cut:]), *TAIL]

    answer, _ = await stage.exchange(script)

    stripped = answer.body.replace(KEEP_ALIVE, b"")
    assert stripped == event + event + finish_chunk() + DONE
    for piece in answer.body.split(KEEP_ALIVE)[:-1]:
        assert piece.endswith((b"\n\r\n", b"\n\r")) or not piece


async def test_not_while_events_come(stage: Stage) -> None:
    """A stream that speaks needs no comments."""
    script = open_stream()
    for _ in range(6):
        script += [chunk(text_chunk("a")), Pause(0.05)]

    answer, _ = await stage.exchange([*script, *TAIL])

    assert KEEP_ALIVE not in answer.body


async def test_not_without_streaming(stage: Stage) -> None:
    """JSON has no comments."""
    body = b'{"choices":[{"finish_reason":"stop"}]}'

    answer, _ = await stage.exchange([SILENCE, *reply(body)], stream=False)

    assert answer.body == body


async def test_error_after_silence(stage: Stage) -> None:
    """Once the head is out an error is a frame, not a status."""
    script: list[Step] = [head(200, SSE_HEADERS, CHUNKED), SILENCE, End.RST]

    answer, line = await stage.exchange(script)

    assert answer.status == 200
    assert KEEP_ALIVE in answer.body
    assert answer.body.replace(KEEP_ALIVE, b"").startswith(b'data: {"error"')
    assert line["outcome"] in ("truncated", "upstream_failed")


async def test_first_frame_error_after_silence(stage: Stage) -> None:
    """The upstream's own error frame passes when the head is already out."""
    error = b'data: {"error":{"message":"slow down","code":429}}\n\n'
    script: list[Step] = [
        head(200, SSE_HEADERS, CHUNKED),
        SILENCE,
        chunk(error),
        LAST_CHUNK,
    ]

    answer, line = await stage.exchange(script)

    assert answer.body.replace(KEEP_ALIVE, b"") == error
    assert line["outcome"] == "upstream_failed"
