"""AWS: signatures of what is sent, credentials found once, renewed, and kept quiet."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from attrs import evolve
from botocore.exceptions import ClientError, ConfigParseError, EndpointConnectionError
from botocore.session import Session
from botocore.utils import ContainerMetadataFetcher
from yarl import URL

from connectors.auth import aws, tokens
from connectors.auth.aws import AwsCredentials, Regions, make
from connectors.auth.aws_chain import deadline, found_keys
from gateway.plugin import (
    Account,
    AuthenticationError,
    ConfigurationError,
    LLMProxyError,
    Outbound,
    ServiceUnavailableError,
)
from gateway.secret import Secret, redact
from gateway.settings import Auth
from tests.bedrock.fake import (
    API_KEY,
    KEY_ID,
    REGION,
    SECRET,
    Fake,
    fake,
    refusal,
    whole,
)

STATIC = Auth(
    region=REGION, access_key_id=KEY_ID, secret_access_key=Secret(SECRET), type="aws"
)
MODEL = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"


def account(
    auth: Auth = STATIC,
    key: str | None = None,
    environ: Mapping[str, str] | None = None,
    **extra: Any,
) -> Account:
    return Account(
        "cloud",
        None if key is None else Secret(key),
        auth,
        extra,
        environ or {},
        session=cast("ClientSession", None),
    )


def made(given: Account | None = None) -> AwsCredentials:
    found = make(given or account())
    assert found is not None
    return found


@pytest.fixture
async def bedrock() -> AsyncIterator[Fake]:
    async with fake(whole({"ok": True})) as running:
        yield running


@pytest.fixture
def chain(bedrock: Fake, monkeypatch: pytest.MonkeyPatch) -> AwsCredentials:
    """Credentials that a container's endpoint issues, found as AWS' tools find them."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in bedrock.environ.items():
        monkeypatch.setenv(name, value)
    return made(account(Auth(), environ=bedrock.environ))


async def send(
    bedrock: Fake, credentials: AwsCredentials, path: str = MODEL, body: bytes = b"{}"
) -> int:
    """Send a request as the gateway does, with one more try if that makes sense."""
    status = 0
    async with ClientSession() as session:
        for attempt in range(3):
            url = URL(bedrock.url + path, encoded=True)
            headers = {"content-type": "application/json", "x-other": "1"}
            request = Outbound("POST", url, headers, body, attempt=attempt)
            await credentials.sign(request)
            async with session.post(
                request.url, data=request.body, headers=request.headers
            ) as answer:
                status = answer.status
                request.answer = answer.headers
            if status not in (401, 403):
                break
            if not await credentials.refused(request, status, None):
                break
    return status


# -- signatures

PATHS = {
    "colon": MODEL,
    "arn": "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3A"
    "inference-profile%2Feu.anthropic.claude-3-haiku-20240307-v1%3A0/invoke",
    "space": "/model/a%20b%2Bc/converse",
    "unicode": "/model/caf%C3%A9~x/converse",
    "query": "/model/m/converse?b=2&a=1%2F1&c",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_paths(bedrock: Fake, path: str) -> None:
    """What is signed is what is sent, percent signs and all."""
    assert await send(bedrock, made(), path) == 200
    assert bedrock.requests[0].path == path


@pytest.mark.parametrize("size", [0, 2, 700_000])
async def test_bodies(bedrock: Fake, size: int) -> None:
    """A long body is signed beside the event loop, and as well."""
    assert await send(bedrock, made(), body=b"x" * size) == 200


async def test_changed_body(bedrock: Fake) -> None:
    """The fake would notice: the signature covers the body."""
    credentials = made()
    url = URL(bedrock.url + MODEL, encoded=True)
    request = Outbound("POST", url, {"content-type": "application/json"}, b"{}")
    await credentials.sign(request)
    async with ClientSession() as session:
        async with session.post(url, data=b"[]", headers=request.headers) as answer:
            assert answer.status == 403


async def test_what_is_signed(bedrock: Fake) -> None:
    """Headers that others may change on the way are not among it."""
    await send(bedrock, made())

    authorization = bedrock.requests[0].headers["authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date," in authorization
    assert bedrock.requests[0].headers["x-other"] == "1"


async def test_session_token(bedrock: Fake) -> None:
    bedrock.accounts[KEY_ID] = (SECRET, "session-token-of-mine")
    auth = evolve(STATIC, session_token=Secret("session-token-of-mine"))

    assert await send(bedrock, made(account(auth))) == 200


async def test_signed_anew() -> None:
    """A second try replaces the signature of the first."""
    request = Outbound("POST", URL("http://127.0.0.1/x"), {})
    credentials = made()
    await credentials.sign(request)
    first = dict(request.headers)
    request.body = b"other"

    await credentials.sign(request)

    assert request.headers.keys() == first.keys()
    assert request.headers["authorization"] != first["authorization"]


# -- regions

HOSTS = {
    "bedrock-runtime.us-east-1.amazonaws.com": "us-east-1",
    "bedrock-runtime-fips.us-gov-west-1.amazonaws.com": "us-gov-west-1",
    "bedrock-runtime.cn-north-1.amazonaws.com.cn": "cn-north-1",
    "bedrock-mantle.eu-west-1.api.aws": "eu-west-1",
    "vpce-1-2.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com": "ap-southeast-2",
    "proxy.example.org": "sa-east-1",
    None: "sa-east-1",
}


@pytest.mark.parametrize("host", HOSTS)
def test_region_of_a_host(host: str | None) -> None:
    """A host of AWS names the region that it wants in a signature."""
    regions = Regions.of(Auth(), {}, {"AWS_REGION": "sa-east-1"})

    assert regions.signing(host) == HOSTS[host]


def test_region_order() -> None:
    """Configured, then the environment; what is stated wins over the host."""
    environ = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}
    host = "bedrock-runtime.us-east-1.amazonaws.com"

    assert Regions.of(Auth(), {}, environ).found() == "eu-west-1"
    assert Regions.of(Auth(), {"region": "eu-west-3"}, environ).found() == "eu-west-3"
    stated = Regions.of(Auth(region="eu-north-1"), {"region": "eu-west-3"}, environ)
    assert stated.found() == stated.signing(host) == "eu-north-1"


def test_region_of_a_profile(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text("[profile lab]\nregion = ap-south-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    assert Regions.of(Auth(profile="lab"), {}, {}).found() == "ap-south-1"
    assert Regions.of(Auth(profile="none"), {}, {}).found() is None


@pytest.mark.parametrize("region", ["evil.example/", "", "a b", 5])
def test_no_region(region: Any) -> None:
    """It becomes a part of a host's name."""
    with pytest.raises(ConfigurationError, match="no region"):
        Regions.of(Auth(), {"region": region}, {})


async def test_without_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    credentials = made(account(evolve(STATIC, region=None)))

    with pytest.raises(AuthenticationError, match="region") as caught:
        await credentials.sign(Outbound("POST", URL("http://127.0.0.1/"), {}))
    assert caught.value.code == "missing_region"


# -- what is configured


def test_api_key_goes_before() -> None:
    """A Bedrock API key is a bearer token: nothing is signed."""
    assert make(account(Auth(), API_KEY)) is None
    assert make(account(Auth(region=REGION), API_KEY)) is None


def test_configured_keys_go_before_the_environment() -> None:
    environ = {aws.BEARER: API_KEY}

    assert make(account(STATIC, API_KEY, environ)) is not None
    assert make(account(Auth(profile="lab"), API_KEY, environ)) is not None
    assert make(account(STATIC, "a-key-that-is-configured", environ)) is None


WRONG = {
    "half": Auth(access_key_id=KEY_ID),
    "other half": Auth(secret_access_key=Secret(SECRET)),
    "lone token": Auth(session_token=Secret("session-token-of-mine")),
    "two ways": evolve(STATIC, profile="lab"),
    "what it does not take": Auth(client_id="x"),
}


@pytest.mark.parametrize("auth", WRONG.values(), ids=WRONG)
def test_wrong_configuration(auth: Auth) -> None:
    with pytest.raises(ConfigurationError, match="auth"):
        make(account(auth))


def test_without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks the package is told how to get it."""
    monkeypatch.setattr(aws, "find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r'pip install "sluicegate\[aws\]"'):
        make(account())
    assert make(account(Auth(), API_KEY)) is None
    assert Regions.of(Auth(), {}, {}).found() is None


# -- the search


async def test_found_once(bedrock: Fake, chain: AwsCredentials) -> None:
    """A hundred requests wait for one search, and the next ones for none."""
    bedrock.slow = 0.05

    assert (
        await asyncio.gather(*(send(bedrock, chain) for _ in range(100))) == [200] * 100
    )
    assert await send(bedrock, chain) == 200
    assert bedrock.issued == 1
    await chain.close()


async def test_renewed_in_time(
    bedrock: Fake, chain: AwsCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that end soon are replaced before they do, once for all who wait."""
    await send(bedrock, chain)
    later = time.time() + 3590.0
    monkeypatch.setattr(
        tokens,
        "time",
        SimpleNamespace(time=lambda: later, monotonic=time.monotonic),
    )
    bedrock.lifetime = 7200.0

    statuses = await asyncio.gather(*(send(bedrock, chain) for _ in range(100)))

    assert statuses == [200] * 100
    assert bedrock.issued == 2
    await chain.close()


async def test_expired_early(bedrock: Fake, chain: AwsCredentials) -> None:
    """A 403 over expired credentials is worth one renewal and one more try."""
    await send(bedrock, chain)
    bedrock.expire()

    assert await send(bedrock, chain) == 200
    assert bedrock.issued == 2
    assert len(bedrock.requests) == 3
    await chain.close()


async def test_expired_for_many(bedrock: Fake, chain: AwsCredentials) -> None:
    await send(bedrock, chain)
    bedrock.expire()

    statuses = await asyncio.gather(*(send(bedrock, chain) for _ in range(100)))

    assert statuses == [200] * 100
    assert bedrock.issued == 2
    await chain.close()


async def test_no_others(bedrock: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the search finds the same again, nothing is tried again."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing-worth-a-thing")
    credentials = made(account(Auth(region=REGION)))

    assert await send(bedrock, credentials) == 403
    assert len(bedrock.requests) == 1
    await credentials.close()


async def test_static_are_not_searched(bedrock: Fake) -> None:
    bedrock.accounts.clear()

    assert await send(bedrock, made()) == 403
    assert len(bedrock.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "attempt"),
    [
        (403, "AccessDeniedException", 0),
        (429, "", 0),
        (403, "ExpiredTokenException", 1),
    ],
)
async def test_not_worth_it(
    bedrock: Fake, chain: AwsCredentials, status: int, kind: str, attempt: int
) -> None:
    """Neither what is forbidden, nor too much, nor a second time."""
    request = Outbound("POST", URL(bedrock.url), {}, attempt=attempt)
    await chain.sign(request)
    request.answer = {"x-amzn-errortype": f"{kind}:http://x/"}

    assert await chain.refused(request, status, None) is False
    assert bedrock.issued == 1
    await chain.close()


async def test_nobody_answers(
    bedrock: Fake, chain: AwsCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives credentials fails: 503, and it is not asked at once again."""
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    bedrock.failing = True

    for _ in range(3):
        with pytest.raises(ServiceUnavailableError) as caught:
            await send(bedrock, chain)
        assert caught.value.status_code == 503
    asked = bedrock.issued
    with pytest.raises(ServiceUnavailableError):
        await send(bedrock, chain)
    assert bedrock.issued == asked
    await chain.close()


async def test_nothing_found(bedrock: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bedrock.environ.items():
        if "CONTAINER" not in name:
            monkeypatch.setenv(name, value)
    credentials = made(account(Auth(region=REGION)))

    with pytest.raises(AuthenticationError, match="no AWS credentials") as caught:
        await send(bedrock, credentials)
    assert caught.value.code == "missing_credentials"
    await credentials.close()


async def test_unknown_profile(bedrock: Fake, chain: AwsCredentials) -> None:
    credentials = made(account(Auth(region=REGION, profile="nobody")))

    with pytest.raises(
        AuthenticationError, match=r"no such profile: see auth\.profile"
    ):
        await send(bedrock, credentials)
    await credentials.close()


async def test_profile(
    bedrock: Fake, chain: AwsCredentials, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that is named wins over the environment."""
    shared = tmp_path / "credentials"
    shared.write_text(
        f"[lab]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER00000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")

    assert await send(bedrock, made(account(Auth(profile="lab", region=REGION)))) == 200


FAILURES: dict[str, tuple[Exception, type[LLMProxyError], str]] = {
    "refused": (
        ClientError({"Error": {"Code": "AccessDenied", "Message": "arn:1"}}, "x"),
        AuthenticationError,
        "AWS gives no credentials: AccessDenied",
    ),
    "unreachable": (
        EndpointConnectionError(endpoint_url="http://sts.example/"),
        ServiceUnavailableError,
        "EndpointConnectionError",
    ),
    "broken file": (
        ConfigParseError(path="/home/me/.aws/config"),
        AuthenticationError,
        "ConfigParseError",
    ),
}


@pytest.mark.parametrize(("raised", "kind", "said"), FAILURES.values(), ids=FAILURES)
def test_failures(
    raised: Exception,
    kind: type[LLMProxyError],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each tells what went wrong, and nothing of accounts, files and addresses."""

    def fail(session: object) -> None:
        raise raised

    monkeypatch.setattr(Session, "get_credentials", fail)

    with pytest.raises(kind, match=said) as caught:
        found_keys(None, None)
    assert not any(word in str(caught.value) for word in ("arn:1", "sts", "/home"))


async def test_refused_too_often(bedrock: Fake, chain: AwsCredentials) -> None:
    """An account that refuses all does not make us hammer who gives credentials."""
    bedrock.answers = [refusal(403, "ExpiredTokenException", "No.")]

    for _ in range(8):
        assert await send(bedrock, chain) == 403
    assert bedrock.issued < 8
    await chain.close()


async def test_others_meanwhile(bedrock: Fake, chain: AwsCredentials) -> None:
    """Signed with what has been replaced since, a request is simply signed anew."""
    request = Outbound("POST", URL(bedrock.url), {})
    await chain.sign(request)
    bedrock.expire()
    await send(bedrock, chain)

    assert await chain.refused(request, 403, None) is True
    assert bedrock.issued == 2
    await chain.close()


async def test_no_others_to_be_had(
    bedrock: Fake, chain: AwsCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What AWS said of the old ones tells more than that there are no new ones."""
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    await send(bedrock, chain)
    bedrock.expire()
    bedrock.failing = True

    assert await send(bedrock, chain) == 403
    await chain.close()


async def test_search_that_ends_too_late() -> None:
    """What a thread finds when nobody waits any more is dropped."""
    release, ended = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        release.wait(2)
        loop.call_soon_threadsafe(loop.call_soon, ended.set)

    with pytest.raises(ServiceUnavailableError):
        await deadline(work, 0.01)
    release.set()
    await ended.wait()


async def test_search_that_hangs() -> None:
    """It ends by a clock, and nobody waits for its thread."""
    begun = time.monotonic()

    with pytest.raises(ServiceUnavailableError, match="no AWS credentials in 0 s"):
        await deadline(lambda: time.sleep(0.5), 0.05)
    assert time.monotonic() - begun < 0.4


async def test_cancelled_waiter(bedrock: Fake, chain: AwsCredentials) -> None:
    """Who leaves takes nothing from those who still wait."""
    bedrock.slow = 0.1
    first, second = (asyncio.create_task(send(bedrock, chain)) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()

    assert await second == 200
    assert bedrock.issued == 1
    await chain.close()


# -- clocks


@pytest.mark.parametrize("clock", [900.0, -900.0])
async def test_wrong_clock(bedrock: Fake, clock: float) -> None:
    """A clock that is off is corrected by the provider's, once."""
    bedrock.clock = clock
    credentials = made()

    assert await send(bedrock, credentials) == 200
    assert len(bedrock.requests) == 2
    assert await send(bedrock, credentials) == 200
    assert len(bedrock.requests) == 3


async def test_wrong_secret(bedrock: Fake) -> None:
    """A signature that is wrong at the right time is not tried again."""
    auth = evolve(STATIC, secret_access_key=Secret("of-somebody-else"))

    assert await send(bedrock, made(account(auth))) == 403
    assert len(bedrock.requests) == 1


@pytest.mark.parametrize("date", ["", "yesterday"])
async def test_no_date(date: str) -> None:
    credentials = made()
    request = Outbound("POST", URL("http://127.0.0.1/"), {})
    request.answer = {"x-amzn-errortype": "RequestExpired", "Date": date}

    assert await credentials.refused(request, 403, None) is False


# -- secrecy


async def test_secrecy(
    bedrock: Fake, chain: AwsCredentials, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither repr nor log nor error shows what was configured or found."""
    caplog.set_level(logging.DEBUG)
    credentials = made(account(evolve(STATIC, session_token=Secret("my-own-token-1"))))
    request = Outbound("POST", URL(bedrock.url), {})
    await credentials.sign(request)
    await send(bedrock, chain)

    shown = f"{credentials!r} {chain!r} {chain._source!r} {request!r} {caplog.text}"
    for secret in (SECRET, "my-own-token-1", "issued-secret-1", "issued-token-1"):
        assert secret not in shown
        assert secret not in redact(f"AWS said: {secret}.")
    assert "Signature=" not in shown
    await chain.close()
