"""The gateway's own process between callers, a provider and an OAuth 2 server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import define, field

from tests.client import Answer, ask, chat
from tests.oauth.issuer import CLIENT, CLIENT_SECRET, Issuer
from tests.process import Gateway, gateway
from tests.streams import chat_stream
from tests.upstream import (
    LAST_CHUNK,
    Request,
    Step,
    Upstream,
    chunk,
    open_stream,
    reply,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.needs("node")]

GEMINI = "/v1beta/models/gemini-pro:streamGenerateContent?alt=sse"
PIECE = {
    "candidates": [
        {"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP", "index": 0}
    ]
}
UNAUTHORIZED = {"error": {"code": 401, "message": "no", "status": "UNAUTHENTICATED"}}


def frame(json_value: Any) -> bytes:
    return b"data: " + json.dumps(json_value).encode() + b"\r\n\r\n"


@define
class World:
    """All parts; the provider refuses the tokens in *refused*."""

    path: Path
    oauth: Issuer
    up: Upstream
    refused: set[str] = field(factory=set)

    async def sign_in(self, **given: Any) -> dict[str, Any]:
        members = await self.oauth.sign_in(**given)
        self.path.write_text(json.dumps(members), "utf-8")
        return members

    def answer(self, request: Request) -> list[Step]:
        token = (request.header("authorization") or "").removeprefix("Bearer ")
        if not token or token in self.refused:
            return reply({**UNAUTHORIZED, "you": dict(request.headers)}, 401)
        if "streamGenerateContent" in request.path:
            return stream([frame(PIECE)])
        return stream(chat_stream("hi"))

    def config(self, **server: Any) -> dict[str, Any]:
        client = {
            "token_url": self.oauth.token_url,
            "client_id": CLIENT,
            "client_secret": CLIENT_SECRET,
        }
        machine = {
            "type": "openai-compatible",
            "api_base_url": self.up.url,
            "models": ["m1"],
            "auth": {"type": "oauth-client", **client, "scope": "chat"},
        }
        return {
            "server": server,
            "log": {"level": "debug"},
            "backends": {
                "machine": machine,
                "gemini": {
                    "type": "gemini-oauth",
                    "api_base_url": f"http://127.0.0.1:{self.up.port}",
                    "models": ["gemini-pro"],
                    "extra": {"oauth_creds_path": str(self.path)},
                    "auth": client,
                },
            },
            "default_backend": "gemini",
        }

    @contextlib.asynccontextmanager
    async def gateway(self, **server: Any) -> AsyncIterator[Gateway]:
        async with gateway(self.config(**server)) as running:
            yield running

    def tokens(self) -> list[str]:
        """Return the token of each request that came to the provider."""
        sent = [r.header("authorization") or "" for r in self.up.requests]
        return [text.removeprefix("Bearer ") for text in sent]

    async def assert_secret(self, running: Gateway, *answers: Answer) -> None:
        """No token and no secret in what the gateway says, to whomever."""
        said = "".join(running.text)
        said += "".join(a.body.decode() + json.dumps(a.headers) for a in answers)
        on_file = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        known = {CLIENT_SECRET, *self.tokens(), *self.refused}
        known |= {on_file.get("access_token", ""), on_file.get("refresh_token", "")}
        assert not [secret for secret in known - {""} if secret in said]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _world(
    _running: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with Upstream() as up:
        path = tmp_path_factory.mktemp("oauth") / "oauth_creds.json"
        yield World(path, _running, up)


@pytest_asyncio.fixture(loop_scope="module")
async def world(_world: World, oauth: Issuer) -> World:
    """All is as if nothing had happened, and nobody had signed in."""
    assert _world.oauth is oauth
    _world.path.unlink(missing_ok=True)
    _world.refused = set()
    _world.up.requests.clear()
    _world.up.scripts[""] = _world.answer
    return _world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(_world: World) -> AsyncIterator[Gateway]:
    """One gateway for all who sign in; that they do is noticed by it."""
    async with _world.gateway() as made:
        yield made


async def gemini(running: Gateway, path: str = GEMINI) -> Answer:
    body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    return await ask(running.port, body, path)


async def machine(running: Gateway) -> Answer:
    return await ask(running.port, chat(model="machine:m1"))


async def test_stream_with_an_ended_token(world: World, running: Gateway) -> None:
    """It is renewed before the first request, written down, and serves the next."""
    old = await world.sign_in(expires_in=-1)
    answers = [await gemini(running) for _ in range(3)]
    await world.assert_secret(running, *answers)

    found = json.loads(world.path.read_text("utf-8"))
    assert [a.status for a in answers] == [200] * 3
    assert all(b'"hi"' in a.body for a in answers)
    assert set(world.tokens()) == {found["access_token"]}
    assert found["refresh_token"] != old["refresh_token"]
    assert len(await world.oauth.calls()) == 1
    # It goes as a token, not as a key.
    assert world.up.requests[0].header("x-goog-api-key") is None
    assert world.up.requests[0].path.startswith("/v1beta/models/gemini-pro:stream")


async def test_refused_then_renewed(world: World, running: Gateway) -> None:
    """A 401 costs the caller nothing: one renewal, one more try, then the stream."""
    old = await world.sign_in()
    world.refused = {old["access_token"]}
    answers = [await gemini(running) for _ in range(2)]
    await world.assert_secret(running, *answers)

    assert [a.status for a in answers] == [200] * 2
    new = json.loads(world.path.read_text("utf-8"))["access_token"]
    assert world.tokens() == [old["access_token"], new, new]
    assert len(await world.oauth.calls()) == 1


async def test_refused_by_a_translated_one(world: World, running: Gateway) -> None:
    """The same for a caller of another protocol."""
    old = await world.sign_in()
    world.refused = {old["access_token"]}
    answer = await ask(running.port, chat(model="gemini:gemini-pro"))
    await world.assert_secret(running, answer)

    assert answer.status == 200
    assert b'"content":"hi"' in answer.body
    assert len(world.up.requests) == 2


async def test_refused_for_good(world: World, running: Gateway) -> None:
    """A provider that takes no token at all: its own error, after two tries."""
    await world.sign_in()

    def refuse(request: Request) -> list[Step]:
        world.refused.add((request.header("authorization") or "")[7:])
        return world.answer(request)

    world.up.scripts[""] = refuse
    answer = await gemini(running)
    await world.assert_secret(running, answer)

    assert answer.status == 401
    assert len(world.up.requests) == 2
    assert len(await world.oauth.calls()) == 1


async def test_no_second_try_after_output(world: World, running: Gateway) -> None:
    """Once something was said the token is no reason to begin anew."""
    await world.sign_in()
    late = chunk(frame(UNAUTHORIZED))
    world.up.scripts[""] = [*open_stream(frame(PIECE)), late, LAST_CHUNK]
    answer = await gemini(running)

    assert answer.status == 200
    assert len(world.up.requests) == 1
    assert await world.oauth.calls() == []


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_hundred_at_once(world: World, workers: int) -> None:
    """One call to the token endpoint, whoever of the workers makes it."""
    await world.sign_in(expires_in=-1)
    await world.oauth.set(delay=50)
    async with world.gateway(workers=workers) as running:
        answers = await asyncio.gather(*(gemini(running) for _ in range(100)))

    assert {a.status for a in answers} == {200}
    assert len(set(world.tokens())) == 1
    assert len(await world.oauth.calls()) == 1


async def test_client_credentials(world: World) -> None:
    """A hundred, one call; the token comes from the configured client alone."""
    async with world.gateway() as running:
        answers = await asyncio.gather(*(machine(running) for _ in range(100)))
        await world.assert_secret(running, *answers)

    assert {a.status for a in answers} == {200}
    assert len(await world.oauth.calls()) == 1
    assert await world.oauth.valid(world.tokens()[0])


async def test_tokens_end_while_it_runs(world: World) -> None:
    """Requests go on over the end of a token; each gets one call for the next."""
    await world.oauth.set(ttl=1)
    async with world.gateway() as running:
        while len(set(world.tokens())) < 3:
            assert (await machine(running)).status == 200
            await asyncio.sleep(0.05)
        calls = await world.oauth.calls()

    assert len(calls) == len(set(world.tokens()))


async def test_issuer_is_down(world: World, running: Gateway) -> None:
    """503 to all, one call; and the gateway is well again when the issuer is."""
    await world.sign_in(expires_in=-1)
    await world.oauth.set(mode="down")
    answers = await asyncio.gather(*(gemini(running) for _ in range(20)))
    assert {a.status for a in answers} == {503}
    assert all(a.header("retry-after") for a in answers)
    assert len(await world.oauth.calls()) == 1
    await world.assert_secret(running, *answers)
    await world.oauth.set(mode="ok")
    async with asyncio.timeout(10):
        while (await gemini(running)).status != 200:
            await asyncio.sleep(0.1)


async def test_signed_out_and_in_again(world: World, running: Gateway) -> None:
    """401 with what must be done, no second call; a new file is heard of at once."""
    old = await world.sign_in(expires_in=-1)
    await world.oauth.revoke(old["refresh_token"])
    answers = [await gemini(running) for _ in range(3)]
    assert {a.status for a in answers} == {401}
    assert "extra.oauth_creds_path" in answers[0].json["error"]["message"]
    assert len(await world.oauth.calls()) == 1
    await running.event("auth.failed", code="oauth_invalid_grant")
    await world.sign_in()
    assert (await gemini(running)).status == 200
    await world.assert_secret(running, *answers)
    assert world.up.requests[-1].header("authorization") is not None


async def test_nobody_has_signed_in(world: World) -> None:
    """The gateway starts and says what is missing when it is asked."""
    async with world.gateway() as running:
        answer = await gemini(running)

    assert answer.status == 401
    assert "cannot be read" in answer.json["error"]["message"]
    assert str(world.path) not in answer.body.decode()
    assert world.up.requests == []


async def test_issuer_quotes_everything(world: World) -> None:
    """What it says of our secrets reaches neither caller nor log."""
    old = await world.sign_in(expires_in=-1)
    world.refused = {old["access_token"], old["refresh_token"]}
    await world.oauth.set(mode="echo")
    async with world.gateway() as running:
        answers = [await gemini(running), await machine(running)]
        await running.event("auth.failed")
        await world.assert_secret(running, *answers)

    assert {a.status for a in answers} == {401}
