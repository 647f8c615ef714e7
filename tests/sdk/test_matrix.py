"""Each SDK through the gateway, with an upstream of each protocol: what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sdk.conftest import GOOGLES_WAYS
from tests.sdk.drivers.base import WEATHER, Ask, Driver, Got, Place
from tests.sdk.pairs import FRONTS, MAIN, SMALL, pairs
from tests.sdk.scripts.said import THOUGHT_TOKENS, Call, Said

if TYPE_CHECKING:
    from tests.sdk.scripts.cast import Cast

pytestmark = [pytest.mark.asyncio(loop_scope="session"), GOOGLES_WAYS]

BRNO, PRAHA = ("weather", {"city": "Brno"}), ("weather", {"city": "Praha"})
CALLS = (Call(*BRNO, id="call_1"), Call(*PRAHA, id="call_2"))
PICTURE = b"\x89PNG\r\n\x1a\n and the rest"
PICTURE_TEXT = "iVBORw0KGgogYW5kIHRoZSByZXN0"
# Whose thoughts come with a seal, which must come back to them as it was.
SEALING = ("responses", "anthropic", "gemini")

streamed_or_not = pytest.mark.parametrize(
    "streamed", [pytest.param(False, id="whole"), pytest.param(True, id="stream")]
)


async def answer(sdk: Driver, ask: Ask, streamed: bool) -> Got:
    return await (sdk.stream(ask) if streamed else sdk.whole(ask))


@pytest.mark.parametrize("front", FRONTS)
@streamed_or_not
async def test_demo(sdks: dict[str, Driver], front: str, streamed: bool) -> None:
    """The backend without any upstream speaks to every SDK."""
    sdk = sdks[front]

    got = await answer(sdk, Ask("demo:echo", sdk.start("hello")), streamed)

    assert got.words == "hello"
    assert got.ending == "end"
    assert min(got.tokens) > 0


def packed(text: str) -> str:
    """Return *text* without the spaces between the words of a thought."""
    return text.replace(" ", "").replace("\n", "")


@pairs(*MAIN, *SMALL)
@streamed_or_not
async def test_text(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """Words, their pieces, token counts and the reason for the end arrive."""
    sdk, said = sdks[front], Said(text=("Dobrý ", "den, ", "\u2028 světe 🌍"))
    model = cast.model(said)
    ask = Ask(f"{upstream}:{model}", sdk.start("hello"), system="Be brief.")

    got = await answer(sdk, ask, streamed)

    assert got.words == said.words
    if streamed and front != "google-genai":  # pieces that come at once are one there
        assert [text for text in got.texts if text] == list(said.text)
    assert got.ending == "end"
    assert got.tokens == (said.input, said.output)
    [heard] = await cast.heard(model)
    assert [text for _, text in heard.said] == ["Be brief.", "hello"]
    assert heard.said[0][0] in {"system", "developer"}
    assert heard.said[1][0] == "user"


@pairs()
@streamed_or_not
async def test_cached_tokens(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """What was read from a cache is counted once, and told apart."""
    sdk, said = sdks[front], Said(text=("one ", "two"), input=100, cached=60)
    ask = Ask(f"{upstream}:{cast.model(said)}", sdk.start("hello"))

    got = await answer(sdk, ask, streamed)

    assert got.tokens == (100, said.output)
    assert got.cached == 60


@pairs(*MAIN, *SMALL)
@streamed_or_not
async def test_cut_short(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """An answer that reached its limit says so."""
    sdk, said = sdks[front], Said(text=("one ", "two"), ending="length")
    ask = Ask(f"{upstream}:{cast.model(said)}", sdk.start("hello"))

    got = await answer(sdk, ask, streamed)

    assert got.words == "one two"
    assert got.ending == "length"


@pairs(*MAIN, *SMALL)
@streamed_or_not
async def test_parallel_tools(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """Two calls at once arrive in order; their results find them at the upstream."""
    sdk = sdks[front]
    first = Said(calls=CALLS, ending="tools")
    model = cast.model(first, Said(text=("It rains.",)))
    turns = sdk.start("weather?")
    ask = Ask(f"{upstream}:{model}", turns, tools=WEATHER)

    got = await answer(sdk, ask, streamed)
    again = Ask(
        f"{upstream}:{model}", sdk.go_on(turns, got, ["rain", "sun"]), tools=WEATHER
    )
    last = await answer(sdk, again, streamed)

    assert got.calls == [BRNO, PRAHA]
    assert got.ending == "tools"
    assert last.words == "It rains."
    offered, asked = await cast.heard(model)
    assert offered.tools["weather"]["properties"]["city"]["type"].lower() == "string"
    assert offered.tools["weather"]["required"] == ["city"]
    assert asked.calls == [BRNO, PRAHA]
    assert ["rain" in asked.results[0], "sun" in asked.results[1]] == [True, True]
    assert asked.linked


@pairs()
@streamed_or_not
async def test_text_before_a_tool(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """What is said before a call is not lost, and neither is the call."""
    sdk = sdks[front]
    said = Said(text=("Let me ", "look."), calls=CALLS[:1], ending="tools")
    ask = Ask(f"{upstream}:{cast.model(said)}", sdk.start("weather?"), tools=WEATHER)

    got = await answer(sdk, ask, streamed)

    assert got.words == "Let me look."
    assert got.calls == [BRNO]
    assert got.ending == "tools"


@pairs(*MAIN, "ollama", "mistral", "cohere")
async def test_image(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str
) -> None:
    """A picture reaches the upstream, byte for byte."""
    sdk, said = sdks[front], Said(text=("A cat.",))
    model = cast.model(said)
    turns = sdk.start("what is this?", ("image/png", PICTURE))

    got = await sdk.whole(Ask(f"{upstream}:{model}", turns))

    assert got.words == "A cat."
    [heard] = await cast.heard(model)
    [(kind, data)] = heard.images
    assert data == PICTURE_TEXT
    assert kind == "image/png" or upstream == "ollama"  # which does not ask


@pairs(*MAIN, *SMALL)
@streamed_or_not
async def test_schema(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """The SDK's own helper parses an answer that was asked for by a schema."""
    sdk, said = sdks[front], Said(text=('{"city": "Brno",', ' "people": 400000}'))
    model = cast.model(said)
    ask = Ask(f"{upstream}:{model}", sdk.start("where?"), parse=True)

    got = await answer(sdk, ask, streamed)

    assert got.words == said.words
    if front != "google-genai" or not streamed:  # it does not parse streams
        assert got.parsed == Place(city="Brno", people=400_000)
    [heard] = await cast.heard(model)
    assert set(heard.schema["properties"]) == {"city", "people"}
    assert set(heard.schema["required"]) == {"city", "people"}


@pairs()
@streamed_or_not
async def test_thinking(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """Thoughts are shown as thoughts; over two turns their seal stays whole."""
    sdk = sdks[front]
    seal = "c2VhbCBvZiBhIHRob3VnaHQ=" if upstream in SEALING else ""
    said = Said(text=("Hi", " there"), thought="Let me see first", seal=seal)
    model = cast.model(said, Said(text=("Bye",)))
    turns = sdk.start("hello")
    ask = Ask(f"{upstream}:{model}", turns, think=True)

    got = await answer(sdk, ask, streamed)
    more = sdk.reply(turns, got, "and now?")
    last = await answer(sdk, Ask(f"{upstream}:{model}", more, think=True), streamed)

    assert got.words == "Hi there"
    assert packed(got.thought) == "Letmeseefirst"
    if front != "anthropic" and upstream != "anthropic":  # they do not tell
        assert got.reasoning == THOUGHT_TOKENS
    assert last.words == "Bye"
    _, heard = await cast.heard(model)
    texts = [(role, text) for role, text in heard.said if role != "system"]
    assert "".join(t for role, t in texts if role == "assistant") == "Hi there"
    assert texts[-1] == ("user", "and now?")
    if seal:
        assert heard.seals == [seal]


@pairs(*SEALING)
@streamed_or_not
async def test_thinking_before_tools(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str, streamed: bool
) -> None:
    """Providers refuse a tool's result without the sealed thought before its call."""
    sdk, seal = sdks[front], "c2VhbCBvZiBhIGNhbGw="
    said = Said(calls=CALLS, thought="Which tool?", seal=seal, ending="tools")
    model = cast.model(said, Said(text=("It rains.",)))
    turns = sdk.start("weather?")
    ask = Ask(f"{upstream}:{model}", turns, tools=WEATHER, think=True)

    got = await answer(sdk, ask, streamed)
    more = sdk.go_on(turns, got, ["rain", "sun"])
    again = Ask(f"{upstream}:{model}", more, tools=WEATHER, think=True)
    last = await answer(sdk, again, streamed)

    assert got.calls == [BRNO, PRAHA]
    assert last.words == "It rains."
    _, heard = await cast.heard(model)
    assert heard.seals == [seal]
    assert heard.calls == [BRNO, PRAHA]
    assert heard.linked


@pairs(*SEALING)
async def test_seals_are_for_their_issuer(
    sdks: dict[str, Driver], cast: Cast, front: str, upstream: str
) -> None:
    """A conversation that goes on with another provider shows it no seal."""
    sdk = sdks[front]
    said = Said(text=("Hi",), thought="Let me see", seal="c2VhbCBvZiBhIHRob3VnaHQ=")
    model = cast.model(said)
    turns = sdk.start("hello")
    ask = Ask(f"{upstream}:{model}", turns, think=True)
    other = SEALING[SEALING.index(upstream) - 1]
    next_model = cast.model(Said(text=("Bye",)))

    got = await sdk.whole(ask)
    more = sdk.reply(turns, got, "and now?")
    await sdk.whole(Ask(f"{other}:{next_model}", more))

    if _same_dialect(front, other):
        return  # bytes pass, and the SDK's user is who sent them
    [request] = await cast.requests(next_model)
    assert b"c2VhbCBvZiBhIHRob3VnaHQ" not in request.body
    assert b"Let me see" not in request.body


def _same_dialect(front: str, upstream: str) -> bool:
    return {
        "openai-responses": "responses",
        "anthropic": "anthropic",
        "google-genai": "gemini",
    }.get(front) == upstream
