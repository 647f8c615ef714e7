"""A client that leaves gives the inference server its slot back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.client import Caller, ask
from tests.llama.asking import config, joined, question, slots_busy
from tests.llama.chains import ENDLESS, SPEECH
from tests.llama.serve import SLOTS
from tests.process import gateway

pytestmark = pytest.mark.needs("python:xllamacpp")

Leave = Callable[[Caller], float]
WAYS = (Caller.leave, Caller.leave_by_reset, Caller.leave_half)


@pytest.mark.parametrize("leave", WAYS, ids=["fin", "reset", "half_close"])
async def test_leaving_frees_the_slot(talker: str, leave: Leave) -> None:
    """The server stops generating within half a second of the client's leaving."""
    async with gateway(config(talker)) as g, Caller(g.port) as client:
        await client.send(question("lab:endless"))
        await client.head()
        await client.until(ENDLESS.pieces[3].encode())
        await slots_busy(talker, 1)

        left = leave(client)
        freed = await slots_busy(talker, 0)

        done = await g.event("exchange.done")
        await g.idle()
    assert freed - left < 0.5
    assert done["outcome"] == "client_gone"
    assert done["events"] > 3


async def test_others_go_on(talker: str) -> None:
    """One of several leaves: its slot is freed, the others lose nothing."""
    stay = question("lab:endless", max_tokens=30)
    async with gateway(config(talker)) as g, Caller(g.port) as client:
        staying = [asyncio.create_task(ask(g.port, stay)) for _ in range(SLOTS - 1)]
        await client.send(question("lab:endless"))
        await client.head()
        await client.until(ENDLESS.pieces[1].encode())
        client.leave()
        gone = await g.event("exchange.done", outcome="client_gone")
        answers = await asyncio.gather(*staying)
        await slots_busy(talker, 0)
        await g.idle()

    assert gone["finish"] == []
    said = "".join(ENDLESS.pieces[:30])
    assert [joined(answer) for answer in answers] == [said] * len(answers)


async def test_many_at_once(speaker: str) -> None:
    """
    More streams than slots, burst after burst: each gets the whole text.

    This server closes its connections after a stream, without saying so before.
    """
    async with gateway(config(speaker)) as g:
        answers = []
        for _ in range(8):
            wanted = [ask(g.port, question("lab:speech")) for _ in range(4 * SLOTS)]
            answers += await asyncio.gather(*wanted)
        done = [await g.done(a.header("x-request-id") or "") for a in answers]
        await g.idle()

    assert {answer.status for answer in answers} == {200}
    assert {joined(answer) for answer in answers} == {SPEECH.text}
    assert {line["outcome"] for line in done} == {"completed"}
