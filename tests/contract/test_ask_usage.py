"""A route may ask for token counts that the caller did not ask for and never sees."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests import recordings
from tests.streams import chat_stream, cuts, frame_json, frames, usage_chunk
from tests.upstream import End, open_stream, reply, stream

if TYPE_CHECKING:
    from tests.recordings import Recording
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAGE: dict[str, Any] = {
    "top": {"routes": [{"model": "counted", "to": "up:m1", "ask_usage": True}]}
}
WITH_USAGE = b"".join(chat_stream())
WITHOUT = WITH_USAGE.replace(usage_chunk(3, 3), b"")


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_asked_and_stripped(stage: Stage, size: int) -> None:
    """The ledger has the counts; the caller has no chunk with empty choices."""
    answer, line = await stage.exchange(stream(cuts(WITH_USAGE, size)), model="counted")

    request = await stage.upstream.request(line["request_id"])
    assert request.json["stream_options"] == {"include_usage": True}
    assert answer.body == WITHOUT
    assert line["input_tokens"] == 3
    assert line["outcome"] == "completed"


async def test_asked_by_the_caller(stage: Stage) -> None:
    """Who asks gets."""
    answer, line = await stage.exchange(
        stream([WITH_USAGE]), model="counted", stream_options={"include_usage": True}
    )

    request = await stage.upstream.request(line["request_id"])
    assert request.json["stream_options"] == {"include_usage": True}
    assert answer.body == WITH_USAGE


async def test_other_options_stay(stage: Stage) -> None:
    options = {"include_usage": False, "include_obfuscation": False}

    answer, line = await stage.exchange(
        stream([WITH_USAGE]), model="counted", stream_options=options
    )

    request = await stage.upstream.request(line["request_id"])
    assert request.json["stream_options"] == {**options, "include_usage": True}
    assert answer.body == WITHOUT


@pytest.mark.parametrize("options", [None, {}])
async def test_empty_options(stage: Stage, options: dict[str, Any] | None) -> None:
    answer, line = await stage.exchange(
        stream([WITH_USAGE]), model="counted", stream_options=options
    )

    request = await stage.upstream.request(line["request_id"])
    assert request.json["stream_options"] == {"include_usage": True}
    assert answer.body == WITHOUT


async def test_not_without_streaming(stage: Stage) -> None:
    """``stream_options`` without ``stream`` is a 400 at the provider."""
    whole = reply({"choices": []})
    _, line = await stage.exchange(whole, model="counted", stream=False)

    request = await stage.upstream.request(line["request_id"])
    assert "stream_options" not in request.json


@pytest.mark.recordings
@pytest.mark.parametrize("size", [7, 4096])
async def test_recorded(stage: Stage, size: int) -> None:
    """Of every recorded stream only counts are taken out, and no byte else."""
    streams = recordings.text_streams("openai.chat")

    played = await asyncio.gather(
        *(
            stage.exchange(stream(cuts(r.body, size), r.headers), model="counted")
            for r in streams
        )
    )

    for recording, (answer, line) in zip(streams, played, strict=True):
        assert_only_counts_gone(recording, answer.body)
        assert (
            line["input_tokens"] == recordings.expected_of_stream(recording.body).prompt
        )


def assert_only_counts_gone(recording: Recording, body: bytes) -> None:
    got = iter(frames(body))
    for frame in frames(recording.body):
        said = frame_json(frame)
        if not said or "usage" not in said:
            assert next(got) == frame
        elif said.get("choices") or not said["usage"]:
            rest = {name: value for name, value in said.items() if name != "usage"}
            told = frame_json(next(got))
            told.pop("usage", None)
            assert told == rest
    assert next(got, None) is None


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_truncated(stage: Stage, size: int) -> None:
    """What is held back for stripping does not hide that the stream broke."""
    cut = len(WITH_USAGE) // 2
    script = open_stream(*cuts(WITH_USAGE[:cut], size))

    answer, line = await stage.exchange([*script, End.FIN], model="counted")

    *whole, last = frames(answer.body)
    assert frame_json(last)["error"]["code"] == line["error_code"]
    assert WITH_USAGE.startswith(whole[0])
    assert b"[DONE]" not in answer.body
    assert line["outcome"] == "truncated"
