"""
The official SDKs through the gateway to a real server that speaks three dialects.

The gateway is told to use one of them, so each SDK is tried with passthrough and
with translation.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tests.llama.chains import CALLED, SPEECH, THOUGHT, TOOLS
from tests.llama.model import prompt_tokens
from tests.process import gateway
from tests.sdk.conftest import CALLER_KEY, GOOGLES_WAYS, drivers
from tests.sdk.drivers.base import Ask, Driver
from tests.sdk.pairs import FRONTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.process import Gateway

pytestmark = [
    pytest.mark.needs("python:xllamacpp"),
    pytest.mark.asyncio(loop_scope="session"),
    GOOGLES_WAYS,
]

SPOKEN = ("openai_chat", "openai_responses", "anthropic")
OFFERED = {t["function"]["name"]: t["function"]["parameters"] for t in TOOLS}  # type: ignore[index]
# The server's own Responses lack ``output_index`` and ``output_tokens_details``, over
# which the SDK falls where they pass as they are. Nobody gets them unless the settings
# ask for them, as they do here for the other SDKs.
OWN = ("openai-responses", "openai_responses")
PAIRS = [pair for pair in product(FRONTS, SPOKEN) if pair != OWN]

each_pair = pytest.mark.parametrize(("front", "spoken"), PAIRS)
each_dialect = pytest.mark.parametrize("spoken", SPOKEN)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab(
    speaker: str, thinker: str, caller: str, folder: Path
) -> AsyncIterator[Gateway]:
    """A gateway with a backend for each server and each dialect of it."""
    servers = {"speech": speaker, "thought": thinker, "calls": caller}
    backends = {
        f"{name}-{spoken}": {
            "type": "llama.cpp",
            "api_base_url": url,
            "extra": {"speaks": [spoken]},
        }
        for name, url in servers.items()
        for spoken in SPOKEN
    }
    config = {
        "server": {"api_keys": [CALLER_KEY]},
        "backends": backends,
        "responses": {"file": str(folder / "responses.sqlite")},
    }
    async with gateway(config) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sdks(lab: Gateway) -> AsyncIterator[dict[str, Driver]]:
    made = drivers(lab.url)
    yield made
    for driver in made.values():
        await driver.close()


@each_pair
async def test_text(sdks: dict[str, Driver], front: str, spoken: str) -> None:
    """Whole or streamed, the SDK's user reads what the model is known to say."""
    ai, model = sdks[front], f"speech-{spoken}:speech"
    ask = Ask(model, ai.start("hello"))

    whole = await ai.whole(ask)
    pieces = [text async for text in ai.pieces(ask)]
    streamed = await ai.stream(ask)

    assert whole.words == streamed.words == "".join(pieces) == SPEECH.text
    assert len(pieces) > 1
    assert (whole.ending, streamed.ending) == ("end", "end")
    assert whole.tokens == streamed.tokens == (prompt_tokens("hello"), SPEECH.tokens)


@each_pair
async def test_thought(sdks: dict[str, Driver], front: str, spoken: str) -> None:
    """What the model thinks is no part of what it says."""
    ai, model = sdks[front], f"thought-{spoken}:thought"
    ask = Ask(model, ai.start("hello"), think=True)

    whole = await ai.whole(ask)
    streamed = await ai.stream(ask)

    assert whole.words.strip() == streamed.words.strip() == THOUGHT.text
    assert whole.thought.strip() == "".join(THOUGHT.thought)
    assert streamed.thought.strip() == "".join(THOUGHT.thought)


@each_pair
async def test_calls(sdks: dict[str, Driver], front: str, spoken: str) -> None:
    """Two calls arrive with their arguments, and are ended as calls."""
    ai, model = sdks[front], f"calls-{spoken}:calls"
    ask = Ask(model, ai.start("hello"), tools=OFFERED)

    whole = await ai.whole(ask)
    streamed = await ai.stream(ask)

    called = [(name, json.loads(arguments)) for name, arguments in CALLED]
    assert whole.calls == streamed.calls == called
    assert (whole.ending, streamed.ending) == ("tools", "tools")


@each_dialect
async def test_conversation_by_id(lab: Gateway, spoken: str) -> None:
    """The server keeps no answers; the gateway lets clients refer to them."""
    async with AsyncOpenAI(base_url=f"{lab.url}/v1", api_key=CALLER_KEY) as ai:
        model = f"speech-{spoken}:speech"
        first = await ai.responses.create(model=model, input="hello")
        second = await ai.responses.create(
            model=model, input="and on", previous_response_id=first.id
        )
        found = await ai.responses.retrieve(second.id)

    assert first.output_text == second.output_text == SPEECH.text
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens + SPEECH.tokens
    assert found.previous_response_id == first.id
