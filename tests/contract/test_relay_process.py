"""
Every recording through the real process: the client's bytes are the upstream's.

The relay's own tests feed it exact cuts; here the cuts go through sockets, and
the ledger is read from the log as an operator reads it.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

from tests import recordings
from tests.streams import cuts, random_cuts
from tests.upstream import JSON_HEADERS, reply, stream

if TYPE_CHECKING:
    from tests.client import Answer
    from tests.process import Line
    from tests.recordings import Expected, Recording
    from tests.stage import Stage

pytestmark = [pytest.mark.recordings, pytest.mark.asyncio(loop_scope="module")]

DIALECT = ("openai.chat", "openai.completions", "mistral.chat")
PATHS = {"openai.completions": "/v1/completions"}
CUTS = (1, 7, 4096, 0)
TRANSPORT = ("connection", "transfer-encoding", "content-length", "date")


def ident(recording: Recording) -> str:
    return str(recording)


def pieces(body: bytes, size: int, seed: str) -> list[bytes]:
    """Return *body* cut by *size*, 0 meaning at random."""
    return cuts(body, size) if size else random_cuts(body, len(seed))


def assert_ledger(line: Line, expected: Expected) -> None:
    assert line["finish"] == list(expected.finish)
    assert line["input_tokens"] == expected.prompt
    assert line["cache_read_tokens"] == expected.cached
    assert line["output_tokens"] == expected.output
    assert line["reasoning_tokens"] == expected.reasoning
    reported = expected.prompt is not None
    assert line["usage_source"] == ("provider" if reported else "none")


def choices_of(recording: Recording) -> int:
    body = recording.exchange["request"]["body"]
    return int((body or {}).get("n") or 1)


async def replay(stage: Stage, recording: Recording, size: int) -> tuple[Answer, Line]:
    script = stream(pieces(recording.body, size, recording.file), recording.headers)
    return await stage.exchange(
        script,
        path=PATHS.get(recording.api, "/v1/chat/completions"),
        n=choices_of(recording),
    )


@pytest.mark.parametrize(
    "recording",
    recordings.text_streams(*DIALECT) + recordings.payload_streams(*DIALECT),
    ids=ident,
)
async def test_stream(stage: Stage, recording: Recording) -> None:
    """Bytes, usage and finish survive, however the upstream cuts its chunks."""
    expected = recordings.expected_of_stream(recording.body)
    outcome = "upstream_failed" if expected.failed else "completed"

    played = await asyncio.gather(*(replay(stage, recording, size) for size in CUTS))

    for answer, line in played:
        assert answer.status == 200
        assert answer.complete
        assert answer.body == recording.body
        assert line["outcome"] == outcome
        assert line["bytes"] == len(recording.body)
        assert line["stream"] is True
        assert_ledger(line, expected)


@pytest.mark.parametrize(
    "recording", recordings.select(*DIALECT, tags="non-stream"), ids=ident
)
async def test_whole_answer(stage: Stage, recording: Recording) -> None:
    """Status, body and the headers that are the caller's business pass as they are."""
    body, status = recording.body, recording.status
    script = reply(
        body, status, {"content-type": "application/json", **recording.headers}
    )
    path = PATHS.get(recording.api, "/v1/chat/completions")

    answer, line = await stage.exchange(script, path=path, stream=False)

    assert answer.status == status
    assert answer.body == body
    assert line["outcome"] == ("completed" if status < 400 else "upstream_failed")
    assert line["status"] == status
    if status < 400:
        assert_ledger(line, recordings.expected_of_reply(body))


@pytest.mark.parametrize(
    "recording",
    recordings.select(*DIALECT, tags="ratelimit-headers")
    + recordings.select(*DIALECT, tags="retry-after"),
    ids=ident,
)
async def test_limits_are_told(stage: Stage, recording: Recording) -> None:
    """A caller paces itself by the provider's limits, whatever they are called."""
    limits = {
        name: value
        for name, value in recording.headers.items()
        if "ratelimit" in name or name.startswith(("retry-after", "openai-"))
    }
    headers = {**recording.headers, **JSON_HEADERS}
    script = reply({"choices": []}, recording.status, headers)

    answer, _ = await stage.exchange(script, stream=False)

    assert limits
    assert {name: answer.header(name) for name in limits} == limits


async def test_many_at_once(stage: Stage) -> None:
    """Streams that run side by side do not mix."""
    streams = recordings.text_streams(*DIALECT)
    sizes = itertools.cycle((4096, 0, 511))
    order = [(r, next(sizes)) for r in streams for _ in range(3)]

    played = await asyncio.gather(*(replay(stage, r, size) for r, size in order))

    for (recording, _), (answer, _) in zip(order, played, strict=True):
        assert answer.body == recording.body
    await stage.gateway.idle()
