"""What a backend may return; ``tests/guide/test_misbehaving.py`` has the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import define

from gateway import unpacking
from gateway.domain.errors import BackendError
from gateway.domain.reply import Reply
from gateway.plugin import (
    ProcessedResponse,
    ResponseEnvelope,
    StreamingResponseEnvelope,
    StreamingResponseHandle,
)
from gateway.unpacking import Unpacking, ending, envelope_in, headers_in, reply_in

if TYPE_CHECKING:
    from gateway.virtual_backend import VirtualBackend


@define
class Named:
    """As much of a backend as is looked at, without a translation service."""

    name: str = "mine"
    translation: Any = None


MINE = cast("VirtualBackend", Named())


async def nothing() -> Any:
    return
    yield


def envelope(content: Any, **members: Any) -> StreamingResponseEnvelope:
    return StreamingResponseEnvelope(content, **members)


def test_handle() -> None:
    """What has the same in it is as good."""
    handle = StreamingResponseHandle(nothing(), None, {"a": "b"})

    found = envelope_in(handle)

    assert isinstance(found, StreamingResponseEnvelope)
    assert found.content is handle.iterator
    assert found.headers == {"a": "b"}


@pytest.mark.parametrize("returned", [None, {}, Reply(), "text"])
def test_no_envelope(returned: Any) -> None:
    with pytest.raises(TypeError, match="not an envelope"):
        envelope_in(returned)


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({"X-RateLimit-Limit": 5, "Set-Cookie": "a"}, {"x-ratelimit-limit": "5"}),
        ({"retry-after": "1\r\nx: y"}, {}),
        (None, {}),
        ([("retry-after", "1")], {}),
    ],
)
def test_headers(headers: Any, kept: dict[str, str]) -> None:
    assert headers_in(ResponseEnvelope(Reply(), headers)) == kept


@pytest.mark.parametrize("content", [{"choices": []}, "{}", b"{}"])
def test_json_without_who_reads_it(content: Any) -> None:
    with pytest.raises(TypeError, match="not a Reply"):
        reply_in(ResponseEnvelope(content), MINE)


@pytest.mark.parametrize("status", [400, 503])
async def test_status_of_a_stream(status: int) -> None:
    """It may say that there is no answer."""
    refused = envelope(nothing(), status_code=status)

    with pytest.raises(BackendError) as caught:
        Unpacking(refused, MINE, lambda: False)

    assert (caught.value.status_code, caught.value.backend_name) == (status, "mine")


async def test_chunks_without_who_reads_them() -> None:
    async def pieces() -> Any:
        yield ProcessedResponse(cast("Any", {"choices": []}))

    read = Unpacking(envelope(pieces()), MINE, lambda: False)

    with pytest.raises(BackendError) as caught:
        await read()

    assert caught.value.code == "plugin_error"


async def test_nothing_to_close() -> None:
    """Neither a callback nor a generator."""

    class Pieces:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> Any:
            raise StopAsyncIteration

    async with ending(envelope(Pieces()), "mine"):
        pass


async def test_closing_goes_on_without_who_left() -> None:
    """A cancellation in the middle of it does not stop the cleaning up."""
    began, finish, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def cancel() -> None:
        began.set()
        await finish.wait()
        over.set()

    async def run() -> None:
        async with ending(envelope(nothing(), cancel_callback=cancel), "mine"):
            pass

    task = asyncio.create_task(run())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    finish.set()

    await asyncio.wait_for(over.wait(), 1)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_callback_that_hangs(
    monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    """It is given some time, and then nobody waits for it any more."""
    monkeypatch.setattr(unpacking, "CANCEL_DEADLINE", 0.01)
    monkeypatch.setattr(unpacking, "_ABANDONED", 0.03)
    finish = asyncio.Event()

    async def cancel() -> None:
        while not finish.is_set():
            try:
                await finish.wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    async with asyncio.timeout(1):
        async with ending(envelope(nothing(), cancel_callback=cancel), "mine"):
            pass

    finish.set()
    await asyncio.sleep(0)
