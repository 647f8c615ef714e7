"""Google's credentials against a token endpoint and a metadata server on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import jwt
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import define, field
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from structlog.testing import capture_logs
from yarl import URL

from connectors.auth import google
from connectors.auth.google import PROJECT, GoogleCredentials
from gateway.plugin import (
    Account,
    AuthenticationError,
    BackendError,
    ConfigurationError,
    LLMProxyError,
    Outbound,
    ServiceUnavailableError,
)
from gateway.settings import Auth

if TYPE_CHECKING:
    from pathlib import Path

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
CURVE = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)
SERVICE = {
    "type": "service_account",
    "project_id": "shop-1",
    "private_key_id": "k1",
    "private_key": PEM,
    "client_email": "gateway@shop-1.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}
USER = {
    "type": "authorized_user",
    "client_id": "me.apps.googleusercontent.com",
    "client_secret": "d-client-secret-0123456789",
    "refresh_token": "1//refresh-0123456789",
    "quota_project_id": "payer-1",
}
VERTEX = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/x"


@define
class Google:
    """
    Issues tokens ``ya29.1``, ``ya29.2``... and notes what it was asked.

    Attributes:
        answers: what is answered in place of a token: status, body and headers.
        hold: the token endpoint waits for it.
    """

    url: str = ""
    asked: list[dict[str, str]] = field(factory=list)
    metadata: list[web.Request] = field(factory=list)
    answers: list[web.Response] = field(factory=list)
    hold: asyncio.Event | None = None
    lifetime: int = 3600

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_post("/sts", self._token)
        app.router.add_post("/as/{account}", self._impersonate)
        app.router.add_get("/subject", self._subject)
        app.router.add_get("/computeMetadata/v1/{rest:.*}", self._metadata)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append({k: str(v) for k, v in (await request.post()).items()})
        if self.hold is not None:
            await self.hold.wait()
        if self.answers:
            return self.answers.pop(0)
        value = f"ya29.{len(self.asked)}"
        return web.json_response({"access_token": value, "expires_in": self.lifetime})

    async def _impersonate(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        said = await request.json(loads=json.loads)
        self.asked.append({"token": token, "scope": " ".join(said["scope"])})
        return web.json_response({"accessToken": f"as-{token}"})

    async def _subject(self, request: web.Request) -> web.Response:
        return web.json_response({"id_token": request.headers["x-from"]})

    async def _metadata(self, request: web.Request) -> web.Response:
        self.metadata.append(request)
        if request.match_info["rest"] == "project/project-id":
            return self.answers.pop(0) if self.answers else web.Response(text="vm-1")
        value = {"access_token": "ya29.vm", "expires_in": self.lifetime}
        return web.json_response(value)


@pytest.fixture
async def fake() -> AsyncIterator[Google]:
    made = Google()
    async with TestServer(made.app()) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
def given(
    fake: Google, session: aiohttp.ClientSession, tmp_path: Path
) -> Callable[..., GoogleCredentials]:
    """Make credentials of a file that says *data*; none: there is no file."""

    def make(
        data: Any = None,
        environ: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
        **auth: Any,
    ) -> GoogleCredentials:
        if data is not None:
            file = tmp_path / "credentials.json"
            text = data if isinstance(data, str) else json.dumps(data)
            file.write_text(text, "utf-8")
            auth = {"file": str(file), "token_url": f"{fake.url}/token", **auth}
        account = Account(
            "vertex",
            None,
            Auth(type="google", **auth),
            extra or {},
            {"HOME": str(tmp_path), **(environ or {})},
            session,
        )
        made = google.make(account)
        assert isinstance(made, GoogleCredentials)
        return made

    return make


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let so many seconds pass."""

    def turn(seconds: float) -> None:
        now = time.time() + seconds
        monkeypatch.setattr(time, "time", lambda: now)

    return turn


def outbound(url: str = VERTEX, attempt: int = 0) -> Outbound:
    return Outbound("POST", URL(url, encoded=True), {}, b"{}", attempt=attempt)


async def signed(credentials: GoogleCredentials, url: str = VERTEX) -> Outbound:
    request = outbound(url)
    await credentials.sign(request)
    return request


# -- what is sent, and what comes of it


async def test_service_account(fake: Google, given: Any) -> None:
    """A service account signs an assertion with its key and gets a token for it."""
    request = await signed(given(SERVICE))

    assert request.headers == {"authorization": "Bearer ya29.1"}
    (form,) = fake.asked
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    said = jwt.decode(
        form["assertion"],
        KEY.public_key(),
        algorithms=["RS256"],
        audience=f"{fake.url}/token",
    )
    assert said["iss"] == SERVICE["client_email"]
    assert said["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert said["exp"] - said["iat"] == 3600


async def test_scope(fake: Google, given: Any) -> None:
    """A configured scope takes the place of the usual one."""
    await signed(given(SERVICE, scope="scope-a scope-b"))

    claims = jwt.decode(fake.asked[0]["assertion"], options={"verify_signature": False})
    assert claims["scope"] == "scope-a scope-b"


async def test_file_by_variable(fake: Google, given: Any, tmp_path: Path) -> None:
    """Google's own variable names the file where the configuration does not."""
    file = tmp_path / "elsewhere.json"
    file.write_text(json.dumps({**SERVICE, "token_uri": f"{fake.url}/token"}))

    request = await signed(given(environ={"GOOGLE_APPLICATION_CREDENTIALS": str(file)}))

    assert request.headers["authorization"] == "Bearer ya29.1"


@pytest.mark.parametrize("folder", [".config/gcloud", "moved"])
async def test_well_known_file(
    folder: str, fake: Google, given: Any, tmp_path: Path
) -> None:
    """What ``gcloud auth application-default login`` has left is found."""
    file = tmp_path / folder / "application_default_credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(USER))
    moved = {"CLOUDSDK_CONFIG": str(file.parent)} if folder == "moved" else {}

    await signed(given(environ=moved, token_url=f"{fake.url}/token"))

    assert fake.asked[0]["refresh_token"] == USER["refresh_token"]


async def test_authorized_user(fake: Google, given: Any) -> None:
    """A person's refresh token is exchanged, and the file's project pays."""
    request = await signed(given(USER))

    assert request.headers == {
        "authorization": "Bearer ya29.1",
        "x-goog-user-project": "payer-1",
    }
    assert fake.asked == [
        {
            "grant_type": "refresh_token",
            "client_id": USER["client_id"],
            "client_secret": USER["client_secret"],
            "refresh_token": USER["refresh_token"],
        }
    ]


@pytest.mark.parametrize(
    "place",
    [
        {"extra": {"quota_project": "other-1"}},
        {"environ": {"GOOGLE_CLOUD_QUOTA_PROJECT": "other-1"}},
    ],
)
async def test_quota_project(place: dict[str, Any], given: Any) -> None:
    """A configured project pays rather than that of the file."""
    request = await signed(given(USER, **place))

    assert request.headers["x-goog-user-project"] == "other-1"


def external(fake: Google, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{fake.url}/sts",
        "credential_source": source,
        **more,
    }


async def test_workload_identity_by_file(
    fake: Google, given: Any, tmp_path: Path
) -> None:
    """A token of another issuer, from a file, is exchanged for one of Google's."""
    (tmp_path / "subject").write_text("subject-token\n")
    source = {"file": str(tmp_path / "subject")}

    request = await signed(given(external(fake, source), token_url=None))

    assert request.headers["authorization"] == "Bearer ya29.1"
    assert fake.asked[0]["subject_token"] == "subject-token"
    assert fake.asked[0]["audience"] == "//iam.googleapis.com/projects/1/x"


async def test_workload_identity_by_url(fake: Google, given: Any) -> None:
    """A token of another issuer is asked for, and may act for a service account."""
    source = {
        "url": f"{fake.url}/subject",
        "headers": {"x-from": "vm"},
        "format": {"type": "json", "subject_token_field_name": "id_token"},
    }
    impersonated = {"service_account_impersonation_url": f"{fake.url}/as/a"}

    request = await signed(
        given(external(fake, source, **impersonated), token_url=None)
    )

    assert request.headers["authorization"] == "Bearer as-ya29.1"
    assert fake.asked[0]["subject_token"] == "vm"
    assert fake.asked[1] == {
        "token": "ya29.1",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
    }


async def test_impersonated_service_account(fake: Google, given: Any) -> None:
    """A person may act for a service account."""
    data = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"{fake.url}/as/b",
        "source_credentials": USER,
    }

    request = await signed(given(data))

    assert request.headers["authorization"] == "Bearer as-ya29.1"


async def test_metadata_server(fake: Google, given: Any) -> None:
    """A machine of Google's cloud needs no file, and knows its project."""
    place = f"https://h/v1/projects/{PROJECT}/locations/us/publishers/p/models/a@1:b"

    request = await signed(given(environ={"GCE_METADATA_HOST": fake.host}), place)

    assert request.headers == {"authorization": "Bearer ya29.vm"}
    assert str(request.url) == place.replace(PROJECT, "vm-1")
    assert [r.headers["Metadata-Flavor"] for r in fake.metadata] == ["Google"] * 2


async def test_metadata_server_again(fake: Google, given: Any, later: Any) -> None:
    """The next token is asked for, the project is known already."""
    credentials = given(environ={"GCE_METADATA_HOST": fake.host})
    await signed(credentials)

    later(3590)
    await signed(credentials)

    asked = [r.match_info["rest"].rpartition("/")[2] for r in fake.metadata]
    assert asked == ["token", "project-id", "token"]


@pytest.mark.parametrize("answer", ["refused", "gone"])
async def test_machine_without_project(
    answer: str, fake: Google, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine does not know its project, who needs it is told what to do."""
    fake.answers = [web.Response(status=404)]
    credentials = given(environ={"GCE_METADATA_ROOT": fake.host})
    if answer == "gone":
        monkeypatch.setattr(google, "TIMEOUT", 0)
        fake.answers = []

    await signed(credentials)  # that needs none

    with pytest.raises(AuthenticationError, match=r"set extra\.project"):
        await signed(credentials, VERTEX.replace("/p/", f"/{PROJECT}/"))


async def test_project_of_service_account(given: Any) -> None:
    """The service account's own project takes the place of an unknown one."""
    request = await signed(given(SERVICE), VERTEX.replace("/p/", f"/{PROJECT}/"))

    assert "/projects/shop-1/locations/" in str(request.url)


# -- when it is asked


async def test_nothing_at_construction(fake: Google, given: Any) -> None:
    """To build the backend touches neither the file nor the network."""
    given(file="/nowhere/credentials.json")

    assert not fake.asked


async def test_hundred_waiters(fake: Google, given: Any) -> None:
    """However many wait for a token, it is asked for once."""
    credentials = given(SERVICE)
    fake.hold = asyncio.Event()

    waiting = [asyncio.create_task(signed(credentials)) for _ in range(100)]
    while not fake.asked:
        await asyncio.sleep(0)
    fake.hold.set()
    requests = await asyncio.gather(*waiting)

    assert {r.headers["authorization"] for r in requests} == {"Bearer ya29.1"}
    assert len(fake.asked) == 1


async def test_expired(fake: Google, given: Any, later: Any) -> None:
    """A token that has expired is replaced before it is used."""
    credentials = given(SERVICE)
    first = await signed(credentials)

    later(3590)
    second = await signed(credentials)

    assert first.headers["authorization"] == "Bearer ya29.1"
    assert second.headers["authorization"] == "Bearer ya29.2"


async def test_refused_token(fake: Google, given: Any) -> None:
    """A 401 renews the token, once for all who used it, and only once each."""
    credentials = given(SERVICE)
    requests = [await signed(credentials) for _ in range(3)]

    assert all([await credentials.refused(r, 401, None) for r in requests])
    again = [await signed(credentials) for _ in requests]

    assert {r.headers["authorization"] for r in again} == {"Bearer ya29.2"}
    assert len(fake.asked) == 2
    again[0].attempt = 1
    assert not await credentials.refused(again[0], 401, None)


@pytest.mark.parametrize("status", [403, 429])
async def test_other_refusals(status: int, given: Any) -> None:
    """A new token is no help against missing permissions and used-up quotas."""
    credentials = given(SERVICE)

    assert not await credentials.refused(await signed(credentials), status, None)


async def test_renewed_ahead(fake: Google, given: Any, later: Any) -> None:
    """A token that ends soon still serves while the next one is asked for."""
    credentials = given(SERVICE)
    await signed(credentials)

    later(3500)
    old = await signed(credentials)
    while len(fake.asked) < 2:
        await asyncio.sleep(0.001)

    assert old.headers["authorization"] == "Bearer ya29.1"
    await credentials.close()  # which lets it end
    assert (await signed(credentials)).headers["authorization"] == "Bearer ya29.2"


async def test_replaced_file(fake: Google, given: Any, later: Any) -> None:
    """A new key in the file is used for the next token, without a restart."""
    credentials = given(SERVICE)
    await signed(credentials)

    given(USER)  # the same file
    later(3590)
    await signed(credentials)

    assert [form["grant_type"] for form in fake.asked][1] == "refresh_token"


async def test_close(fake: Google, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that stops leaves no task behind, even while a token is on its way."""
    monkeypatch.setattr("connectors.auth.tokens.CLOSING", 0.01)
    credentials = given(SERVICE)
    fake.hold = asyncio.Event()
    waiting = asyncio.create_task(signed(credentials))
    while not fake.asked:
        await asyncio.sleep(0)
    before = asyncio.all_tasks()

    await credentials.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    fake.hold.set()
    assert not [t for t in before if "_renewed" in repr(t) and not t.done()]


# -- what goes wrong


def error(status: int, body: Any, **headers: str) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_grant", "error_description": PEM}, "invalid_grant"),
        (401, {"error": "invalid_client"}, "invalid_client"),
        (403, {"error": {"status": "PERMISSION_DENIED"}}, "PERMISSION_DENIED"),
        (400, {"error": "a b"}, "google_refused"),
        (400, ["?"], "google_refused"),
    ],
)
async def test_refused_credentials(
    status: int, body: Any, code: str, fake: Google, given: Any
) -> None:
    """What only a person can mend is an authentication error, told without a retry."""
    fake.answers = [error(status, body)]
    credentials = given(SERVICE)

    for _ in range(2):
        with pytest.raises(AuthenticationError, match=str(status)) as caught:
            await signed(credentials)

        assert caught.value.code == code
    assert len(fake.asked) == 1


async def test_issuer_busy(fake: Google, given: Any) -> None:
    """A token endpoint that is down makes the backend unavailable for a while."""
    fake.answers = [error(503, {"error": "internal_failure"}, **{"Retry-After": "7"})]

    with pytest.raises(ServiceUnavailableError, match="503") as caught:
        await signed(given(SERVICE))

    assert caught.value.retry_after == pytest.approx(7, abs=1)


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text="<html>"),
        web.json_response({"expires_in": 1}),
        web.json_response({"access_token": "a\r\nb: c"}),
        web.Response(text="{", content_type="application/json"),
    ],
)
async def test_no_token(answer: web.Response, fake: Google, given: Any) -> None:
    """An answer without a usable token is the issuer's failure."""
    fake.answers = [answer]

    with pytest.raises(BackendError) as caught:
        await signed(given(SERVICE))

    assert caught.value.code == "google_no_token"


async def test_unreachable(
    given: Any, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token endpoint that is not there is no mistake of the caller's."""
    url = f"http://127.0.0.1:{unused_tcp_port}/token"

    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        await signed(given(SERVICE, token_url=url))


async def test_slow_issuer(
    fake: Google, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token endpoint that says nothing is not waited for without end."""
    monkeypatch.setattr(google, "TIMEOUT", 0.05)
    fake.hold = asyncio.Event()

    with pytest.raises(ServiceUnavailableError, match="in time"):
        await signed(given(SERVICE))
    fake.hold.set()


async def test_nothing_anywhere(given: Any) -> None:
    """Without file and metadata server the message says what to set."""
    with pytest.raises(AuthenticationError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        await signed(given(environ={"GCE_METADATA_HOST": "metadata.invalid"}))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("{", "is not JSON"),
        ([], "has no type"),
        ({"type": "gdch"}, "none of service_account"),
        ({"type": "service_account"}, "lacks client_email, private_key"),
        ({**SERVICE, "private_key": "-----BEGIN"}, "no RSA key"),
        ({**SERVICE, "private_key": CURVE}, "no RSA key"),
        (external(Google(), {"file": "/nowhere/token"}), "cannot be read: No such"),
        ({**USER, "refresh_token": ""}, "lacks refresh_token"),
        (external(Google(), {"environment_id": "aws1"}), "neither file nor url"),
        (external(Google(), {"executable": {}}), "neither file nor url"),
        (external(Google(), {"certificate": {}}), "neither file nor url"),
        (
            {
                "type": "impersonated_service_account",
                "service_account_impersonation_url": "u",
                "source_credentials": SERVICE,
            },
            "no authorized user",
        ),
    ],
)
async def test_bad_file(data: Any, why: str, fake: Google, given: Any) -> None:
    """What is wrong is told to all, the path to the log, the content to nobody."""
    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(AuthenticationError, match=why) as caught,
    ):
        await signed(given(data))

    assert "credentials.json" not in str(caught.value)
    assert lines[0]["details"]["file"].endswith("credentials.json")
    assert "BEGIN" not in str(caught.value)
    assert not fake.asked


async def test_missing_file(given: Any) -> None:
    """A file that was named must be there."""
    with pytest.raises(AuthenticationError, match="file cannot be read: No such"):
        await signed(given(file="/nowhere/key.json"))


@pytest.mark.parametrize("auth", [{"file": "key.json"}, {"tenant": "t"}])
async def test_wrong_settings(auth: dict[str, str], given: Any) -> None:
    """A relative path, and what means nothing to Google, are told at start-up."""
    with pytest.raises(ConfigurationError, match=r"auth\."):
        given(**auth)


async def test_missing_library(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the configuration says what to install."""
    monkeypatch.setitem(sys.modules, "gcloud.aio.auth", None)

    with pytest.raises(ConfigurationError, match=r"sluicegate\[google\]"):
        given(SERVICE)


@pytest.mark.parametrize("status", [400, 503])
async def test_secrecy(
    status: int, fake: Google, given: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither repr nor error nor traceback nor log shows what was sent or issued."""
    caplog.set_level(logging.DEBUG)
    credentials = given(USER)
    request = await signed(credentials)
    told = [repr(credentials), repr(request), repr(vars_of(credentials))]
    said = {"error": "invalid_grant", "error_description": f"bad {USER}"}
    fake.answers = [error(status, said)]
    await credentials.refused(request, 401, None)

    with capture_logs() as logged, pytest.raises(LLMProxyError) as caught:
        await signed(credentials)

    assert logged[0]["event"] == "auth.failed"
    told += [repr(logged)]
    told += traceback.format_exception(caught.value)
    told += [str(caught.value), repr(caught.value.to_dict()), caplog.text]
    for secret in (USER["refresh_token"], USER["client_secret"], "ya29.1"):
        assert secret not in "".join(told)


def vars_of(credentials: GoogleCredentials) -> list[Any]:
    """Return all that hangs directly on the credentials and their parts."""
    parts: list[Any] = [credentials._source, credentials._issuer]
    return [getattr(part, name) for part in parts for name in part.__slots__[:-1]]
