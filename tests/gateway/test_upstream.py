"""What credentials see of a request, and what becomes of it when they are refused."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, evolve, field
from yarl import URL

from connectors.auth import api_key_header, api_key_query, bearer
from gateway.building import build_declared
from gateway.domain.errors import AuthenticationError, ServiceUnavailableError
from gateway.fronts.base import Ask
from gateway.loops import LOOP_GUARD, OWN_ID, carry
from gateway.plugin import Connector, Dialect, Fixed, Outbound
from gateway.secret import Secret
from gateway.settings import Backend
from tests.upstream import End, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.answers import Answer
    from gateway.plugin import Account
    from gateway.upstream import HttpBackend

CHAT = Dialect("openai_chat", {"chat": "/chat/completions"})
NO = {"error": {"message": "no"}}


@define
class Tickets:
    """Credentials that are good once; they keep what they were told."""

    worth: int = 1
    failing: Exception | None = None
    signed: list[Outbound] = field(factory=list)
    heard: list[tuple[int, int, float | None]] = field(factory=list)
    closed: bool = False

    async def sign(self, request: Outbound) -> None:
        if self.failing is not None:
            raise self.failing
        self.signed.append(request)
        request.headers["authorization"] = f"Ticket {len(self.signed)}"

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        self.heard.append((request.attempt, status, retry_after))
        return request.attempt < self.worth

    async def close(self) -> None:
        self.closed = True


def connector(**changes: Any) -> Connector:
    made = Connector("c", "https://own.example/v1", (CHAT,), bearer, ("C_KEY",))
    return evolve(made, **changes)


@asynccontextmanager
async def built(
    upstream: Upstream, kind: Connector, **members: Any
) -> AsyncIterator[HttpBackend]:
    settings = Backend(api_base_url=upstream.url, **members)
    backend = build_declared("mine", kind, settings, {})
    try:
        yield backend
    finally:
        await backend.close()


async def ask(backend: HttpBackend, method: str = "POST") -> Answer:
    target = backend.native("openai_chat", "chat", Ask("m", stream=False), "m")
    assert target is not None
    headers = target.headers({})
    response = await backend.open(target, target.at("m"), b"{}", headers, method)
    await response.read()
    return response


async def test_signed() -> None:
    """What is signed is what is sent; nothing is sent twice without a reason."""
    tickets = Tickets()
    async with (
        Upstream(reply({})) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        response = await ask(backend)

    assert response.status == 200
    [request], [signed] = up.requests, tickets.signed
    assert request.header("authorization") == "Ticket 1"
    assert (signed.method, signed.body, signed.attempt) == ("POST", b"{}", 0)
    assert signed.url == URL(f"{up.url}/chat/completions")
    assert signed.auth("k") == {"Authorization": "Bearer k"}
    assert tickets.heard == []
    assert tickets.closed


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_refused_once(status: int) -> None:
    """The second try is signed anew, and has nothing left of the first."""
    tickets = Tickets()
    answers = iter([reply(NO, status, {"retry-after": "7"}), reply({})])
    async with (
        Upstream(lambda _: next(answers)) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        response = await ask(backend)

    assert response.status == 200
    assert [r.header("authorization") for r in up.requests] == ["Ticket 1", "Ticket 2"]
    assert tickets.heard == [(0, status, 7.0)]


async def test_refused_for_good() -> None:
    """The caller gets the upstream's own last answer."""
    tickets = Tickets(worth=1)
    async with (
        Upstream(lambda _: reply(NO, 401)) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        response = await ask(backend)

    assert response.status == 401
    assert len(up.requests) == 2
    assert tickets.heard == [(0, 401, None), (1, 401, None)]


async def test_never_content() -> None:
    """Credentials that always want another try do not get it for ever."""
    tickets = Tickets(worth=1000)
    async with (
        Upstream(lambda _: reply(NO, 401)) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        response = await ask(backend)

    assert response.status == 401
    assert len(up.requests) == 21


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_other_failures_are_not_the_credentials(status: int) -> None:
    tickets = Tickets()
    async with (
        Upstream(lambda _: reply(NO, status)) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        response = await ask(backend)

    assert response.status == status
    assert tickets.heard == []


async def test_no_credentials_to_be_had() -> None:
    """Nothing is sent where nothing can be signed."""
    tickets = Tickets(failing=AuthenticationError("no ticket"))
    async with (
        Upstream(reply({})) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        with pytest.raises(AuthenticationError, match="no ticket"):
            await ask(backend)

    assert up.requests == []


async def test_refusal_cannot_be_taken() -> None:
    """The issuer may be out of reach just then; the connection is given back."""

    @define
    class Failing(Tickets):
        async def refused(self, *_: object) -> bool:
            raise ServiceUnavailableError("no issuer")

    async with (
        Upstream(lambda _: reply(NO, 401)) as up,
        built(up, connector(credentials=lambda _: Failing())) as backend,
    ):
        with pytest.raises(ServiceUnavailableError, match="no issuer"):
            await ask(backend)

        assert [request.link.lost for request in up.requests] == [False]


async def test_account() -> None:
    """Credentials are made of what one instance has, when it is built."""
    seen: list[Account] = []

    def make(account: Account) -> Fixed:
        seen.append(account)
        return Fixed({"X-Own": "1"}, {"q": "2"})

    members: Any = {"api_key": Secret("k"), "extra": {"a": "b"}}
    async with (
        Upstream(reply({})) as up,
        built(up, connector(credentials=make), **members) as backend,
    ):
        await ask(backend)

        assert seen[0].session is backend.session
    [account], [request] = seen, up.requests
    assert (account.backend, account.key, account.extra) == (
        "mine",
        Secret("k"),
        {"a": "b"},
    )
    assert request.header("x-own") == "1"
    assert request.header("authorization") is None
    assert request.path == "/v1/chat/completions?q=2"


@pytest.mark.parametrize(
    ("auth", "path", "header"),
    [
        (bearer, "/v1/chat/completions", ("authorization", "Bearer k/&")),
        (api_key_header("X-Key"), "/v1/chat/completions", ("x-key", "k/&")),
        (api_key_query("key"), "/v1/chat/completions?key=k%2F%26", None),
    ],
)
async def test_key(auth: Any, path: str, header: tuple[str, str] | None) -> None:
    """A key goes where the provider looks for it, and is in no ``repr``."""
    async with (
        Upstream(reply({"data": []})) as up,
        built(up, connector(auth=auth), api_key=Secret("k/&")) as backend,
    ):
        target = backend.native("openai_chat", "chat", Ask("m", stream=False), "m")
        assert "k%2F" not in repr(target)
        assert "k/" not in repr(target) + repr(backend)
        await ask(backend)

    [request] = up.requests
    assert request.path == path
    if header is not None:
        assert request.header(header[0]) == header[1]


async def test_list_of_models_is_signed() -> None:
    tickets = Tickets()
    answers = iter([reply(NO, 401), reply({"data": [{"id": "m"}]})])
    async with (
        Upstream(lambda _: next(answers)) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        await backend.discover()

        assert backend.models == ("m",)
    assert [(r.method, r.path) for r in up.requests] == [("GET", "/v1/models")] * 2
    assert up.requests[1].header("authorization") == "Ticket 2"


async def test_other_method() -> None:
    tickets = Tickets()
    async with (
        Upstream(reply({})) as up,
        built(up, connector(credentials=lambda _: tickets)) as backend,
    ):
        await ask(backend, "DELETE")

    assert [r.method for r in up.requests] == ["DELETE"]
    assert tickets.signed[0].method == "DELETE"


async def test_dialects_by_model() -> None:
    """One account may speak another dialect for each family of models."""
    claude = Dialect("anthropic", {"chat": "/claude"}, models=("claude-*", "*.claude"))
    kind = connector(speaks=(claude, CHAT))
    async with Upstream() as up, built(up, kind, api_key=Secret("k")) as backend:
        ask_ = Ask("m", stream=False)
        native = {
            model: backend.native("anthropic", "chat", ask_, model)
            for model in ("claude-3", "x.claude", "gpt", "Claude-3")
        }

    assert [model for model, target in native.items() if target is not None] == [
        "claude-3",
        "x.claude",
    ]


@pytest.mark.parametrize(
    ("carried", "guarded", "strict", "value"),
    [
        (None, True, False, "OWN"),
        ("abc", True, False, "abc, OWN"),
        (None, False, False, None),
        ("abc", False, False, None),
        ("abc", True, True, None),
    ],
)
async def test_loop_guard(
    *, carried: str | None, guarded: bool, strict: bool, value: str | None
) -> None:
    """Every request says where it has been, unless the backend cannot bear it."""
    if carried is not None:
        carry(carried)
    kind = connector(loop_guard=not strict, key_optional=True)
    async with Upstream(reply({})) as up, built(up, kind, loop_guard=guarded) as b:
        await ask(b)

    expected = value.replace("OWN", OWN_ID) if value else None
    assert [r.header(LOOP_GUARD) for r in up.requests] == [expected]


async def test_closed_twice() -> None:
    """A pooled connection that was closed is tried anew once, and no more."""
    answers: Iterator[Any] = iter([reply({}), [End.FIN], [End.FIN]])
    async with (
        Upstream(lambda _: next(answers)) as up,
        built(up, connector(key_optional=True)) as backend,
    ):
        await ask(backend)
        with pytest.raises(Exception, match="closed the connection"):
            await ask(backend)

    assert len(up.requests) == 3
