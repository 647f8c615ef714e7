"""When backends are asked for their models, and what is kept of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, evolve, field
from structlog.testing import capture_logs

from connectors.auth import bearer
from gateway import refreshing
from gateway.building import build_declared
from gateway.plugin import Connector, Dialect
from gateway.refreshing import Learned, Refreshing, pause_after
from gateway.registry import Registry
from gateway.settings import Backend
from tests.upstream import End, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from gateway.upstream import HttpBackend

KIND = Connector(
    "kind",
    "https://own.example/v1",
    (Dialect("openai_chat", {"chat": "/chat/completions"}),),
    bearer,
    key_optional=True,
)
# More than any test lasts, and less than that.
LATE, SOON = 3600.0, 0.01


def made(
    url: str = "http://127.0.0.1:9/v1", name: str = "up", **members: Any
) -> HttpBackend:
    kind = members.pop("kind", KIND)
    settings = Backend(api_base_url=url, **{"models_refresh": LATE, **members})
    return build_declared(name, kind, settings, {})


def listing(*names: str) -> list[Any]:
    return reply({"data": [{"id": name} for name in names]})


@asynccontextmanager
async def running(
    backends: Mapping[str, Any],
) -> AsyncIterator[tuple[dict[str, Learned], list[Any]]]:
    learned: dict[str, Learned] = {}
    with capture_logs() as logs:
        work = Refreshing(backends, learned)
        tasks = work.start()
        try:
            yield learned, logs
        finally:
            await work.stop()
            for backend in backends.values():
                await backend.close()
    assert all(task.done() for task in tasks)


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not claim():
            await asyncio.sleep(0.005)


async def test_all_at_once() -> None:
    """One that is slow does not hold up the others."""
    answer = asyncio.Event()
    async with Upstream([answer, *listing("s")]) as slow, Upstream(listing("q")) as up:
        backends = {"slow": made(slow.url, "slow"), "quick": made(up.url, "quick")}
        async with running(backends) as (learned, logs):
            await until(lambda: learned["quick"].outcome == "found")
            assert learned["slow"] == Learned("waiting")
            assert backends["quick"].models == ("q",)
            answer.set()
            await until(lambda: learned["slow"].outcome == "found")

    assert learned["slow"].at is not None
    assert logs == []


async def test_not_asked() -> None:
    """Who has a list, and who gives none."""
    async with Upstream() as up:
        backends = {
            "own": made(up.url, "own", models=("m",)),
            "dumb": made(up.url, "dumb", kind=evolve(KIND, models_path="")),
        }
        async with running(backends) as (learned, _):
            await asyncio.sleep(0)
            assert learned == {
                "own": Learned("configured"),
                "dumb": Learned("unlisted", None, "kind lists no models; set `models`"),
            }

    assert up.requests == []


async def test_asked_again() -> None:
    """A model that has come is there without a restart."""
    names = ["a"]
    async with Upstream(lambda _: listing(*names)) as up:
        backend = made(up.url, models_refresh=SOON)
        async with running({"up": backend}):
            await until(lambda: backend.models == ("a",))
            names.append("b")
            await until(lambda: backend.models == ("a", "b"))


async def test_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old list stays; the log has the change and not each attempt."""
    monkeypatch.setattr(refreshing, "LONGER", 1.0)
    answer = [listing("a")]
    async with Upstream(lambda _: answer[0]) as up:
        backend = made(up.url, models_refresh=SOON)
        async with running({"up": backend}) as (learned, logs):
            await until(lambda: backend.models == ("a",))
            answer[0] = reply({}, 500)
            count = len(up.requests)
            await until(lambda: len(up.requests) > count + 5)
            assert backend.models == ("a",)
            assert learned["up"].outcome == "failed"
            assert "500" in (learned["up"].reason or "")
            assert [line["event"] for line in logs] == ["models.unknown"]
            answer[0] = listing("b")
            await until(lambda: learned["up"].outcome == "found")

    assert [line["event"] for line in logs] == ["models.unknown", "models.known"]
    assert (logs[0]["backend"], logs[1]["models"]) == ("up", 1)
    assert learned["up"].reason is None


async def test_once_where_that_is_wanted() -> None:
    async with Upstream(listing("a")) as up:
        backend = made(up.url, models_refresh=0)
        learned: dict[str, Learned] = {}
        work = Refreshing({"up": backend}, learned)
        await asyncio.wait_for(asyncio.gather(*work.start()), 5)
        await backend.close()

    assert (len(up.requests), learned["up"].outcome) == (1, "found")


@define
class Broken:
    """A backend with somebody else's credentials, say."""

    name: str = "broken"
    models: tuple[str, ...] = ()
    settings: Backend = field(factory=Backend)

    async def discover(self) -> None:
        raise ValueError("sk-secret-0123456789")

    async def close(self) -> None: ...


async def test_any_other_error() -> None:
    """It ends nothing, and its text is shown to nobody outside."""
    async with running({"broken": Broken()}) as (learned, logs):
        await until(lambda: learned["broken"].outcome == "failed")

    assert learned["broken"].reason == "ValueError"
    assert [line["event"] for line in logs] == ["discovery.failed", "models.unknown"]


async def test_initialised_once() -> None:
    """A backend that answers by itself has its list at hand after that."""
    backend: Any = Registry().build("demo", Backend(models_refresh=SOON), {})
    learned: dict[str, Learned] = {}
    work = Refreshing({"demo": backend}, learned)
    await asyncio.wait_for(asyncio.gather(*work.start()), 5)
    await backend.close()

    assert learned["demo"].outcome == "found"
    assert "hello" in backend.models


@pytest.mark.parametrize(
    ("refresh", "failures", "pause"),
    [
        (600.0, 0, 600.0),
        (0.0, 0, 0.0),
        (600.0, 1, 5.0),
        (600.0, 2, 20.0),
        (600.0, 5, 600.0),
        (600.0, 10_000, 600.0),
        (3600.0, 9, 600.0),
        (0.0, 1, 5.0),
        (1.0, 1, 1.0),
    ],
)
async def test_pauses(refresh: float, failures: int, pause: float) -> None:
    """Longer and longer while it fails; never less often than ten minutes."""
    backend = made(models_refresh=refresh)
    try:
        assert pause_after(backend, failures) == pause
    finally:
        await backend.close()


async def test_workers_do_not_ask_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a pause of its own, around the one that is set."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 20:
            raise asyncio.CancelledError

    monkeypatch.setattr("gateway.refreshing.asyncio.sleep", sleep)
    async with Upstream(listing("a")) as up:
        backend = made(up.url, models_refresh=100)
        work = Refreshing({"up": backend}, {})
        await asyncio.gather(*work.start(), return_exceptions=True)
        monkeypatch.undo()
        await backend.close()

    assert len(set(pauses)) == 20
    assert all(80 <= pause <= 120 for pause in pauses)


async def test_stopped_while_it_asks() -> None:
    """Shutting down does not wait for a provider."""
    async with Upstream([End.HANG]) as up:
        backend = made(up.url)
        work = Refreshing({"up": backend}, {})
        tasks = work.start()
        await up.request()
        await asyncio.wait_for(work.stop(), 2)
        await backend.close()

    assert all(task.cancelled() for task in tasks)
