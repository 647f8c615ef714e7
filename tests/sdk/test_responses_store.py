"""The SDK's own calls for stored responses, with an upstream of each protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tests.sdk.conftest import settings
from tests.sdk.pairs import MAIN
from tests.sdk.scripts.said import Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.process import Gateway
    from tests.sdk.scripts.cast import Cast

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ai(every: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(**settings(every)) as client:
        yield client


@pytest.mark.parametrize("upstream", MAIN)
async def test_conversation(ai: AsyncOpenAI, cast: Cast, upstream: str) -> None:
    """A conversation goes on by id, streamed after whole, and can be looked up."""
    model = cast.model(Said(text=("Hi!",)), Said(text=("Bye", "!")))
    name = f"{upstream}:{model}"

    first = await ai.responses.create(model=name, input="hello")
    async with ai.responses.stream(
        model=name, input="goodbye", previous_response_id=first.id
    ) as events:
        async for _ in events:
            pass
        second = await events.get_final_response()
    found = await ai.responses.retrieve(second.id)
    items = [item async for item in ai.responses.input_items.list(second.id, limit=1)]

    assert found.output_text == second.output_text == "Bye!"
    assert found.previous_response_id == first.id
    assert [_text(item) for item in items] == ["goodbye", "Hi!", "hello"]
    heard = (await cast.heard(model))[-1]
    assert [text for _, text in heard.said] == ["hello", "Hi!", "goodbye"]


@pytest.mark.parametrize("upstream", MAIN)
async def test_deleted(ai: AsyncOpenAI, cast: Cast, upstream: str) -> None:
    """What was deleted can be neither got nor continued; the SDK says why."""
    name = f"{upstream}:{cast.model(Said(text=('Hi!',)))}"
    told = await ai.responses.create(model=name, input="hello")

    await ai.responses.delete(told.id)

    with pytest.raises(openai.NotFoundError):
        await ai.responses.retrieve(told.id)
    with pytest.raises(openai.BadRequestError) as caught:
        await ai.responses.create(
            model=name, input="more", previous_response_id=told.id
        )
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


async def test_not_in_the_background(ai: AsyncOpenAI, cast: Cast) -> None:
    """What is not offered is a bad request that names the parameter."""
    name = f"chat:{cast.model(Said(text=('Hi!',)))}"
    told = await ai.responses.create(model=name, input="hello")

    with pytest.raises(openai.BadRequestError) as caught:
        await ai.responses.create(model=name, input="hello", background=True)
    assert caught.value.param == "background"
    with pytest.raises(openai.BadRequestError):
        await ai.responses.cancel(told.id)


def _text(item: Any) -> str:
    text: str = item.content[0].text
    return text
