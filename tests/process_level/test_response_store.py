"""Where responses are kept: one file for all workers, and what if it is not there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.process import gateway
from tests.process_level.responding import (
    RESPONSES,
    TWO,
    Client,
    config,
    streamed_or_not,
)
from tests.sdk.scripts.cast import Cast
from tests.sdk.scripts.said import Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast() -> AsyncIterator[Cast]:
    made = Cast()
    async with made.upstream:
        yield made


async def test_no_file_before_its_time(cast: Cast, tmp_path: Path) -> None:
    """Other dialects make no file; neither does a client who wants none."""
    file = tmp_path / "responses.sqlite"
    async with gateway(config(cast, file)) as g:
        name = f"chat:{cast.model(Said(text=('hi',)))}"
        chat = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
        status, _ = await Client(g).call("POST", "/v1/chat/completions", chat)
        await Client(g).ask(name, store=False)

        assert status == 200
        assert not file.exists()


async def test_several_workers(cast: Cast, tmp_path: Path) -> None:
    """Whichever worker answers, it knows what the others have kept."""
    told = {**config(cast, tmp_path / "responses.sqlite")}
    told["server"] = {**TWO["server"], "workers": 2}
    async with gateway(told) as g:
        ann = Client(g)
        names = [
            (await ann.ask(f"chat:{cast.model(Said(text=('hi',)))}"))["id"]
            for _ in range(6)
        ]
        found = [await ann.get(name) for name in names for _ in range(4)]

        assert {status for status, _ in found} == {200}


async def test_restarted(cast: Cast, tmp_path: Path) -> None:
    """What was kept outlives the process."""
    told = config(cast, tmp_path / "responses.sqlite")
    model = cast.model(Said(text=("one",)), Said(text=("two",)))
    async with gateway(told) as g:
        first = await Client(g).ask(f"chat:{model}", "hello")
    async with gateway(told) as g:
        await Client(g).ask(f"chat:{model}", previous_response_id=first["id"])

    assert len((await cast.heard(model))[-1].said) == 3


async def test_retention(cast: Cast, tmp_path: Path) -> None:
    """After its time a response is unknown."""
    file = tmp_path / "responses.sqlite"
    async with gateway(config(cast, file, retention="1s")) as g:
        ann = Client(g)
        told = await ann.ask(f"chat:{cast.model(Said(text=('hi',)))}")
        at_once, _ = await ann.get(told["id"])
        await asyncio.sleep(1.1)
        later, _ = await ann.get(told["id"])

    assert (at_once, later) == (200, 404)


@streamed_or_not
async def test_off(cast: Cast, streamed: bool) -> None:
    """Without a store answers are given all the same, and are unknown afterwards."""
    async with gateway(config(cast, "none")) as g:
        ann = Client(g)
        name = f"anthropic:{cast.model(Said(text=('hi',)))}"
        told = await ann.ask(name, streamed=streamed)

        assert (await ann.get(told["id"]))[0] == 404
        body = {"model": name, "input": "x", "previous_response_id": told["id"]}
        status, told = await ann.call("POST", RESPONSES, body)
        assert status == 400
        assert told["error"]["code"] == "previous_response_not_found"


@streamed_or_not
async def test_broken_store(cast: Cast, tmp_path: Path, streamed: bool) -> None:
    """A store that fails costs no answer; the log says what is wrong with it."""
    file = tmp_path / "responses.sqlite"
    file.write_bytes(b"another thing" * 1000)
    async with gateway(config(cast, file)) as g:
        ann = Client(g)
        name = f"chat:{cast.model(Said(text=('hi',)))}"
        told = await ann.ask(name, streamed=streamed)
        line = await g.event("response.not_stored")

        assert "not a database" in line["reason"]
        status, error = await ann.get(told["id"])
        assert (status, error["error"]["code"]) == (503, "response_store_failed")
