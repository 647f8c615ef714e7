"""Tokens that many wait for, that end, and whose issuer fails."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
import traceback

import pytest
import structlog
from attrs import define, field
from yarl import URL

from connectors.auth import tokens
from connectors.auth.tokens import Token, TokenSource
from gateway.plugin import (
    AuthenticationError,
    LLMProxyError,
    Outbound,
    ServiceUnavailableError,
)
from gateway.secret import Secret

DOWN = ServiceUnavailableError("the token endpoint is away", code="away")
OVER = AuthenticationError("sign in anew", code="oauth_invalid_grant")


def token(value: str, seconds: float = math.inf, lifetime: float = math.inf) -> Token:
    return Token(Secret(value), time.time() + seconds, lifetime)


@define
class Issuer:
    """Gives out what the test has laid ready, when the test lets it."""

    ready: list[Token | Exception]
    asked: list[Token | None] = field(factory=list)
    open: asyncio.Event = field(factory=asyncio.Event)

    async def fetch(self, stale: Token | None) -> Token:
        self.asked.append(stale)
        await self.open.wait()
        given = self.ready.pop(0)
        if isinstance(given, Exception):
            raise given
        return given


def source(
    *ready: Token | Exception, waits: bool = False
) -> tuple[TokenSource, Issuer]:
    issuer = Issuer([*ready])
    if not waits:
        issuer.open.set()
    return TokenSource("up", issuer.fetch), issuer


def request(attempt: int = 0) -> Outbound:
    return Outbound("POST", URL("http://up/v1"), {}, attempt=attempt)


async def signed(held: TokenSource, attempt: int = 0) -> Outbound:
    made = request(attempt)
    await held.sign(made)
    return made


class Clock:
    """Takes the place of the module ``time``."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._begun = time.time()

    def time(self) -> float:
        return self._begun + self.passed

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tokens, "time", made)
    return made


async def test_a_hundred_wait_for_one() -> None:
    """Whoever asks while a token is fetched gets that one."""
    held, issuer = source(token("a"), waits=True)
    waiting = [asyncio.create_task(signed(held)) for _ in range(100)]
    await asyncio.sleep(0)

    issuer.open.set()
    requests = await asyncio.gather(*waiting)

    assert {r.headers["authorization"] for r in requests} == {"Bearer a"}
    assert issuer.asked == [None]


async def test_who_leaves_stops_nobody() -> None:
    """The first of those who wait goes away, and so do all but one."""
    held, issuer = source(token("a"), waits=True)
    waiting = [asyncio.create_task(held.token()) for _ in range(10)]
    await asyncio.sleep(0)
    for task in waiting[:9]:
        task.cancel()
    await asyncio.sleep(0)
    issuer.open.set()

    assert (await waiting[9]).bearer == "Bearer a"
    assert all(task.cancelled() for task in waiting[:9])
    assert len(issuer.asked) == 1


async def test_all_leave() -> None:
    """What was fetched for nobody is there for the next."""
    held, issuer = source(token("a"), waits=True)
    task = asyncio.create_task(held.token())
    await asyncio.sleep(0)
    task.cancel()
    issuer.open.set()

    assert (await held.token()).bearer == "Bearer a"
    assert len(issuer.asked) == 1


async def test_one_that_has_ended() -> None:
    """Nobody is given a token that ends before the request can arrive."""
    old = token("a", 20)
    held, issuer = source(old, token("b", 3600))

    first, second = await held.token(), await held.token()

    # What was issued is used even if it is short: there is nothing better.
    assert (first.bearer, second.bearer) == ("Bearer a", "Bearer b")
    assert issuer.asked == [None, old]


async def test_renewed_ahead_of_time() -> None:
    """A minute before the end nobody waits, and one asks for the next."""
    old = token("a", 60)
    held, issuer = source(old, token("b", 3600))
    await held.token()
    issuer.open.clear()

    meanwhile = [await held.token() for _ in range(100)]
    issuer.open.set()
    while issuer.ready:
        await asyncio.sleep(0)

    assert {t.bearer for t in meanwhile} == {"Bearer a"}
    assert (await held.token()).bearer == "Bearer b"
    assert issuer.asked == [None, old]


async def test_short_lives() -> None:
    """A token that lives for ten seconds is not renewed all the time."""
    short = Token(Secret("a"), time.time() + 9, lifetime=10)
    held, issuer = source(short)

    found = [await held.token() for _ in range(5)]

    assert {t.bearer for t in found} == {"Bearer a"}
    assert len(issuer.asked) == 1


async def test_failed_renewal_ahead_of_time(clock: Clock) -> None:
    """As long as the old token lives nobody notices; nobody hammers the issuer."""
    held, issuer = source(token("a", 60), DOWN, token("b", 3600))
    await held.token()

    for _ in range(20):
        assert (await held.token()).bearer == "Bearer a"
        await asyncio.sleep(0)
    assert len(issuer.asked) == 2
    clock.passed += 1
    await held.token()
    while issuer.ready:
        await asyncio.sleep(0)

    assert (await held.token()).bearer == "Bearer b"


async def test_nearly_ended_and_no_other() -> None:
    """A token with seconds left is better than an error."""
    held, _ = source(token("a", 20), DOWN)
    await held.token()

    assert (await held.token()).bearer == "Bearer a"


async def test_failure_is_told_to_all() -> None:
    """Each of a hundred gets an error of their own; the issuer is asked once."""
    held, issuer = source(DOWN, waits=True)
    waiting = [asyncio.create_task(held.token()) for _ in range(100)]
    await asyncio.sleep(0)
    issuer.open.set()

    errors = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(e) for e in errors} == {ServiceUnavailableError}
    assert len(set(map(id, errors))) == 100
    assert {e.code for e in errors if isinstance(e, LLMProxyError)} == {"away"}
    assert len(issuer.asked) == 1


async def test_rest_after_failures(clock: Clock) -> None:
    """A dead issuer is asked less and less, at last once a minute."""
    held, issuer = source(*[DOWN] * 20)
    when = []
    while clock.passed < 300:
        before = len(issuer.asked)
        with pytest.raises(ServiceUnavailableError) as failure:
            await held.token()
        assert failure.value.retry_after
        if len(issuer.asked) > before:
            when.append(clock.passed)
        clock.passed += 0.25

    pauses = [later - earlier for earlier, later in itertools.pairwise(when)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_back_again(clock: Clock) -> None:
    """After a failure and its rest all is well, and the count begins anew."""
    held, issuer = source(DOWN, token("a"))
    with pytest.raises(ServiceUnavailableError):
        await held.token()
    clock.passed += 1

    assert (await held.token()).bearer == "Bearer a"
    assert len(issuer.asked) == 2


async def test_issuer_says_when(clock: Clock) -> None:
    """Its Retry-After is heeded where it is longer, within reason."""
    held, issuer = source(
        ServiceUnavailableError("later", retry_after=20.0),
        ServiceUnavailableError("tomorrow", retry_after=86_400.0),
        token("a"),
    )
    for seconds in (19, 1.5, 59):
        with pytest.raises(ServiceUnavailableError):
            await held.token()
        clock.passed += seconds
    assert len(issuer.asked) == 2
    clock.passed += 2

    assert (await held.token()).bearer == "Bearer a"


async def test_refused_by_its_issuer(clock: Clock) -> None:
    """Who must mend it is a person: nobody asks again before a while has passed."""
    held, issuer = source(OVER, token("a"))
    for _ in range(5):
        with pytest.raises(AuthenticationError, match="sign in anew") as failure:
            await held.token()
        assert failure.value.retry_after is None
        clock.passed += 11
    assert len(issuer.asked) == 1
    clock.passed += 10

    assert (await held.token()).bearer == "Bearer a"


async def test_refused_until_something_changes(clock: Clock) -> None:
    """With a place to look at, only a change there is a reason to ask again."""
    changed = False
    issuer = Issuer([OVER, token("a")])
    issuer.open.set()
    held = TokenSource(
        "up", issuer.fetch, glance=lambda: changed, refusal_rest=math.inf
    )
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            await held.token()
        clock.passed += 86_400
    assert len(issuer.asked) == 1
    changed = True

    assert (await held.token()).bearer == "Bearer a"


async def test_changed_while_it_failed() -> None:
    """Who waited for what failed gets what somebody has put right meanwhile."""
    changed = False
    issuer = Issuer([OVER, token("a")])
    held = TokenSource("up", issuer.fetch, glance=lambda: changed)

    def another_request() -> None:
        nonlocal changed
        changed = True
        held._look()
        changed = False

    waiting = asyncio.create_task(held.token())
    await asyncio.sleep(0)
    issuer.open.set()
    while issuer.ready[0] is OVER:
        await asyncio.sleep(0)
        another_request()

    assert (await waiting).bearer == "Bearer a"


async def test_nobody_uses_what_was_replaced() -> None:
    """While the new place is looked into, others wait with whoever saw the change."""
    changed = False
    issuer = Issuer([token("a"), token("b")])
    issuer.open.set()
    held = TokenSource("up", issuer.fetch, glance=lambda: changed)
    await held.token()
    issuer.open.clear()
    changed = True
    first = asyncio.create_task(held.token())
    await asyncio.sleep(0)
    changed = False
    others = [asyncio.create_task(held.token()) for _ in range(10)]
    await asyncio.sleep(0)
    issuer.open.set()

    found = await asyncio.gather(first, *others)

    assert {t.bearer for t in found} == {"Bearer b"}
    assert issuer.asked == [None, None]


async def test_provider_refuses() -> None:
    """One request's 401 has the token renewed; the others' 401 find a new one."""
    old = token("a")
    held, issuer = source(old, token("b"))
    requests = [await signed(held) for _ in range(100)]

    again = [await held.refused(r, 401, None) for r in requests]
    retried = await asyncio.gather(*(signed(held, attempt=1) for _ in requests))

    assert again == [True] * 100
    assert {r.headers["authorization"] for r in retried} == {"Bearer b"}
    assert issuer.asked == [None, old]
    assert await held.refused(requests[0], 401, None)  # late, and there is another
    assert len(issuer.asked) == 2


async def test_refused_twice() -> None:
    """One renewal and one more try, not a loop."""
    held, _ = source(token("a"), token("b"))
    await held.refused(await signed(held), 401, None)

    assert not await held.refused(await signed(held, 1), 401, None)


@pytest.mark.parametrize("status", [403, 429])
async def test_no_matter_of_the_token(status: int) -> None:
    held, issuer = source(token("a"))

    assert not await held.refused(await signed(held), status, 5.0)
    await held.token()

    assert len(issuer.asked) == 1


async def test_provider_that_refuses_everything(clock: Clock) -> None:
    """Its 401 cost the issuer some calls, not one each."""
    held, issuer = source(*(token(str(n)) for n in range(50)))
    for _ in range(40):
        if await held.refused(await signed(held), 401, None):
            await signed(held, attempt=1)
    assert len(issuer.asked) == 1 + tokens.FORCED
    clock.passed += 61

    assert await held.refused(await signed(held), 401, None)


async def test_refused_and_the_issuer_is_down(clock: Clock) -> None:
    """A token that was refused is not used again for want of another."""
    held, _ = source(token("a"), DOWN, token("b"))
    await held.refused(await signed(held), 401, None)

    with pytest.raises(ServiceUnavailableError):
        await signed(held, attempt=1)
    clock.passed += 1

    assert (await held.token()).bearer == "Bearer b"


async def test_headers() -> None:
    """What belongs to a token goes with it."""
    made = Token(Secret("a"), headers={"X-Goog-User-Project": "p"})
    held, _ = source(made)
    request = await signed(held)

    assert request.headers == {"x-goog-user-project": "p", "authorization": "Bearer a"}
    assert await held.headers() == {
        "X-Goog-User-Project": "p",
        "Authorization": "Bearer a",
    }


async def test_close_waits_for_what_has_begun() -> None:
    """A refresh token that was just replaced must still be written down."""
    held, issuer = source(token("a"), waits=True)
    task = asyncio.create_task(held.token())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.05, issuer.open.set)

    await held.close()

    assert task.done()
    assert (await task).bearer == "Bearer a"


async def test_close_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CLOSING", 0.01)
    held, _ = source(token("a"), waits=True)
    task = asyncio.create_task(held.token())
    await asyncio.sleep(0)

    await held.close()

    with pytest.raises(asyncio.CancelledError):
        await task
    await held.close()


async def test_mistakes_are_not_hidden() -> None:
    """What is no failure of the issuer's comes out as it is."""
    held, _ = source(ZeroDivisionError("ours"))

    with pytest.raises(ZeroDivisionError):
        await held.token()


async def test_nothing_shows_it() -> None:
    """Neither representation, log nor traceback."""
    planted = "planted-token-0123456789"
    held, _ = source(token(planted), OVER)
    request = await signed(held)
    await held.refused(request, 401, None)

    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(AuthenticationError) as failure,
    ):
        await signed(held, attempt=1)

    shown = "".join(traceback.format_exception(failure.value))
    assert [line["event"] for line in lines] == ["auth.failed"]
    for text in (repr(held), repr(request), repr(token(planted)), repr(lines), shown):
        assert planted not in text
