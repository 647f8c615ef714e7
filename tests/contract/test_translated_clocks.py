"""
Time, in translation: signs of life, silence, shutdown, each in the client's dialect.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.client import Caller
from tests.contract.test_translated_process import (
    CALLER_KEY,
    NATIVE,
    WORDS,
    Stage,
    asked,
    heard,
    protocol,
    said_error,
)
from tests.process import gateway
from tests.sdk.scripts.cast import Cast, breaking, configured, model_of
from tests.sdk.scripts.said import Said
from tests.upstream import End, Pause, open_stream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.upstream import Request, Step

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Each dialect, before a backend of another one.
PAIRS = [
    ("openai_chat", "anthropic"),
    ("openai_responses", "gemini"),
    ("anthropic", "chat"),
    ("gemini", "responses"),
]
SIGNS = {
    "openai_chat": b": keep-alive\n",
    "openai_responses": b": keep-alive\n",
    "anthropic": b"event: ping\n",
    "gemini": b"\r\n\r\n",
}
SERVER = {"api_keys": [CALLER_KEY], "keep_alive": "100ms", "open_after": "300ms"}
CLOCKS = {"first_event": "1500ms", "idle": "800ms"}


def config(cast: Cast, file: str, **server: Any) -> dict[str, Any]:
    backends = configured(cast.root)
    for backend in backends.values():
        backend["timeouts"] = CLOCKS
    return {
        "server": {**SERVER, **server},
        "backends": backends,
        "responses": {"file": file},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quick(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A gateway whose clocks are short."""
    file = str(tmp_path_factory.mktemp("state") / "responses.sqlite")
    cast = Cast()
    async with cast.upstream, gateway(config(cast, file)) as running:
        yield Stage(cast, running)


def slowly(seconds: float) -> Any:
    """Return a play that waits in the middle of its answer."""

    def play(request: Request) -> list[Step]:
        pieces = protocol(request).pieces(Said(WORDS), model_of(request))
        steps = stream(pieces)
        middle = len(steps) // 2
        return [*steps[:middle], Pause(seconds), *steps[middle:]]

    return play


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_signs_of_life(quick: Stage, dialect: str, backend: str) -> None:
    """While the upstream thinks, something goes out, and nobody takes it for words."""
    model = quick.cast.model(slowly(0.5))

    answer = await quick.ask(dialect, f"{backend}:{model}", streamed=True)

    assert SIGNS[dialect] in answer.body
    told = heard(dialect, answer, streamed=True)
    assert told.whole
    assert told.choices[0].text == "".join(WORDS)


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_signs_before_the_answer(
    quick: Stage, dialect: str, backend: str
) -> None:
    """The head goes out early, and what then comes late is the answer."""

    def play(request: Request) -> list[Step]:
        pieces = protocol(request).pieces(Said(WORDS), model_of(request))
        return [Pause(0.6), *stream(pieces)]

    model = quick.cast.model(play)

    answer = await quick.ask(dialect, f"{backend}:{model}", streamed=True)

    assert answer.body.startswith(SIGNS[dialect])
    assert heard(dialect, answer, streamed=True).choices[0].text == "".join(WORDS)


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_late_whole_answer(quick: Stage, dialect: str, backend: str) -> None:
    """In one piece and after the head: it is taken apart for the open stream."""

    def play(request: Request) -> list[Step]:
        whole = protocol(request).whole(Said(WORDS), model_of(request))
        return [Pause(0.6), *reply(whole)]

    model = quick.cast.model(play)

    answer = await quick.ask(dialect, f"{backend}:{model}", streamed=True)

    told = heard(dialect, answer, streamed=True)
    assert told.whole
    assert told.choices[0].text == "".join(WORDS)


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_late_refusal(quick: Stage, dialect: str, backend: str) -> None:
    """A status that comes after the head is told inside the stream."""

    def play(request: Request) -> list[Step]:
        error = protocol(request).error(429, "slow down")
        return [Pause(0.6), *reply(error, 429)]

    model = quick.cast.model(play)

    answer = await quick.ask(dialect, f"{backend}:{model}", streamed=True)

    assert answer.status == 200
    told = heard(dialect, answer, streamed=True)
    assert told.error
    assert b"slow down" in answer.body


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_silence_in_the_middle(quick: Stage, dialect: str, backend: str) -> None:
    model = quick.cast.model(breaking(Said(WORDS), End.HANG))

    answer = await quick.ask(dialect, f"{backend}:{model}", streamed=True)

    told = heard(dialect, answer, streamed=True)
    assert told.error
    assert not told.whole
    line = await quick.done(answer)
    assert (line["outcome"], line["error_code"]) == (
        "truncated",
        "upstream_idle_timeout",
    )


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_no_answer(quick: Stage, dialect: str, backend: str) -> None:
    """Nothing was sent yet, so the time-out has a status."""
    model = quick.cast.model(lambda _: [End.HANG])

    answer = await quick.ask(dialect, f"{backend}:{model}")

    assert answer.status == 504
    said_error(dialect, answer.body)


async def test_shutdown(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Who is in the middle of a stream is told why it ends."""
    file = str(tmp_path_factory.mktemp("state") / "responses.sqlite")
    cast = Cast()
    async with (
        cast.upstream,
        gateway(config(cast, file, shutdown_grace="100ms")) as running,
    ):
        stage = Stage(cast, running)
        models = [cast.model(breaking(Said(WORDS), End.HANG)) for _ in NATIVE]
        asking = asyncio.gather(
            *(
                stage.ask(dialect, f"{backend}:{model}", streamed=True)
                for model, (dialect, backend) in zip(models, PAIRS, strict=True)
            )
        )
        for model in models:
            await cast.requests(model)
        await asyncio.sleep(0.1)
        running.signal()
        answers = await asking

    for answer, (dialect, _) in zip(answers, PAIRS, strict=True):
        assert heard(dialect, answer, streamed=True).error
        assert b"shutting down" in answer.body


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_client_who_does_not_read(
    quick: Stage, dialect: str, backend: str
) -> None:
    """The upstream has to wait: what is not taken is not read."""
    many = tuple("x" * 20_000 for _ in range(2000))

    def play(request: Request) -> list[Step]:
        pieces = protocol(request).pieces(Said(many), model_of(request))
        return open_stream(*pieces)

    model = quick.cast.model(play)
    path, body = asked(dialect, f"{backend}:{model}", streamed=True)
    given = {"authorization": f"Bearer {CALLER_KEY}"}

    async with Caller(quick.gateway.port, receive_buffer=4096) as caller:
        await caller.send(body, path, headers=given)
        (request,) = await quick.cast.requests(model)
        await asyncio.sleep(0.4)
        sent = request.sent
        await asyncio.sleep(0.2)

        assert request.sent == sent < 30_000_000
    await request.gone()
