"""A stream that stops early is never passed off as a whole one."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests import recordings
from tests.streams import (
    DONE,
    chat_stream,
    finish_chunk,
    frame_data,
    frame_json,
    frames,
    text_chunk,
)
from tests.upstream import CHUNKED, SSE_HEADERS, End, Step, chunk, head, open_stream

if TYPE_CHECKING:
    from tests.process import Line
    from tests.recordings import Recording
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

# From the body so far, the whole body, and what to wait for before the end.
Ending: TypeAlias = Callable[[bytes, bytes, asyncio.Event], list[Step]]


def no_last_chunk(part: bytes, _: bytes, read: asyncio.Event) -> list[Step]:
    return [head(200, SSE_HEADERS, CHUNKED) + chunk(part), read, End.FIN]


def reset(part: bytes, _: bytes, read: asyncio.Event) -> list[Step]:
    return [head(200, SSE_HEADERS, CHUNKED) + chunk(part), read, End.RST]


def short(part: bytes, whole: bytes, read: asyncio.Event) -> list[Step]:
    length = {"content-length": str(len(whole))}
    return [head(200, SSE_HEADERS, length) + part, read, End.FIN]


def close_delimited(part: bytes, _: bytes, read: asyncio.Event) -> list[Step]:
    return [head(200, SSE_HEADERS, {"connection": "close"}) + part, read, End.FIN]


def bad_chunk(part: bytes, _: bytes, read: asyncio.Event) -> list[Step]:
    begin = head(200, SSE_HEADERS, CHUNKED) + chunk(part)
    return [begin, read, b"zz\r\nnonsense", End.FIN]


def proper_end(part: bytes, _: bytes, read: asyncio.Event) -> list[Step]:
    """The transport is content, only the dialect's own end is missing."""
    return [head(200, SSE_HEADERS, CHUNKED) + chunk(part), read, b"0\r\n\r\n"]


ENDINGS: tuple[Ending, ...] = (
    no_last_chunk,
    reset,
    short,
    close_delimited,
    bad_chunk,
    proper_end,
)


def open_range(body: bytes) -> tuple[int, int]:
    """Return between which cuts of *body* a caller has events but no end."""
    found, at, first = frames(body), 0, 0
    for frame in found:
        if frame_data(frame) is not None and not first:
            first = at + len(frame)
        json_value = frame_json(frame)
        choices = (json_value or {}).get("choices") or ()
        failed = bool(json_value and json_value.get("error"))
        if failed or any(choice.get("finish_reason") for choice in choices):
            return first, at + len(frame) // 2
        at += len(frame)
    raise AssertionError("a recording without a finish")


def sample(recording: Recording) -> list[int]:
    """Return a few cuts: two between frames, two anywhere."""
    dice = random.Random(recording.file)
    low, high = open_range(recording.body)
    if high <= low:
        return []  # the first event is the last
    ends = [0]
    for frame in frames(recording.body):
        ends.append(ends[-1] + len(frame))
    between = [end for end in ends if low <= end <= high]
    anywhere = [dice.randint(low, high) for _ in range(2)]
    return sorted({*dice.sample(between, min(2, len(between))), *anywhere})


async def break_off(stage: Stage, body: bytes, cut: int, ending: Ending) -> None:
    """Play *body* up to *cut* with *ending*, and check what the caller sees."""
    part, read = body[:cut], asyncio.Event()
    async with stage.scene(ending(part, body, read)) as scene:
        status, _ = await scene.caller.head()
        assert status == 200
        got = await scene.caller.take(len(part))
        read.set()
        rest, _ = await scene.caller.rest()
        line = await scene.done()

    assert got[: len(part)] == part
    assert_broken(got[len(part) :] + rest, line)


def assert_broken(rest: bytes, line: Line) -> None:
    """The last frame is an error with a code, and nothing calls it a success."""
    *_, last = frames(rest)
    error = frame_json(last)["error"]
    assert error["code"]
    assert error["message"]
    assert last.endswith(b"\n\n")
    assert b"[DONE]" not in rest
    assert line["outcome"] in ("truncated", "upstream_failed")
    assert line["error_code"] == error["code"]


@pytest.mark.recordings
@pytest.mark.parametrize("ending", ENDINGS)
async def test_recorded_streams(stage: Stage, ending: Ending) -> None:
    """Wherever a provider's stream breaks and however, the caller is told."""
    streams = recordings.text_streams(
        "openai.chat", "openai.completions", "mistral.chat"
    )
    gate = asyncio.Semaphore(24)

    async def one(recording: Recording, cut: int) -> str | None:
        async with gate:
            try:
                await break_off(stage, recording.body, cut, ending)
            except (AssertionError, TimeoutError, ConnectionError) as exc:
                return f"{recording} at {cut}: {exc!r}"[:600]
        return None

    told = await asyncio.gather(*(one(r, cut) for r in streams for cut in sample(r)))

    wrong = [problem for problem in told if problem]
    assert not wrong, "\n".join(wrong)
    assert len(told) > 2 * len(streams)


WRITTEN = b"".join(chat_stream("A ", "longer ", "text ", "than ", "usual"))


@pytest.mark.parametrize("ending", ENDINGS)
async def test_error_is_a_frame_of_its_own(stage: Stage, ending: Ending) -> None:
    """Half an event is closed first, or else the error would be read as its rest."""
    cut = len(text_chunk("A ")) + 30

    async with stage.scene(
        ending(WRITTEN[:cut], WRITTEN, event := asyncio.Event())
    ) as s:
        await s.caller.head()
        got = await s.caller.take(cut)
        event.set()
        rest, _ = await s.caller.rest()

    found = frames(got + rest)
    assert len(found) == 3
    assert found[1].startswith(WRITTEN[cut - 30 : cut])
    assert "error" in frame_json(found[2])


async def test_two_choices_one_finished(stage: Stage) -> None:
    """With ``n: 2`` one finish reason is half an answer."""
    script = [*open_stream(text_chunk("a"), finish_chunk()), b"0\r\n\r\n"]

    answer, line = await stage.exchange(script, n=2)

    assert_broken(answer.body[len(text_chunk("a") + finish_chunk()) :], line)


async def test_finish_reason_is_an_end(stage: Stage) -> None:
    """A server that never says ``[DONE]`` has still answered in full."""
    body = text_chunk("a") + finish_chunk()

    answer, line = await stage.exchange([*open_stream(body), b"0\r\n\r\n"])

    assert answer.body == body
    assert line["outcome"] == "completed"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("tail", [b"", DONE])
async def test_broken_after_the_end(stage: Stage, ending: Ending, tail: bytes) -> None:
    """Once everything was said it does not matter how the connection ends."""
    body, read = text_chunk("a") + finish_chunk() + tail, asyncio.Event()
    async with stage.scene(ending(body, body + b"more", read)) as scene:
        await scene.caller.head()
        got = await scene.caller.take(len(body))
        read.set()
        rest, complete = await scene.caller.rest()
        line = await scene.done()

    assert got + rest == body
    assert complete
    assert line["outcome"] == "completed"


async def test_upstream_that_does_not_hang_up(stage: Stage) -> None:
    """After ``[DONE]`` nobody waits for an upstream to end its body."""
    body = text_chunk("a") + finish_chunk() + DONE
    begun = time.monotonic()

    answer, line = await stage.exchange([*open_stream(body), End.HANG])

    assert answer.body == body
    assert answer.complete
    assert time.monotonic() - begun < 2
    assert line["outcome"] == "completed"
    await stage.gateway.idle()


async def test_done_without_a_finish_reason_is_an_end(stage: Stage) -> None:
    body = text_chunk("a") + DONE

    answer, line = await stage.exchange([*open_stream(body), b"0\r\n\r\n"])

    assert answer.body == body
    assert line["outcome"] == "completed"


async def test_error_after_the_finish(stage: Stage) -> None:
    """An error chunk behind a finish reason is still an error."""
    failure = b'data: {"error":{"message":"late","code":500}}\n\n'
    body = text_chunk("a") + finish_chunk() + failure

    answer, line = await stage.exchange([*open_stream(body), b"0\r\n\r\n"])

    assert answer.body == body
    assert line["outcome"] == "upstream_failed"


async def test_error_in_the_middle_is_the_last_word(stage: Stage) -> None:
    """What the upstream said of its failure is not said twice."""
    failure = b'event: error\ndata: {"error":{"message":"late","code":"x"}}\n\n'
    body = text_chunk("a") + failure

    answer, line = await stage.exchange([*open_stream(body), End.FIN])

    assert answer.body == body
    assert line["outcome"] == "upstream_failed"


def zipped(part: bytes) -> list[Step]:
    headers = {**SSE_HEADERS, "content-encoding": "gzip"}
    return [head(200, headers, {"connection": "close"}) + part, End.FIN]


async def test_gzip(stage: Stage) -> None:
    """An upstream that compresses although nobody asked is understood."""
    answer, line = await stage.exchange(zipped(gzip.compress(WRITTEN)))

    encoded = answer.header("content-encoding") == "gzip"
    assert (gzip.decompress(answer.body) if encoded else answer.body) == WRITTEN
    assert line["outcome"] == "completed"
    assert line["output_tokens"] == 5


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
async def test_truncated_gzip(stage: Stage, share: float) -> None:
    """A compressed stream that is cut ends without an error in zlib's eyes."""
    # Random ids, for else the last bytes of the file are most of the text.
    dice = random.Random(5)
    body = b"".join(text_chunk(dice.randbytes(40).hex()) for _ in range(60)) + DONE
    whole = gzip.compress(body)

    answer, line = await stage.exchange(zipped(whole[: int(len(whole) * share)]))

    assert line["outcome"] in ("truncated", "upstream_failed")
    if answer.status == 200:
        assert_broken(answer.body, line)
    else:
        assert json.loads(answer.body)["error"]["code"]
