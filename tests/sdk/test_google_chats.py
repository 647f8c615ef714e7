"""Google's chats, which keep the history that they send, and only what they trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google import genai
from google.genai import types

from tests.sdk.conftest import CALLER_KEY, GOOGLES_WAYS
from tests.sdk.pairs import MAIN, SMALL
from tests.sdk.scripts.said import Said

if TYPE_CHECKING:
    from tests.process import Gateway
    from tests.sdk.scripts.cast import Cast

pytestmark = [pytest.mark.asyncio(loop_scope="session"), GOOGLES_WAYS]

SAID = Said(("Your name ", "is Bo."), input=21, output=8)


@pytest.mark.parametrize("upstream", [*MAIN, *SMALL])
async def test_history(every: Gateway, cast: Cast, upstream: str) -> None:
    """A streamed answer is a part of the next request, without the empty end of it."""
    model = cast.model(SAID, SAID)
    options = types.HttpOptions(base_url=every.url)
    client = genai.Client(api_key=CALLER_KEY, http_options=options)
    chat = client.aio.chats.create(model=f"{upstream}:{model}")
    try:
        for asked in ("My name is Bo.", "Who am I?"):
            async for chunk in await chat.send_message_stream(asked):
                assert chunk.candidates is not None
                assert chunk.candidates[0].content is not None
    finally:
        await client.aio.aclose()

    _, second = await cast.requests(model, 2)
    said = second.body.decode()
    assert said.index("My name is Bo.") < said.index("Your name ") < said.index("Who")
    assert '""' not in said or upstream == "gemini"
