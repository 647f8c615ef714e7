"""Each SDK through the gateway, with an upstream of each protocol: what goes wrong."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.sdk.conftest import CALLER_KEY, GOOGLES_WAYS, drivers
from tests.sdk.drivers.base import WEATHER, Ask, Driver
from tests.sdk.pairs import FRONTS, MAIN, SMALL, pairs
from tests.sdk.scripts.cast import breaking, failing, refusing
from tests.sdk.scripts.said import Call, Said
from tests.upstream import LAST_CHUNK, End, Step

if TYPE_CHECKING:
    from tests.process import Gateway
    from tests.sdk.scripts.cast import Cast

pytestmark = [pytest.mark.asyncio(loop_scope="session"), GOOGLES_WAYS]

# Seconds; what the gateway promises. A busy machine gets three tries.
SOON = 0.1
TRIES = 3
WORDS = Said(text=("one ", "two ", "three ", "four ", "five ", "six "))
ENDS: dict[str, list[Step | str]] = {
    "told": ["the machine is on fire", LAST_CHUNK],
    "reset": [End.RST],
    "closed": [End.FIN],
    "ended": [LAST_CHUNK],
}


async def heard(sdk: Driver, ask: Ask) -> tuple[str, Exception | None]:
    """Return the texts of a stream, and what it raised."""
    texts: list[str] = []
    try:
        async for text in sdk.pieces(ask):
            texts.append(text)  # noqa: PERF401 - kept when it raises
    except Exception as error:
        return "".join(texts), error
    return "".join(texts), None


def status_of(error: Any) -> int:
    status: int = getattr(error, "status_code", None) or error.code
    return status


@pairs(*MAIN, *SMALL)
@pytest.mark.parametrize("status", [401, 429, 500])
async def test_refused(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, status: int
) -> None:
    """The upstream's status is the SDK's own exception, with the upstream's words."""
    sdk = sdks[front]
    model = cast.model(refusing(status, "no luck today", {"retry-after": "7"}))
    ask = Ask(f"{upstream}:{model}", sdk.start("hello"))

    with pytest.raises(sdk.statuses[status]) as caught:
        await sdk.whole(ask)
    _, streamed = await heard(sdk, ask)

    error: Any = caught.value
    assert status_of(error) == status
    assert "no luck today" in str(error)
    assert error.response.headers["retry-after"] == "7"
    assert type(streamed) is type(caught.value)


@pairs(*MAIN, *SMALL)
async def test_failed_at_once(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str
) -> None:
    """A failure as the first event of a 200 is an answer with a status of its own."""
    sdk = sdks[front]
    model = cast.model(failing("the machine is on fire"))

    said, error = await heard(sdk, Ask(f"{upstream}:{model}", sdk.start("hello")))

    assert said == ""
    assert isinstance(error, sdk.broken)
    assert status_of(error) >= 400
    assert "on fire" in str(error)


@pairs(*MAIN, *SMALL)
@pytest.mark.parametrize("end", ENDS)
async def test_broken_stream(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, end: str
) -> None:
    """What came before is there; then the SDK raises, as if nothing was well."""
    sdk = sdks[front]
    model = cast.model(breaking(WORDS, *ENDS[end]))
    ask = Ask(f"{upstream}:{model}", sdk.start("hello"))

    said, error = await heard(sdk, ask)

    assert said
    assert WORDS.words.startswith(said)
    assert isinstance(error, sdk.broken)
    if end == "told":
        assert "on fire" in str(error)


@pairs()
@pytest.mark.parametrize("end", ["told", "closed"])
async def test_broken_call(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, end: str
) -> None:
    """A call that broke off never comes to the SDK's user as one to be run."""
    sdk = sdks[front]
    # Two, because Gemini's come whole.
    calls = (Call("weather", {"city": "Brno"}), Call("weather", {"city": "Praha"}))
    model = cast.model(breaking(Said(calls=calls, ending="tools"), *ENDS[end]))
    ask = Ask(f"{upstream}:{model}", sdk.start("weather?"), tools=WEATHER)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - which, is told below
        await sdk.stream(ask)

    assert isinstance(caught.value, sdk.broken | RuntimeError)


@pairs(*MAIN, *SMALL)
async def test_cancelled(
    sdks: dict[str, Driver], cast: Cast, every: Gateway, front: str, upstream: str
) -> None:
    """A user who stops listening in the middle frees the upstream at once."""
    sdk = sdks[front]
    took: list[float] = []
    while not took or (min(took) > SOON and len(took) < TRIES):
        model = cast.model(breaking(WORDS, End.HANG))
        listening = await first_heard(sdk, Ask(f"{upstream}:{model}", sdk.start("hi")))
        left = time.monotonic()
        listening.cancel()
        [request] = await cast.requests(model)
        took.append(await request.gone() - left)

    assert min(took) < SOON
    await every.idle()


async def first_heard(sdk: Driver, ask: Ask) -> asyncio.Task[None]:
    """Return a task that listens to a stream, once it has heard something."""
    something = asyncio.Event()

    async def listen() -> None:
        async for _ in sdk.pieces(ask):
            something.set()

    # Google's SDK keeps the connection when its iterator is closed, until the
    # garbage collector comes; a cancelled task lets go of it.
    listening = asyncio.create_task(listen())
    await asyncio.wait_for(something.wait(), 5)
    return listening


@pytest.mark.parametrize("front", FRONTS)
async def test_wrong_key(every: Gateway, front: str) -> None:
    """A caller with a wrong key hears it in the words of the SDK."""
    strangers = drivers(every.url, "sk-wrong")
    sdk = strangers[front]
    try:
        with pytest.raises(sdk.statuses[401]) as caught:
            await sdk.whole(Ask("chat:model-none", sdk.start("hello")))
    finally:
        for stranger in strangers.values():
            await stranger.close()

    assert "sk-wrong" not in str(caught.value)
    assert CALLER_KEY not in str(caught.value)


@pytest.mark.parametrize("front", FRONTS)
async def test_unknown_model(sdks: dict[str, Driver], front: str) -> None:
    """A model that nobody has is not found."""
    sdk = sdks[front]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which, is told below
        await sdk.whole(Ask("nobody:knows", sdk.start("hello")))

    assert status_of(caught.value) == 404
    assert isinstance(caught.value, sdk.broken)
