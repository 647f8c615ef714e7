"""Keys, origins and patience, without a server around them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway import access
from gateway.access import (
    FREE_FAILURES,
    LONGEST_DELAY,
    Access,
    Keys,
    Patience,
    TooManyFailuresError,
    is_loopback,
    presented,
    with_hashed_keys,
)
from gateway.secret import Secret, redact
from gateway.settings import Server, Settings

KEY = "planted-key-0123456789"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "localhost",
        "app.localhost",
        "::ffff:127.0.0.1",
    ],
)
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "10.0.0.1",
        "0.0.0.0",
        "::",
        "::ffff:10.0.0.1",
        "localhost.example",
        "notlocalhost",
        "127.0.0.1.example",
        "0x7f000001",
    ],
)
def test_not_loopback(host: str | None) -> None:
    """Only what is this machine beyond doubt."""
    assert not is_loopback(host)


def test_hashed_keys() -> None:
    """A key given by its hash is matched by the key, and not by the hash."""
    hashed = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()

    keys = Keys([Secret(hashed)])

    assert keys.match(KEY)
    assert not keys.match(hashed)
    assert not keys.match("")


def test_no_keys_match_nothing() -> None:
    assert not Keys([])
    assert not Keys([]).match("")


def test_keys_are_forgotten() -> None:
    """After the start only hashes are in memory, and they match as before."""
    server = Server(api_keys=(Secret(KEY),), admin_keys=(Secret(KEY + "-admin"),))

    hashed = with_hashed_keys(Settings(server=server)).server

    for key in (*hashed.api_keys, *hashed.admin_keys):
        assert key.reveal().startswith("sha256:")
    assert Keys(hashed.api_keys).match(KEY)
    assert Keys(hashed.admin_keys).match(KEY + "-admin")
    assert with_hashed_keys(Settings(server=hashed)).server == hashed


def test_hash_is_no_key_in_the_log() -> None:
    """A caller's key that is no longer known is still masked by its shape."""
    assert KEY not in redact(f"Authorization: Bearer {KEY}")


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"Authorization": "Bearer a"}, "a"),
        ({"Authorization": "bearer  a "}, "a"),
        ({"Authorization": "Bearer a", "x-api-key": "b"}, "a"),
        ({"Authorization": "Basic a", "x-api-key": "b"}, "b"),
        ({"x-api-key": "", "api-key": "c"}, "c"),
        ({"Authorization": "Basic a"}, None),
        ({"Authorization": "Bearer"}, ""),
        ({"x-goog-api-key": "g"}, "g"),
        ({"Authorization": "Basic a", "x-goog-api-key": "g"}, "g"),
    ],
)
def test_presented(headers: dict[str, str], key: str | None) -> None:
    request = make_mocked_request("POST", "/v1/messages", headers=headers)

    assert presented(request) == key


def test_presented_in_the_query() -> None:
    """As Gemini's clients may; a header says it better."""
    path = "/v1beta/models/m:generateContent?alt=sse&key=a%2Bb"
    bare = make_mocked_request("POST", path)
    both = make_mocked_request("POST", path, headers={"x-goog-api-key": "g"})

    assert presented(bare) == "a+b"
    assert presented(both) == "g"
    assert presented(make_mocked_request("POST", "/v1beta/models?key=")) is None


def test_callers_are_told_apart() -> None:
    """By a name that is the same however the key is configured, and is no key."""
    hashed = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()

    name = Keys([Secret(KEY)]).match(KEY)

    assert name == Keys([Secret(hashed), Secret("another-key-1")]).match(KEY)
    assert name != Keys([Secret("another-key-1")]).match("another-key-1")
    assert name is not None
    assert KEY not in name


def test_origins() -> None:
    """With keys only those that are named; without, this machine's as well."""
    app = "https://app.example.com"
    keyed = Access(Server(api_keys=(Secret(KEY),), cors_origins=(app,)))
    keyless = Access(Server(cors_origins=(app,)))

    assert keyed.allows(app)
    assert keyless.allows(app)
    assert not keyed.allows("http://localhost:3000")
    assert keyless.allows("http://localhost:3000")
    for origin in ("null", "", "http://[bad", "https://app.example.com.evil.example"):
        assert not keyed.allows(origin)
        assert not keyless.allows(origin)


class Clock:
    """Time that passes only when somebody sleeps, or says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(access, "monotonic", lambda: clock.now)
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", clock.sleep)
        yield clock


async def test_slips_are_free(clock: Clock) -> None:
    patience = Patience()

    for _ in range(FREE_FAILURES):
        await patience.lose("a")

    assert not clock.slept


async def test_guessing_gets_slow(clock: Clock) -> None:
    """Each wait is twice the one before, up to a limit, for one address."""
    patience = Patience()

    for _ in range(FREE_FAILURES + 40):
        await patience.lose("a")
    await patience.lose("b")

    assert len(clock.slept) == 40
    assert clock.slept[:4] == [0.25, 0.5, 1.0, 2.0]
    assert max(clock.slept) == clock.slept[-1] == LONGEST_DELAY


async def test_forgiven(clock: Clock) -> None:
    """After a quarter of an hour nobody remembers."""
    patience = Patience()
    for _ in range(FREE_FAILURES + 5):
        await patience.lose("a")
    clock.now += access.FORGET_AFTER + 1
    clock.slept.clear()

    await patience.lose("a")

    assert not clock.slept


async def test_memory_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has many addresses pushes out the oldest, not our memory."""
    monkeypatch.setattr(access, "MOST_ADDRESSES", 10)
    patience = Patience()

    for number in range(1000):
        await patience.lose(str(number))

    assert len(patience._failures) == 10


async def test_waiting_room_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is full the next one is refused at once, with a time to come back."""
    monkeypatch.setattr(access, "MOST_WAITING", 2)
    patience = Patience()
    for _ in range(FREE_FAILURES):
        await patience.lose("a")
    waiting = [asyncio.create_task(patience.lose("a")) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(TooManyFailuresError) as caught:
        await patience.lose("a")

    assert caught.value.status_code == 429
    assert caught.value.retry_after
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert patience._waiting == 0
