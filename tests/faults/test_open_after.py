"""A model that thinks long before it answers: the head goes out, comments follow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.streams import KEEP_ALIVE, chat_stream, frame_json, frames
from tests.upstream import JSON_HEADERS, End, Pause, reply, stream

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAGE = {"server": {"keep_alive": "100ms", "open_after": "150ms"}}
LONG = Pause(0.5)
SHORT = Pause(0.05)
RATE_LIMITED = b'{"error":{"message":"slow down","type":"t","code":"rate_limited"}}'


def error_of(body: bytes) -> dict[str, object]:
    """Return the error in the only event of *body*."""
    (frame,) = frames(body.replace(KEEP_ALIVE, b""))
    error: dict[str, object] = frame_json(frame)["error"]
    return error


async def test_head_and_comments_first(stage: Stage) -> None:
    """Proxies on the way see bytes long before the upstream says anything."""
    begun = time.monotonic()
    async with stage.scene([LONG, *stream(chat_stream())]) as scene:
        status, _ = await scene.caller.head()
        opened = time.monotonic() - begun
        body, complete = await scene.caller.rest()
        line = await scene.done()

    assert status == 200
    assert 0.1 < opened < 0.4
    assert complete
    assert body.count(KEEP_ALIVE) >= 2
    assert body.replace(KEEP_ALIVE, b"") == b"".join(chat_stream())
    assert line["outcome"] == "completed"


async def test_refusal_in_time_has_its_status(stage: Stage) -> None:
    answer, _ = await stage.exchange([SHORT, *reply(RATE_LIMITED, 429)])

    assert (answer.status, answer.body) == (429, RATE_LIMITED)


async def test_late_refusal_is_told_inside(stage: Stage) -> None:
    """The status is out; the upstream's message and code are not lost."""
    headers = {**JSON_HEADERS, "retry-after": "9"}

    answer, line = await stage.exchange([LONG, *reply(RATE_LIMITED, 429, headers)])

    assert answer.status == 200
    error = error_of(answer.body)
    assert error["message"] == "slow down"
    assert error["code"] == line["error_code"] == "rate_limited"
    assert line["outcome"] == "upstream_failed"


@pytest.mark.parametrize("end", [End.FIN, End.RST])
async def test_late_failure_is_told_inside(stage: Stage, end: End) -> None:
    answer, line = await stage.exchange([LONG, end])

    assert error_of(answer.body)["code"] == line["error_code"]
    assert line["outcome"] in ("upstream_failed", "truncated")


async def test_not_without_streaming(stage: Stage) -> None:
    """A whole answer has its status, however late."""
    answer, _ = await stage.exchange([LONG, *reply(RATE_LIMITED, 429)], stream=False)

    assert (answer.status, answer.body) == (429, RATE_LIMITED)


async def test_late_whole_answer(stage: Stage) -> None:
    """An upstream that ignores ``stream`` and answers late: it becomes a stream."""
    message = {"role": "assistant", "content": "late"}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    answer, line = await stage.exchange([LONG, *reply(whole)])

    assert answer.status == 200
    said = [frame_json(frame) for frame in frames(answer.body.replace(KEEP_ALIVE, b""))]
    words = [chunk["choices"][0]["delta"].get("content") for chunk in said if chunk]
    assert "late" in words
    assert line["outcome"] == "completed"
    assert line["finish"] == ["stop"]


async def test_late_nonsense(stage: Stage) -> None:
    """What is no answer at all is told inside."""
    answer, line = await stage.exchange([LONG, *reply(b'{"choices": [')])

    assert answer.status == 200
    assert error_of(answer.body)["code"] == line["error_code"]
    assert line["outcome"] != "completed"
