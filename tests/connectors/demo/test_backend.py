from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connectors.demo import DEMO, DemoBackend
from connectors.demo.script import TOKENS, failure
from connectors.demo.settings import MODELS, PARAMETERS, read_settings
from connectors.demo.texts import HELLO
from gateway.domain.events import ChoiceEnd, Event, Fault, ReplyEnd, ToolInputDelta
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import Text
from gateway.domain.request import Request, Role, Sampling, ToolChoice, Turn
from gateway.plugin import (
    APIConnectionError,
    APITimeoutError,
    BackendError,
    BackendPluginDefinition,
    InvalidRequestError,
    RateLimitExceededError,
    ResponseEnvelope,
    RoutingError,
    ServiceUnavailableError,
)
from tests.connectors.demo.asks import (
    MATHS,
    WEATHER,
    after_result,
    ask,
    open_stream,
    streamed,
    whole,
    words_of,
)

COMPLETE = [model for model in MODELS if model not in ("fail", "cut", "hang")]
REQUESTS = {
    "plain": ask(),
    "tools": ask("maths!", tools=(WEATHER, MATHS)),
    "result": after_result(Text("12 C")),
    "choices": ask("get_weather", tools=(WEATHER,), sampling=Sampling(n=3)),
    "limit": ask(sampling=Sampling(max_tokens=3, n=2)),
    "stop": ask(sampling=Sampling(stop=("e",))),
}


def tokens_in(events: list[Event]) -> int:
    return sum(isinstance(event, TOKENS) for event in events)


def test_definition() -> None:
    """The entry point of a plugin is called without arguments."""
    definition = DEMO()

    assert isinstance(definition, BackendPluginDefinition)
    assert definition.backend_name == "demo"
    assert isinstance(definition.factory(None, None, None), DemoBackend)  # type: ignore[arg-type]


async def test_life_of_a_backend() -> None:
    """It needs nothing to start and nothing to stop."""
    backend = DemoBackend(None, {"any": "config"}, None)

    await backend.initialize(api_key="unused", extra={})
    await backend.close()

    assert backend.get_available_models() == list(MODELS)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("model", COMPLETE)
async def test_grammar(model: str, request_: Request) -> None:
    """Every complete answer is legal, and counts its own tokens."""
    events = await streamed(f"{model}?rate=0&first=0", request_)

    check(events)
    usage = fold(events).usage
    assert usage is not None
    assert usage.output == tokens_in(events)


@pytest.mark.parametrize("model", COMPLETE)
async def test_whole_answer(model: str) -> None:
    """Whole and streamed answers are the same."""
    name = f"{model}?rate=0&first=0"

    answer, events = await whole(name), fold(await streamed(name))

    assert (answer.choices, answer.usage) == (events.choices, events.usage)


async def test_processed_messages_win() -> None:
    """Turns that were changed on the way replace those of the request."""
    turns = [Turn(Role.USER, (Text("changed"),))]

    envelope = await DemoBackend(None, None, None).chat_completions(
        ask("original"), turns, "echo?rate=0"
    )

    assert isinstance(envelope, ResponseEnvelope)
    assert words_of(envelope.content) == "changed"
    assert envelope.usage == envelope.content.usage


async def test_choices_are_interleaved() -> None:
    """Clients must expect choices to come abreast."""
    events = await streamed("lorem?rate=0&tokens=3", ask(sampling=Sampling(n=2)))

    check(events)
    blocks = [event.block for event in events if isinstance(event, TOKENS)]
    assert len(set(blocks[:2])) == 2


@pytest.mark.parametrize(
    ("sampling", "param"),
    [(Sampling(n=9), "n"), (Sampling(stop=("a",) * 17), "stop")],
)
async def test_too_much(sampling: Sampling, param: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        await streamed("hello", ask(sampling=sampling))

    assert raised.value.param == param


async def test_unknown_model() -> None:
    with pytest.raises(RoutingError, match="did you mean lorem"):
        await streamed("lorum")


# Pace. The bounds are wide: other work may hold the machine up.


async def times_of(model: str) -> list[float]:
    """Return the seconds after which pieces came."""
    clock = asyncio.get_running_loop().time
    start = clock()
    envelope = await open_stream(model)
    return [clock() - start async for _ in envelope.content]


async def test_pace() -> None:
    """Ten tokens at twenty a second take nine twentieths of a second."""
    times = await times_of("lorem?tokens=10&rate=20")

    assert len(times) >= 5
    assert 0.4 < times[-1] < 1.5


async def test_pace_does_not_drift() -> None:
    """A consumer that is late for one token gets those after it in time."""
    clock = asyncio.get_running_loop().time
    start = clock()
    envelope = await open_stream("lorem?tokens=20&rate=50")
    pieces: list[int] = []
    async for piece in envelope.content:
        if not pieces:
            await asyncio.sleep(0.25)
        pieces.append(tokens_in(list(piece.content)))

    assert clock() - start < 0.25 + 0.2
    assert max(pieces) > 5
    assert sum(pieces) == 20


async def test_fast_pace() -> None:
    """Fast tokens come several at a time, at the same pace."""
    times = await times_of("lorem?tokens=500&rate=2000")

    assert len(times) <= 30
    assert 0.2 < times[-1] < 1.5


async def test_no_pace() -> None:
    """Without a pace all comes at once, and others get their turn between."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(tick())
    times = await times_of("lorem?tokens=2000&rate=0")
    other.cancel()

    assert len(times) > 10
    assert ticks >= len(times)


@pytest.mark.parametrize("tokens", [0, 3])
async def test_late_first_token(tokens: int) -> None:
    """Nothing at all comes before the first token is due."""
    first, *_ = await times_of(f"slow?first=0.2&tokens={tokens}")

    assert 0.19 < first < 1


async def test_whole_answer_takes_its_time() -> None:
    clock = asyncio.get_running_loop().time
    start = clock()

    await whole("lorem?tokens=5&rate=20&first=0.1")

    assert 0.29 < clock() - start < 1.5


# Failures


@pytest.mark.parametrize(
    ("status", "kind", "code", "retry_after"),
    [
        (429, RateLimitExceededError, "rate_limit_exceeded", 1.0),
        (503, ServiceUnavailableError, "overloaded", 1.0),
        (504, APITimeoutError, "timeout", None),
        (401, BackendError, "invalid_api_key", None),
        (529, BackendError, "overloaded", None),
        (500, BackendError, "server_error", None),
        (418, BackendError, "server_error", None),
    ],
)
async def test_fail_before_the_answer(
    status: int, kind: type[BackendError], code: str, retry_after: float | None
) -> None:
    """The error has the status that was asked for, streaming or not."""
    for answer in (whole, streamed):
        with pytest.raises(kind) as raised:
            await answer(f"fail?status={status}")

        error = raised.value
        assert (error.status_code, error.code) == (status, code)
        assert error.retry_after == retry_after


async def test_fail_in_the_middle() -> None:
    """After so many tokens comes the error, and no end."""
    name = "fail?status=503&after=7&retry_after=9&rate=0"
    events = await streamed(name)

    check(events)
    assert tokens_in(events) == 7
    assert isinstance(events[-1], Fault)
    assert events[-1].error.status_code == 503
    assert events[-1].error.retry_after == 9
    with pytest.raises(ServiceUnavailableError):
        await whole(name)


@pytest.mark.parametrize("after", [0, 1, 300])
async def test_cut(after: int) -> None:
    """The stream just stops, without any end; a whole answer becomes an error."""
    events = await streamed(f"cut?after={after}&rate=0")

    check(events, partial=True)
    assert tokens_in(events) == after
    assert not [e for e in events if isinstance(e, ChoiceEnd | ReplyEnd | Fault)]
    assert bool(events) == bool(after)
    with pytest.raises(APIConnectionError) as raised:
        await whole(f"cut?after={after}&rate=0")
    assert raised.value.code == "upstream_truncated"


async def test_cut_inside_a_tool_call() -> None:
    """Half a call must not look like a call: here is one to try it on."""
    request = ask(tools=(WEATHER,), tool_choice=ToolChoice("required"))

    events = await streamed("cut?after=2&rate=0", request)

    assert [e.text for e in events if isinstance(e, ToolInputDelta)] == [
        '{"city',
        '": "Br',
    ]


async def test_cut_of_a_short_answer() -> None:
    """An answer that is too short to be cut there still has no end."""
    request = ask(sampling=Sampling(max_tokens=2))

    events = await streamed("cut?after=5&rate=0", request)

    assert tokens_in(events) == 2
    check(events, partial=True)
    assert not [e for e in events if isinstance(e, ChoiceEnd | ReplyEnd)]


async def test_failures_have_one_text() -> None:
    """The sentence says that nothing real is broken."""
    assert "as it was told" in failure(read_settings("fail")).message


# Cancelling


@pytest.mark.parametrize("after", [0, 4])
async def test_hang(after: int) -> None:
    """Nothing more comes until somebody cancels; then the pieces end."""
    envelope = await open_stream(f"hang?after={after}&rate=0")
    events: list[Event] = []

    async def consume() -> None:
        async for piece in envelope.content:
            events.extend(piece.content)

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(0.05)
    assert not consumer.done()
    assert envelope.cancel_callback is not None
    await envelope.cancel_callback()
    async with asyncio.timeout(1):
        await consumer

    check(events, partial=True)
    assert tokens_in(events) == after


@pytest.mark.parametrize("model", ["lorem?rate=1", "slow", "lorem?rate=0&tokens=5000"])
async def test_cancel_before_the_first_piece(model: str) -> None:
    envelope = await open_stream(model)

    assert envelope.cancel_callback is not None
    await envelope.cancel_callback()

    assert [piece async for piece in envelope.content] == []


async def test_cancel_between_pieces() -> None:
    envelope = await open_stream("lorem?rate=0&tokens=5000")
    pieces = envelope.content
    await anext(pieces)

    assert envelope.cancel_callback is not None
    await envelope.cancel_callback()

    assert [piece async for piece in pieces] == []


async def test_cancel_during_a_read() -> None:
    """The reader is not left waiting for a token that is due in a second."""
    envelope = await open_stream("lorem?rate=1")
    pieces = envelope.content
    await anext(pieces)
    clock = asyncio.get_running_loop().time
    start = clock()

    assert envelope.cancel_callback is not None
    asyncio.get_running_loop().call_later(
        0.05, asyncio.ensure_future, envelope.cancel_callback()
    )
    rest = [piece async for piece in pieces]

    assert rest == []
    assert clock() - start < 0.7


async def test_cancel_after_the_end_and_again() -> None:
    envelope = await open_stream("echo?rate=0")
    async for _ in envelope.content:
        pass

    assert envelope.cancel_callback is not None
    for _ in range(3):
        await envelope.cancel_callback()


async def test_task_is_cancelled() -> None:
    """A caller that goes away takes its task along, streaming or not."""
    for answer in (whole, streamed):
        task = asyncio.create_task(answer("hang?after=0&rate=0"))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(asyncio.all_tasks()) == 1


# Documentation


def test_everything_is_documented() -> None:
    """Each model and each parameter, with its bounds, is in the guide."""
    guide = (Path(__file__).parents[3] / "docs/demo.md").read_text()

    missing = [name for name in (*MODELS, *PARAMETERS) if f"`{name}" not in guide]
    assert missing == []
    for name, parameter in PARAMETERS.items():
        bounds = f"{parameter.least:,} to {parameter.most:,}"
        assert bounds in guide, f"{name}: {bounds}"


def test_text_names_models_that_exist() -> None:
    """The welcome tells newcomers what to try next."""
    named = [word.split("`")[0] for word in HELLO.split("`demo:")[1:]]

    assert len(named) >= 3
    for name in named:
        read_settings(name)
