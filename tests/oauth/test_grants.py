"""Both grants against a certified OAuth 2 server, which rotates refresh tokens."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
import structlog
from attrs import define

from connectors.auth.oauth import client_credentials, from_file
from gateway.plugin import AuthenticationError, Outbound, ServiceUnavailableError
from gateway.secret import Secret, redact
from tests.oauth.issuer import CLIENT, CLIENT_SECRET, PUBLIC, Issuer
from tests.process import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connectors.auth.tokens import TokenSource

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.needs("node")]


@define
class Place:
    """A credentials file and what is needed to renew it."""

    path: Path
    oauth: Issuer
    session: aiohttp.ClientSession

    async def sign_in(self, client: str = CLIENT, **given: Any) -> dict[str, Any]:
        """Leave what a sign-in would leave."""
        members = await self.oauth.sign_in(client_id=client, **given)
        self.path.write_text(json.dumps(members), "utf-8")
        return members

    @property
    def members(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
        return found

    def source(self, client: str = CLIENT) -> TokenSource:
        return from_file(
            self.session,
            self.path,
            backend="up",
            token_url=self.oauth.token_url,
            client_id=client,
            client_secret=None if client == PUBLIC else Secret(CLIENT_SECRET),
        )

    def machine(self) -> TokenSource:
        return client_credentials(
            self.session,
            self.oauth.token_url,
            CLIENT,
            Secret(CLIENT_SECRET),
            backend="up",
            scope="chat",
        )


@pytest_asyncio.fixture(loop_scope="module")
async def place(oauth: Issuer, tmp_path: Path) -> AsyncIterator[Place]:
    async with aiohttp.ClientSession() as session:
        yield Place(tmp_path / "oauth_creds.json", oauth, session)


async def tokens(source: TokenSource, count: int = 1) -> list[str]:
    """Return what *count* who ask at the same time are given."""
    found = await asyncio.gather(*(source.token() for _ in range(count)))
    return [token.value.reveal() for token in found]


@pytest.mark.parametrize("client", [CLIENT, PUBLIC])
async def test_refresh(place: Place, client: str) -> None:
    """An ended token is renewed, once for a hundred; the rotation is written down."""
    old = await place.sign_in(client, expires_in=-1)

    found = await tokens(place.source(client), 100)

    assert len(set(found)) == 1
    assert len(await place.oauth.calls()) == 1
    assert await place.oauth.valid(found[0])
    assert place.members["access_token"] == found[0] != old["access_token"]
    assert place.members["refresh_token"] != old["refresh_token"]


async def test_expiry_again_and_again(place: Place) -> None:
    """Each refresh token is used once: a second use would end it all."""
    await place.oauth.set(ttl=1)
    await place.sign_in(expires_in=-1)
    source = place.source()
    found = await tokens(source)
    while len(found) < 3:
        await asyncio.sleep(0.3)
        found = [*dict.fromkeys([*found, *await tokens(source)])]

    assert [call["status"] for call in await place.oauth.calls()] == [200] * 3
    assert place.members["access_token"] == found[-1]


async def test_refused_by_the_provider(place: Place) -> None:
    """A good token that the provider refuses is replaced by a good one."""
    old = await place.sign_in()
    source = place.source()
    request = Outbound("POST", None, {})  # type: ignore[arg-type]
    await source.sign(request)
    assert request.headers["authorization"] == f"Bearer {old['access_token']}"

    assert await source.refused(request, 401, None)
    [new] = await tokens(source)

    assert new != old["access_token"]
    assert await place.oauth.valid(new)


async def test_revoked(place: Place) -> None:
    """`invalid_grant` is final, until somebody signs in."""
    old = await place.sign_in(expires_in=-1)
    await place.oauth.revoke(old["refresh_token"])
    source = place.source()
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="invalid_grant"):
            await source.token()
    assert len(await place.oauth.calls()) == 1
    new = await place.sign_in()

    assert await tokens(source) == [new["access_token"]]
    assert len(await place.oauth.calls()) == 1


async def test_many_processes(place: Place) -> None:
    """Of five processes that begin at once one renews, and nobody is locked out."""
    program = (
        "import asyncio, sys, aiohttp\n"
        "from connectors.auth.oauth import from_file\n"
        "from gateway.secret import Secret\n"
        "async def main(path, url, client, secret):\n"
        "    async with aiohttp.ClientSession() as session:\n"
        "        source = from_file(session, path, token_url=url, client_id=client,\n"
        "                           client_secret=Secret(secret))\n"
        "        print((await source.token()).value.reveal())\n"
        "asyncio.run(main(*sys.argv[1:]))"
    )
    await place.sign_in(expires_in=-1)
    await place.oauth.set(delay=100)
    arguments = str(place.path), place.oauth.token_url, CLIENT, CLIENT_SECRET
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(5)
    ]
    told = [(await process.communicate())[0].decode() for process in processes]

    assert len(set(told)) == 1
    assert await place.oauth.valid(told[0].strip())
    assert len(await place.oauth.calls()) == 1


async def test_client_credentials(place: Place) -> None:
    found = await tokens(place.machine(), 100)

    assert len(set(found)) == 1
    assert await place.oauth.valid(found[0])
    assert [call["basic"] for call in await place.oauth.calls()] == [False]


async def test_client_credentials_in_a_header(place: Place) -> None:
    """A server that takes the secret in a header only is understood."""
    await place.oauth.set(mode="basic")
    source = place.machine()
    [first] = await tokens(source)

    assert await place.oauth.valid(first)
    assert [c["basic"] for c in await place.oauth.calls()] == [False, True]


async def test_client_credentials_expire(place: Place) -> None:
    await place.oauth.set(ttl=1)
    source = place.machine()
    [first] = await tokens(source)
    async with asyncio.timeout(10):
        while (await tokens(source)) == [first]:
            await asyncio.sleep(0.1)

    assert [call["status"] for call in await place.oauth.calls()] == [200, 200]


async def test_wrong_secret(place: Place) -> None:
    source = client_credentials(
        place.session, place.oauth.token_url, CLIENT, Secret("not-the-secret")
    )
    for _ in range(5):
        with pytest.raises(AuthenticationError, match="invalid_client"):
            await source.token()

    # In the form and in a header, and then not again for a while.
    assert len(await place.oauth.calls()) == 2


@pytest.mark.parametrize("kind", ["file", "machine"])
async def test_out_of_order(place: Place, kind: str) -> None:
    """A dead issuer is asked once for a hundred, and is back after a rest."""
    await place.sign_in(expires_in=-1)
    await place.oauth.set(mode="down")
    source = place.machine() if kind == "machine" else place.source()
    found = await asyncio.gather(
        *(source.token() for _ in range(100)), return_exceptions=True
    )
    assert {type(each) for each in found} == {ServiceUnavailableError}
    assert len(await place.oauth.calls()) == 1
    await place.oauth.set(mode="ok")
    source._rests_until = 0

    assert await place.oauth.valid((await tokens(source))[0])


@pytest.mark.parametrize("kind", ["file", "machine"])
async def test_secrecy(place: Place, kind: str) -> None:
    """An issuer that quotes all it was sent, and what is shown of it."""
    old = await place.sign_in(expires_in=-1)
    await place.oauth.set(mode="echo")
    source = place.machine() if kind == "machine" else place.source()
    with structlog.testing.capture_logs() as lines:
        with pytest.raises(AuthenticationError) as caught:
            await source.token()

    shown = "".join(traceback.format_exception(caught.value))
    said = f"{shown} {caught.value.to_dict()} {lines} {source!r}"
    secrets = [old["refresh_token"], old["access_token"], CLIENT_SECRET]
    assert "invalid_grant" in said
    assert not [secret for secret in secrets if secret in said]


async def test_what_is_held_is_masked(place: Place) -> None:
    """A token that was fetched is known to what cleans logs and error bodies."""
    source = place.machine()
    [token] = await tokens(source)

    assert redact(f"you sent {token}!") == "you sent ***!"
