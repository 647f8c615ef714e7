"""Several keys, of which some are refused or used up."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import pytest
import structlog
from attrs import evolve
from yarl import URL

from connectors.auth import api_key_query, bearer
from gateway import keys
from gateway.building import build_declared
from gateway.fronts.base import Ask
from gateway.keys import KeyPool
from gateway.plugin import Connector, Dialect, Fixed, Outbound
from gateway.secret import Secret
from gateway.settings import Auth, Backend
from tests.upstream import Request, Script, Step, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.answers import Answer
    from gateway.upstream import HttpBackend

    Built: TypeAlias = tuple[HttpBackend, Upstream]

PLANTED = ("planted-key-one-01", "planted-key-two-02", "planted-key-three-03")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def pool(*names: str) -> tuple[KeyPool, Clock]:
    clock = Clock()
    return KeyPool("up", tuple(map(Secret, names)), clock), clock


async def sign(made: KeyPool, before: Outbound | None = None) -> Outbound:
    """Return a request with a key in it, which may have been tried *before*."""
    request = Outbound("POST", URL("http://up/v1"), {}, auth=bearer)
    if before is not None:
        request = evolve(before, headers={}, attempt=before.attempt + 1)
    await made.sign(request)
    return request


async def used(made: KeyPool, before: Outbound | None = None) -> str:
    return (await sign(made, before)).headers["authorization"].removeprefix("Bearer ")


async def refuse(made: KeyPool, status: int, wait: float | None = None) -> bool:
    return await made.refused(await sign(made), status, wait)


async def test_in_turn() -> None:
    made, _ = pool("a", "b", "c")

    assert [await used(made) for _ in range(7)] == [*"abcabca"]


async def test_key_in_the_query() -> None:
    """Each dialect sends a key in its own way, whichever key it is."""
    made, _ = pool("a", "b")
    request = Outbound("GET", URL("http://up/v1?x=1"), {}, auth=api_key_query("key"))
    await made.sign(request)

    assert request.url == URL("http://up/v1?x=1&key=a")


async def test_ready_made() -> None:
    """A pool may hold keys as the instance's own way of sending made them."""
    made = KeyPool("up", (Fixed({"X-Own": "a"}), Fixed({"X-Own": "b"})))

    assert [(await sign(made)).headers for _ in range(2)] == [
        {"x-own": "a"},
        {"x-own": "b"},
    ]


async def test_refused_key_rests() -> None:
    """The others go on without it, and the request with the next."""
    made, clock = pool("a", "b", "c")

    request = await sign(made)
    assert await made.refused(request, 401, None)
    assert [await used(made, r) for r in (request, None, None)] == [*"bcb"]
    clock.now += keys.REFUSED_REST

    assert [await used(made) for _ in range(3)] == [*"cab"]


async def test_one_request_tries_each_once() -> None:
    made, _ = pool("a", "b", "c")
    seen, request = [], None
    for _ in range(3):
        request = await sign(made, request)
        seen.append(request.headers["authorization"])
        again = await made.refused(request, 429, 5.0)

    assert seen == ["Bearer a", "Bearer b", "Bearer c"]
    assert not again


async def test_all_rest() -> None:
    """The one that wakes first is tried, once."""
    made, clock = pool("a", "b", "c")
    for wait in (30.0, 10.0, 20.0):
        await refuse(made, 429, wait)

    request = await sign(made)
    assert request.headers["authorization"] == "Bearer b"
    assert not await made.refused(request, 429, 40.0)
    assert await used(made) == "c"
    clock.now += 20
    assert [await used(made) for _ in range(2)] == [*"cc"]


async def test_back_off_grows() -> None:
    """A key that is refused on waking rests twice as long, up to an hour."""
    made, clock = pool("a")
    rests = []
    with structlog.testing.capture_logs() as lines:
        for _ in range(8):
            await refuse(made, 401)
            rests.append(lines[-1]["seconds"])
            clock.now += rests[-1]

    assert rests == [60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_back_off_is_forgotten() -> None:
    """A key that has worked for long begins anew."""
    made, clock = pool("a")
    with structlog.testing.capture_logs() as lines:
        for pause in (60, 10_000, 0):
            await refuse(made, 401)
            clock.now += pause

    assert [line["seconds"] for line in lines] == [60, 120, 60]


async def test_refused_while_it_rests() -> None:
    """A hundred requests that were on their way with it are one refusal."""
    made, _ = pool("a")
    on_their_way = [await sign(made) for _ in range(100)]
    with structlog.testing.capture_logs() as lines:
        for request in on_their_way:
            await made.refused(request, 401, None)

    assert [line["seconds"] for line in lines] == [60]


@pytest.mark.parametrize(
    ("said", "rest"), [(None, 60), (7.0, 7), (86_400.0, 600)], ids=["-", "7", "a day"]
)
async def test_used_up(said: float | None, rest: float) -> None:
    """It rests for as long as its provider says, within reason."""
    made, clock = pool("a", "b")
    await refuse(made, 429, said)

    clock.now += rest - 0.1
    assert [await used(made) for _ in range(2)] == [*"bb"]
    clock.now += 0.1
    assert "a" in [await used(made) for _ in range(2)]


async def test_try_again_at_once() -> None:
    """With `Retry-After: 0` nothing rests, and the request goes on."""
    made, _ = pool("a", "b")

    request = await sign(made)
    with structlog.testing.capture_logs() as lines:
        assert await made.refused(request, 429, 0.0)

    assert lines == []
    assert [await used(made, request), await used(made)] == [*"ba"]


async def test_forbidden() -> None:
    """403 is about what is asked, or what the account may: another key has no say."""
    made, _ = pool("a", "b")

    assert not await refuse(made, 403)
    assert [await used(made) for _ in range(2)] == [*"ba"]


async def test_requests_do_not_mix() -> None:
    """Each request knows its own tries, with many under way."""
    made, _ = pool(*"abcdefgh")

    async def tries() -> list[str]:
        seen, request = [], None
        for _ in range(3):
            request = await sign(made, request)
            seen.append(request.headers["authorization"])
            await asyncio.sleep(0)
            assert await made.refused(request, 429, 0.0)
        return seen

    for seen in await asyncio.gather(*(tries() for _ in range(50))):
        assert len(set(seen)) == 3


async def test_log_has_numbers() -> None:
    """It says which key rests, why and for how long, and never the key."""
    made, _ = pool(*PLANTED)
    with structlog.testing.capture_logs() as lines:
        await refuse(made, 401)
        await refuse(made, 429, 5.0)

    assert lines == [
        {
            "event": "key.rests",
            "log_level": "warning",
            "backend": "up",
            "number": number,
            "reason": reason,
            "seconds": seconds,
            "awake": awake,
        }
        for number, reason, seconds, awake in [
            (1, "refused", 60.0, 2),
            (2, "used_up", 5.0, 1),
        ]
    ]
    assert not [k for k in PLANTED if k in repr(made) or k in repr(lines)]


# -- with a backend around it

CONNECTOR = Connector(
    "c",
    "https://own.example/v1",
    (Dialect("openai_chat", {"chat": "/chat/completions"}),),
    bearer,
)


@asynccontextmanager
async def built(script: Script, **members: object) -> AsyncIterator[Built]:
    async with Upstream(script) as up:
        settings = Backend(
            api_base_url=up.url,
            api_keys=tuple(map(Secret, PLANTED)),
            **members,  # type: ignore[arg-type]
        )
        backend = build_declared("mine", CONNECTOR, settings, {})
        try:
            yield backend, up
        finally:
            await backend.close()


async def ask(backend: HttpBackend) -> Answer:
    target = backend.native("openai_chat", "chat", Ask("m", stream=False), "m")
    assert target is not None
    return await backend.open(target, target.at("m"), b"{}", target.headers({}))


def sent(up: Upstream, header: str = "authorization") -> list[str | None]:
    return [request.header(header) for request in up.requests]


async def test_bad_keys_cost_the_caller_nothing() -> None:
    def script(request: Request) -> list[Step]:
        good = request.header("authorization") == f"Bearer {PLANTED[2]}"
        return reply({}) if good else reply({}, 401)

    async with built(script) as (backend, up):
        statuses = [(await ask(backend)).status for _ in range(5)]

    assert statuses == [200] * 5
    assert sent(up) == [f"Bearer {key}" for key in (*PLANTED, *[PLANTED[2]] * 4)]


async def test_all_used_up() -> None:
    """The caller gets the provider's own last answer, each key was tried once."""
    limit = reply({}, 429, {"retry-after": "30"})
    async with built(lambda _: limit) as (backend, up):
        first, second = await ask(backend), await ask(backend)

    assert (first.status, first.headers["retry-after"]) == (429, "30")
    assert second.status == 429
    assert sent(up) == [f"Bearer {key}" for key in (*PLANTED, PLANTED[0])]


async def test_pool_with_a_header_of_its_own() -> None:
    """`auth: {type: header}` holds for each of several keys."""
    auth = Auth(type="header", name="X-Own")
    async with built(lambda _: reply({}), auth=auth) as (backend, up):
        for _ in range(4):
            await ask(backend)

    assert sent(up, "x-own") == [*PLANTED, PLANTED[0]]
    assert sent(up) == [None] * 4
