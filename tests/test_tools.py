"""The tools of these tests do what they say; else nothing here proves anything."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.client import Caller, ask, chat
from tests.recordings import expected_of_stream
from tests.streams import chat_stream, cuts, frames, random_cuts, text_chunk
from tests.upstream import End, Pause, Upstream, open_stream, reply, stream


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_cuts(size: int) -> None:
    """The pieces joined are the body, and none is longer than asked for."""
    body = bytes(range(256)) * 5

    pieces = cuts(body, size)

    assert b"".join(pieces) == body
    assert {len(piece) for piece in pieces[:-1]} <= {size}


def test_random_cuts() -> None:
    """The same seed cuts alike, another one differently."""
    body = bytes(range(256)) * 20

    assert b"".join(random_cuts(body, 1)) == body
    assert random_cuts(body, 1) == random_cuts(body, 1) != random_cuts(body, 2)


def test_frames() -> None:
    """Every kind of line end makes blank lines, and what is left over stays."""
    body = b"data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d"

    assert frames(body) == [
        b"data: a\n\n",
        b"data: b\r\n\r\n",
        b"data: c\r\r",
        b"data: d",
    ]


def test_expected() -> None:
    told = expected_of_stream(b"".join(chat_stream("a", "b")))

    assert (told.finish, told.prompt, told.output, told.done) == (("stop",), 3, 2, True)


async def test_whole_answers() -> None:
    """A correct script is read as a whole answer, again and again on one connection."""
    async with Upstream(stream(chat_stream())) as up, Caller(up.port) as caller:
        for _ in range(3):
            await caller.send(chat())
            answer = await caller.answer()
            assert answer.complete
            assert answer.body == b"".join(chat_stream())
        assert (up.accepted, up.open, len(up.requests)) == (1, 1, 3)


@pytest.mark.parametrize("end", [End.FIN, End.RST, End.HALF_CLOSE])
async def test_broken_answers(end: End) -> None:
    """Each way to break off is seen as an answer that is not complete."""
    async with Upstream([*open_stream(text_chunk("a")), end]) as up:
        answer = await ask(up.port, chat())

    assert answer.body == text_chunk("a")
    assert not answer.complete


async def test_cases() -> None:
    """A request picks its script by name."""
    async with Upstream(reply(b"default")) as up:
        up.scripts["mine"] = [Pause(0.01), *reply(b"mine", 503)]

        assert (await ask(up.port, chat())).body == b"default"
        assert (await ask(up.port, chat("mine"))).status == 503


async def test_leaving_is_timed() -> None:
    """The moment of a peer's leaving is known to the millisecond."""
    for leave in (Caller.leave, Caller.leave_by_reset, Caller.leave_half):
        async with Upstream([End.HANG]) as up, Caller(up.port) as caller:
            await caller.send(chat())
            request = await up.request()
            await asyncio.sleep(0.05)
            assert up.open == 1
            left = leave(caller)
            assert 0 <= await request.gone(1) - left < 0.02
            assert up.open == 0


async def test_mistakes_in_a_script_are_told() -> None:
    """A test's own error is not taken for an upstream that failed."""

    def broken(_: object) -> list[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with Upstream(broken) as up:
            await ask(up.port, chat())


async def test_hang_ends_with_its_peer() -> None:
    begun = time.monotonic()
    async with Upstream([End.HANG]) as up, Caller(up.port) as caller:
        await caller.send(chat())
        await up.request()

    assert time.monotonic() - begun < 1
