"""An instance of somebody else's backend: started once, and closed whatever it does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from gateway import virtual_backend
from gateway.domain.errors import BackendError, LLMProxyError
from gateway.plugin import LLMBackend
from gateway.secret import Secret
from gateway.settings import Backend as Settings
from gateway.virtual_backend import VirtualBackend, own_errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Scripted(LLMBackend):
    """Does what it is told in *steps*, one for each call of ``initialize``."""

    backend_type = "scripted"

    def __init__(self, *steps: Any, closing: Exception | None = None) -> None:
        super().__init__(None)
        self.steps = list(steps)
        self.given: list[dict[str, Any]] = []
        self.models: Any = ["a", 5, "b"]
        self.closing = closing

    async def initialize(self, **kwargs: Any) -> None:
        self.given.append(kwargs)
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, asyncio.Event):
            await step.wait()
        if isinstance(step, BaseException):
            raise step

    async def chat_completions(self, *args: Any, **kwargs: Any) -> Any: ...

    def get_available_models(self) -> Any:
        if isinstance(self.models, Exception):
            raise self.models
        return self.models

    async def close(self) -> None:
        if self.closing is not None:
            raise self.closing


@asynccontextmanager
async def made(backend: LLMBackend, **settings: Any) -> AsyncIterator[VirtualBackend]:
    keys = (Secret("first-key"), Secret("second-key"))
    session = aiohttp.ClientSession()
    found = VirtualBackend("mine", Settings(**settings), backend, session, keys)
    yield found
    await found.close()
    assert session.closed


async def test_what_is_given() -> None:
    """Keys, models and what stands below `extra`; an address only if there is one."""
    backend = Scripted()

    async with made(backend, models=("x",), extra={"region": "eu"}) as found:
        await found.discover()
        await found.discover()

    (given,) = backend.given
    assert given == {
        "provider": None,
        "api_key": "first-key",
        "api_keys": ["first-key", "second-key"],
        "models": ["x"],
        "region": "eu",
    }


async def test_address() -> None:
    backend = Scripted()

    async with made(backend, extra={"api_base_url": "http://extra"}) as found:
        found.base_url = "http://configured"
        found.keys = ()
        await found.discover()

    assert backend.given[0]["api_base_url"] == "http://configured"
    assert backend.given[0]["api_key"] is None


async def test_started_once_for_all() -> None:
    """Who comes while it starts waits; who gives up waiting stops nobody else."""
    event = asyncio.Event()
    backend = Scripted(event)

    async with made(backend) as found:
        waiting = [asyncio.create_task(found.wait()) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting[0].cancel()
        assert not found.ready
        event.set()
        await asyncio.gather(*waiting[1:])
        await found.wait()

    assert found.ready
    assert len(backend.given) == 1
    assert waiting[0].cancelled()


async def test_failure_is_remembered_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not with each request; the pause grows, and success ends it."""
    monkeypatch.setattr(virtual_backend, "FIRST_PAUSE", 0.02)
    error = BackendError("not yet", code="not_yet")
    backend = Scripted(error, error)

    async with made(backend) as found:
        for _ in range(3):
            with pytest.raises(BackendError, match="not yet"):
                await found.wait()
        assert len(backend.given) == 1
        await asyncio.sleep(0.025)
        with pytest.raises(BackendError, match="not yet"):
            await found.wait()
        await asyncio.sleep(0.025)
        with pytest.raises(BackendError, match="not yet"):
            await found.wait()  # the pause is twice as long
        assert len(backend.given) == 2
        await asyncio.sleep(0.02)
        await found.wait()

    assert found.ready
    assert found.failure is None
    assert error.backend_name == "mine"


async def test_who_discovers_need_not_pause() -> None:
    """The schedule of the start is another's."""
    backend = Scripted(BackendError("not yet"))

    async with made(backend) as found:
        with pytest.raises(BackendError):
            await found.discover()
        await found.discover()

    assert found.ready


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (ValueError("secret words"), "plugin_error"),
        (FileNotFoundError("secret words"), "plugin_error"),
        (asyncio.CancelledError(), "plugin_error"),
        (aiohttp.ServerDisconnectedError(), "upstream_connection_lost"),
        (TimeoutError("secret words"), "upstream_timeout"),
    ],
)
async def test_foreign_errors(step: BaseException, code: str) -> None:
    """They become ours, without their words."""
    async with made(Scripted(step)) as found:
        with pytest.raises(BackendError) as caught:
            await found.discover()

    assert (caught.value.code, caught.value.backend_name) == (code, "mine")
    assert "secret words" not in caught.value.message


async def test_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_backend, "START_DEADLINE", 0.01)

    async with made(Scripted(asyncio.Event())) as found:
        with pytest.raises(LLMProxyError) as caught:
            await found.discover()

    assert (caught.value.code, caught.value.status_code) == (
        "initialization_timeout",
        504,
    )


async def test_closed_while_it_starts() -> None:
    backend = Scripted(asyncio.Event(), closing=ValueError("no"))

    async with made(backend) as found:
        task = asyncio.create_task(found.discover())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("offered", "names"),
    [
        (["a", 5, "b"], ("a", "b")),
        (ValueError("no"), ()),
        (None, ()),
    ],
)
async def test_models(offered: Any, names: tuple[str, ...]) -> None:
    """Those that are names; who fails over it is warned of once, and has none."""
    backend = Scripted()
    backend.models = offered

    async with made(backend) as found:
        assert found.models == names
        assert found.models == names
        backend.models = ["c"]
        assert found.models == ("c",)


async def test_configured_models() -> None:
    async with made(Scripted(), models=("x",)) as found:
        assert found.models == ("x",)


async def test_own_errors_of_another() -> None:
    """An error that has a name keeps it, and one that has none for it is let be."""
    named = BackendError("no", backend_name="inner")
    plain = LLMProxyError("no")

    for error in (named, plain):
        with pytest.raises(LLMProxyError) as caught, own_errors("outer"):
            raise error
        assert caught.value is error

    assert named.backend_name == "inner"


async def test_real_cancellation_passes() -> None:
    """Who is cancelled is cancelled, and it is nobody's mistake."""

    async def run() -> None:
        with own_errors("mine"):
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
