"""The two grants, against a scripted token endpoint."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

import pytest
import structlog
from aiohttp import ClientSession
from attrs import define, field

from connectors.auth.oauth import from_file, make_client, make_refresh
from gateway.plugin import (
    Account,
    AuthenticationError,
    ConfigurationError,
    Outbound,
    ServiceUnavailableError,
)
from gateway.secret import Secret
from gateway.settings import Auth
from tests.upstream import Request, Step, Upstream, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connectors.auth.tokens import TokenSource

OVER = reply({"error": "invalid_grant", "error_description": "Revoked."}, 400)


def form_of(request: Request) -> dict[str, str]:
    return {n: v[0] for n, v in parse_qs(request.body.decode()).items()}


def good(number: int, **more: Any) -> list[Step]:
    return reply({"access_token": f"new-{number}", "expires_in": 3600, **more})


@define
class Place:
    """A credentials file, and the endpoint that renews it."""

    path: Path
    up: Upstream
    session: ClientSession
    answers: list[list[Step]] = field(factory=list)

    def put(self, **members: Any) -> None:
        """Write the file as somebody else would."""
        self.path.write_text(json.dumps(members), "utf-8")

    def sign_in(self, **members: Any) -> None:
        old = {"access_token": "old", "refresh_token": "r-1", "expiry_date": 1000}
        self.put(**{**old, "client_id": "c", **members})

    @property
    def members(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
        return found

    def source(self, **given: Any) -> TokenSource:
        given.setdefault("token_url", f"{self.up.url}/token")
        return from_file(self.session, self.path, backend="up", **given)

    @property
    def asked(self) -> list[dict[str, str]]:
        return [form_of(request) for request in self.up.requests]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    def script(_: Request) -> list[Step]:
        ready = made.answers
        return ready.pop(0) if ready else good(len(up.requests))

    async with Upstream(script) as up, ClientSession() as session:
        made = Place(tmp_path / "oauth_creds.json", up, session)
        made.sign_in()
        yield made


async def bearer(source: TokenSource) -> str:
    return (await source.token()).bearer.removeprefix("Bearer ")


# -- the refresh-token grant


async def test_still_good(place: Place) -> None:
    """A token that has not ended is used, and nobody is asked."""
    place.sign_in(expiry_date=(time.time() + 3600) * 1000)

    assert await bearer(place.source()) == "old"
    assert place.asked == []


async def test_ended(place: Place) -> None:
    """It is renewed, and written down with all that was there."""
    place.sign_in(scope="s", token_type="Bearer", own={"kept": 1})
    begun = time.time()

    assert await bearer(place.source()) == "new-1"

    assert place.asked == [
        {"grant_type": "refresh_token", "refresh_token": "r-1", "client_id": "c"}
    ]
    found = place.members
    assert begun + 3595 < found.pop("expiry_date") / 1000 < time.time() + 3605
    assert found == {
        "access_token": "new-1",
        "refresh_token": "r-1",
        "client_id": "c",
        "scope": "s",
        "token_type": "Bearer",
        "own": {"kept": 1},
    }


async def test_a_hundred_wait(place: Place) -> None:
    source = place.source()

    found = await asyncio.gather(*(bearer(source) for _ in range(100)))

    assert set(found) == {"new-1"}
    assert len(place.asked) == 1


async def test_rotation(place: Place) -> None:
    """A new refresh token takes the old one's place, for the next time as well."""
    place.answers = [good(1, refresh_token="r-2", expires_in=0), good(2)]
    source = place.source()
    await bearer(source)
    assert place.members["refresh_token"] == "r-2"

    assert await bearer(source) == "new-2"
    assert [form["refresh_token"] for form in place.asked] == ["r-1", "r-2"]
    assert place.members["refresh_token"] == "r-2"


async def test_no_end_told(place: Place) -> None:
    """Then it serves until it is refused, here and after a restart."""
    place.answers = [reply({"access_token": "n"})]
    await bearer(place.source())

    assert place.members["expiry_date"] is None
    assert await bearer(place.source()) == "n"
    assert len(place.asked) == 1


async def test_refused_by_the_provider(place: Place) -> None:
    """A 401 has it renewed although its time is not over."""
    place.sign_in(expiry_date=(time.time() + 3600) * 1000)
    source = place.source()
    request = Outbound("POST", cast("Any", None), {})
    await source.sign(request)
    assert request.headers["authorization"] == "Bearer old"

    assert await source.refused(request, 401, None)
    assert await bearer(source) == "new-1"
    assert place.members["access_token"] == "new-1"


async def test_invalid_grant(place: Place) -> None:
    """It is said at once and to all, and nobody asks again, until somebody signs in."""
    place.answers = [OVER, good(7)]
    source = place.source(place="extra.oauth_creds_path")
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="sign in anew") as caught:
            await source.token()
        assert caught.value.code == "oauth_invalid_grant"
        assert "extra.oauth_creds_path" in caught.value.message
    assert len(place.asked) == 1
    place.sign_in(refresh_token="r-9")

    assert await bearer(source) == "new-7"
    assert place.asked[1]["refresh_token"] == "r-9"


async def test_others_sign_in(place: Place) -> None:
    """What somebody else puts into the file holds from the next request on."""
    soon = (time.time() + 3600) * 1000
    place.sign_in(expiry_date=soon)
    source = place.source()
    assert await bearer(source) == "old"

    place.sign_in(access_token="another", expiry_date=soon)
    assert await bearer(source) == "another"
    place.sign_in(access_token="a third one", expiry_date=soon)  # no token: blanks
    assert await bearer(source) == "new-1"
    assert len(place.asked) == 1


async def test_file_is_touched(place: Place) -> None:
    """The same token is no reason to renew it."""
    place.sign_in(expiry_date=(time.time() + 3600) * 1000)
    source = place.source()
    await bearer(source)
    place.sign_in(expiry_date=(time.time() + 3600) * 1000, more=1)

    assert await bearer(source) == "old"
    assert place.asked == []


async def test_file_breaks(place: Place) -> None:
    """Half a file is no reason to lose a good token; a whole one is read again."""
    soon = (time.time() + 3600) * 1000
    place.sign_in(expiry_date=soon)
    source = place.source()
    await bearer(source)

    place.path.write_text('{"access_tok', "utf-8")
    assert [await bearer(source) for _ in range(3)] == ["old"] * 3
    place.sign_in(access_token="another", expiry_date=soon)
    assert await bearer(source) == "another"


@pytest.mark.parametrize("answer", [OVER, reply({}, 503)])
async def test_another_account(place: Place, answer: list[Step]) -> None:
    """Once the file is somebody else's the old token is used no more, come what may."""
    place.sign_in(expiry_date=(time.time() + 3600) * 1000)
    source = place.source()
    assert await bearer(source) == "old"
    place.sign_in(access_token="ended", refresh_token="theirs", expiry_date=0)
    place.answers = [answer]

    for _ in range(2):
        with pytest.raises((AuthenticationError, ServiceUnavailableError)):
            await source.token()
    assert [form["refresh_token"] for form in place.asked] == ["theirs"]


async def test_file_comes_later(place: Place) -> None:
    """The gateway may run before anybody has signed in."""
    place.path.unlink()
    source = place.source()
    with pytest.raises(AuthenticationError, match="cannot be read") as caught:
        await source.token()
    assert caught.value.code == "missing_credentials"
    place.sign_in()

    assert await bearer(source) == "new-1"


async def test_two_processes(place: Place) -> None:
    """Each refresh token is used once: who comes second takes what is there."""
    place.answers = [good(1, refresh_token="r-2"), OVER]
    sources = [place.source() for _ in range(10)]

    found = await asyncio.gather(*(bearer(source) for source in sources))

    assert set(found) == {"new-1"}
    assert len(place.asked) == 1


async def test_one_without_our_lock_is_faster(place: Place) -> None:
    """`invalid_grant` for a refresh token that another has replaced is no end."""

    def taken(_: Request) -> list[Step]:
        place.sign_in(refresh_token="r-2")
        return OVER

    place.up.scripts[""] = lambda r: taken(r) if len(place.asked) == 1 else good(2)

    assert await bearer(place.source()) == "new-2"
    assert [form["refresh_token"] for form in place.asked] == ["r-1", "r-2"]


async def test_cannot_be_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file is read-only the new token serves while the gateway runs."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    place.answers = [good(1, refresh_token="r-2", expires_in=0), good(2)]
    source = place.source()
    with structlog.testing.capture_logs() as lines:
        assert [await bearer(source) for _ in range(3)] == ["new-1", "new-2", "new-2"]

    assert [form["refresh_token"] for form in place.asked] == ["r-1", "r-2"]
    assert [(n["event"], n["rotated"]) for n in lines] == [
        ("auth.not_saved", True),
        ("auth.not_saved", False),
    ]
    assert place.members["access_token"] == "old"
    place.sign_in(refresh_token="r-9", more=1)
    assert await bearer(source) == "new-3"
    assert place.asked[2]["refresh_token"] == "r-9"


async def test_issuer_is_down(place: Place) -> None:
    """It may pass: 503, a rest, and the file is as it was."""
    before = place.members
    place.answers = [reply({}, 503), good(2)]
    source = place.source()
    for _ in range(10):
        with pytest.raises(ServiceUnavailableError):
            await source.token()

    assert len(place.asked) == 1
    assert place.members == before


async def test_wrong_client(place: Place) -> None:
    """Not the sign-in is over: the client may be mended at its issuer's."""
    place.answers = [reply({"error": "unauthorized_client"}, 400)]
    source = place.source()
    with pytest.raises(AuthenticationError, match="unauthorized_client"):
        await source.token()

    assert 0 < source._rests_until - time.monotonic() <= 60


async def test_who_asks(place: Place) -> None:
    """The configured client and URL go before the file's."""
    place.sign_in(client_secret="s", token_uri=f"{place.up.url}/own")
    await bearer(place.source(token_url=None, default_token_url="http://nowhere"))
    place.sign_in(client_secret="s")
    own = {"client_id": "mine", "client_secret": Secret("my own")}
    await bearer(place.source(**own, scope="a b"))

    first, second = place.up.requests
    assert (first.path, second.path) == ("/v1/own", "/v1/token")
    assert form_of(first)["client_secret"] == "s"
    assert form_of(second) == {
        "grant_type": "refresh_token",
        "refresh_token": "r-1",
        "client_id": "mine",
        "client_secret": "my own",
        "scope": "a b",
    }


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        ({"client_id": "c"}, "on file"),
        ({"client_id": "another"}, None),
        ({"client_secret": Secret("own")}, "own"),
    ],
)
async def test_half_a_client(
    place: Place, given: dict[str, Any], secret: str | None
) -> None:
    """The file's secret goes with the file's client; a configured one goes before."""
    place.sign_in(client_secret="on file")
    await bearer(place.source(**given))

    assert place.asked[0]["client_id"] == given.get("client_id", "c")
    assert place.asked[0].get("client_secret") == secret


async def test_no_client(place: Place) -> None:
    """The file of the guide names none; what that is worth is the issuer's business."""
    place.put(access_token="old", refresh_token="r-1", expiry_date=0)

    assert await bearer(place.source()) == "new-1"
    assert "client_id" not in place.asked[0]


async def test_what_is_missing(place: Place) -> None:
    place.put(access_token="old", expiry_date=0)
    with pytest.raises(AuthenticationError, match="has no refresh_token"):
        await place.source().token()
    place.sign_in()
    with pytest.raises(AuthenticationError, match="has no token_uri"):
        await place.source(token_url=None).token()
    assert place.asked == []


async def test_quota_project(place: Place) -> None:
    """It goes along with a renewed token, too."""
    place.sign_in(quota_project_id="p-1")

    assert (await place.source().headers())["x-goog-user-project"] == "p-1"


async def test_nothing_is_read_before(place: Place) -> None:
    """No I/O in what makes it."""
    place.path.unlink()

    assert "oauth_creds" not in repr(place.source())


# -- the client-credentials grant


def account(session: Any = None, extra: Any = None, **auth: Any) -> Account:
    return Account("mine", None, Auth(**auth), extra or {}, {}, session)


async def test_client_credentials(place: Place) -> None:
    secret = Secret("planted-client-secret")
    source = make_client(
        account(
            place.session,
            type="oauth-client",
            token_url=place.up.url,
            client_id="c",
            client_secret=secret,
            scope="a b",
            audience="https://api",
        )
    )

    found = await asyncio.gather(*(bearer(source) for _ in range(100)))

    assert set(found) == {"new-1"}
    assert place.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "c",
            "client_secret": "planted-client-secret",
            "scope": "a b",
            "audience": "https://api",
        }
    ]
    assert "planted" not in repr(source)


# -- the configuration

CLIENT = {
    "type": "oauth-client",
    "token_url": "http://i/t",
    "client_id": "c",
    "client_secret": Secret("s"),
}


@pytest.mark.parametrize("name", ["token_url", "client_id", "client_secret"])
def test_client_lacks(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"oauth-client needs auth.{name}"):
        make_client(account(**{**CLIENT, name: None}))


@pytest.mark.parametrize(
    ("auth", "extra", "message"),
    [
        ({}, {}, "needs auth.file or extra.oauth_creds_path"),
        ({"file": "a.json"}, {}, "auth.file must be an absolute path"),
        ({"file": "/a"}, {"oauth_creds_path": "/a"}, "give one of them"),
        ({}, {"oauth_creds_path": 5}, "extra.oauth_creds_path must be a path"),
        ({}, {"oauth_creds_path": ""}, "extra.oauth_creds_path must be a path"),
        ({"file": "/a", "tenant": "t"}, {}, "auth.tenant means nothing"),
        ({"file": "/a", "audience": "t"}, {}, "auth.audience means nothing"),
    ],
)
def test_refresh_lacks(
    auth: dict[str, Any], extra: dict[str, Any], message: str
) -> None:
    """Each mistake names the setting."""
    with pytest.raises(ConfigurationError, match=message):
        make_refresh(account(extra=extra, type="oauth-refresh", **auth))


async def test_paths(place: Place) -> None:
    """Either setting leads to the file."""
    url = f"{place.up.url}/token"
    for auth, extra in (
        ({"file": str(place.path)}, {}),
        ({}, {"oauth_creds_path": str(place.path)}),
    ):
        place.sign_in()
        made = account(
            place.session, extra, type="oauth-refresh", token_url=url, **auth
        )
        assert (await bearer(make_refresh(made))).startswith("new-")
