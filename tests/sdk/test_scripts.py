"""
Each SDK at its own provider's script, without a gateway in between.

What fails here is a mistake of the scripts or of the drivers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.sdk.conftest import GOOGLES_WAYS, drivers
from tests.sdk.drivers.base import WEATHER, Ask, Driver, Place
from tests.sdk.scripts.said import Call, Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sdk.scripts.cast import Cast

pytestmark = [pytest.mark.asyncio(loop_scope="session"), GOOGLES_WAYS]

NATIVE = {
    "openai-chat": "chat",
    "openai-responses": "responses",
    "anthropic": "anthropic",
    "google-genai": "gemini",
}


@pytest_asyncio.fixture(loop_scope="session", params=NATIVE)
async def sdk(request: pytest.FixtureRequest, cast: Cast) -> AsyncIterator[Driver]:
    every = drivers(f"{cast.root}/{NATIVE[request.param]}")
    yield every[request.param]
    for driver in every.values():
        await driver.close()


@pytest.mark.parametrize("streamed", [False, True])
async def test_all_that_can_be_said(sdk: Driver, cast: Cast, streamed: bool) -> None:
    """The script's words are what the SDK's user gets."""
    said = Said(
        text=("one ", "two"),
        calls=(
            Call("weather", {"city": "Brno"}, "call_1"),
            Call("weather", {"city": "Praha"}, "call_2"),
        ),
        thought="Let me see",
        seal="c2VhbA==",
        ending="tools",
        cached=5,
    )
    model = cast.model(said, said)
    turns = sdk.start("hello", ("image/png", b"\x89PNG"))
    ask = Ask(model, turns, system="Be brief.", tools=WEATHER, think=True)

    got = await (sdk.stream(ask) if streamed else sdk.whole(ask))
    again = Ask(model, sdk.go_on(turns, got, ["rain", "sun"]), tools=WEATHER)
    await sdk.whole(again)

    assert got.words == "one two"
    assert got.calls == [("weather", {"city": "Brno"}), ("weather", {"city": "Praha"})]
    assert got.ending == "tools"
    assert got.tokens == (said.input, said.output)
    assert got.cached == 5
    assert got.thought.replace(" ", "") == "Letmesee"
    first, second = await cast.heard(model)
    assert first.said == [("system", "Be brief."), ("user", "hello")]
    assert first.images == [("image/png", "iVBORw==")]
    assert list(first.tools) == ["weather"]
    assert [arguments for _, arguments in second.calls] == [
        {"city": "Brno"},
        {"city": "Praha"},
    ]
    assert second.results == ["rain", "sun"]
    assert second.linked


async def test_parsed(sdk: Driver, cast: Cast) -> None:
    model = cast.model(Said(text=('{"city": "Brno",', ' "people": 400000}')))

    got = await sdk.whole(Ask(model, sdk.start("where?"), parse=True))

    assert got.parsed == Place(city="Brno", people=400_000)
    [heard] = await cast.heard(model)
    assert set(heard.schema["properties"]) == {"city", "people"}


@pytest.mark.parametrize("streamed", [False, True])
async def test_cut_short(sdk: Driver, cast: Cast, streamed: bool) -> None:
    ask = Ask(cast.model(Said(text=("one ", "two"), ending="length")), sdk.start("hi"))

    got = await (sdk.stream(ask) if streamed else sdk.whole(ask))

    assert got.ending == "length"
