"""
A fake Bedrock: real event-stream messages, and signatures checked as AWS checks them.

botocore computes the signature anew from what arrived: the raw path, the headers that
are named as signed, the body. It also plays a container's credentials endpoint, of
which botocore's search asks.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
and https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

from aiohttp import web
from attrs import Factory, define, field, frozen
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from gateway.wire.eventstream import CONTENT_TYPE

REGION = "eu-central-1"
KEY_ID, SECRET = "AKIAFAKE0123456789AB", "c2VjcmV0LW9mLXRoZS1mYWtlLWFjY291bnQ+/x"
API_KEY = "bedrock-api-key-YWJjZGVmZ2hpamts"
TYPES = "http://internal.amazon.com/coral/com.amazon.bedrock/"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


@frozen
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@frozen
class Answer:
    """
    Attributes:
        pieces: of the body, each written by itself.
        hang: the stream stays open until the client goes.
        cut: the connection breaks off behind the last piece.
    """

    status: int = 200
    pieces: tuple[bytes, ...] = ()
    headers: dict[str, str] = Factory(dict)
    hang: bool = False
    cut: bool = False


def stream(*pieces: bytes, hang: bool = False, cut: bool = False) -> Answer:
    return Answer(200, pieces, {"Content-Type": CONTENT_TYPE}, hang, cut)


def whole(value: Any, **headers: str) -> Answer:
    body = json.dumps(value).encode()
    return Answer(200, (body,), {"Content-Type": "application/json", **headers})


def refusal(status: int, kind: str, message: str, **headers: str) -> Answer:
    """Return an error as AWS words it."""
    body = json.dumps({"message": message}).encode()
    named = {"x-amzn-errortype": f"{kind}:{TYPES}", "x-amzn-requestid": "req-fake-1"}
    return Answer(
        status, (body,), {"Content-Type": "application/json", **named, **headers}
    )


@define
class Fake:
    """
    Attributes:
        accounts: access key id to secret and session token.
        answers: given in turn; the last one again and again.
        clock: how far this server's clock is ahead, in seconds.
        lifetime: of the credentials that a container gets, in seconds.
        issued: how often it asked for them; each time it gets others.
        slow: how long that takes.
        open: how many answers are being written.
    """

    accounts: dict[str, tuple[str, str | None]] = field(
        factory=lambda: {KEY_ID: (SECRET, None)}
    )
    answers: list[Answer] = Factory(list)
    clock: float = 0.0
    lifetime: float = 3600.0
    issued: int = 0
    slow: float = 0.0
    failing: bool = False
    requests: list[Received] = Factory(list)
    open: int = 0
    closed: asyncio.Event = Factory(asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """An environment in which a container's credentials are all there is."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token-of-the-container",
            "AWS_CONFIG_FILE": "/nonexistent/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": REGION,
        }

    def expire(self) -> None:
        """End all credentials that were issued."""
        self.accounts = {KEY_ID: self.accounts[KEY_ID]}

    async def credentials(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "token-of-the-container"
        await asyncio.sleep(self.slow)
        self.issued += 1
        if self.failing:
            return web.Response(status=500)
        known, secret = f"ASIAISSUED{self.issued:010d}", f"issued-secret-{self.issued}"
        token = f"issued-token-{self.issued}"
        self.accounts[known] = (secret, token)
        end = datetime.now(UTC) + timedelta(seconds=self.lifetime)
        members = {"AccessKeyId": known, "SecretAccessKey": secret, "Token": token}
        stamp = end.strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.json_response({**members, "Expiration": stamp})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        received = Received(
            request.raw_path,
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        self.requests.append(received)
        answer = self._refused(received) or self._next()
        headers = {"Date": formatdate(time.time() + self.clock, usegmt=True)}
        response = web.StreamResponse(
            status=answer.status, headers={**headers, **answer.headers}
        )
        self.open += 1
        try:
            await self._write(request, response, answer)
        finally:
            self.open -= 1
            self.closed.set()
        return response

    async def _write(
        self, request: web.Request, response: web.StreamResponse, answer: Answer
    ) -> None:
        await response.prepare(request)
        for piece in answer.pieces:
            await response.write(piece)
        if answer.hang:
            await asyncio.Event().wait()
        if answer.cut and request.transport is not None:
            request.transport.abort()

    def _next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _refused(self, received: Received) -> Answer | None:
        authorization = received.headers.get("authorization", "")
        if authorization == f"Bearer {API_KEY}":
            return None
        match = _AUTHORIZATION.fullmatch(authorization)
        if match is None:
            what = "Missing Authentication Token"
            return refusal(403, "MissingAuthenticationTokenException", what)
        known, _, region, service, names, signature = match.groups()
        secret, token = self.accounts.get(known, (None, None))
        if secret is None or received.headers.get("x-amz-security-token") != token:
            what = "The security token included in the request is expired"
            return refusal(403, "ExpiredTokenException", what)
        stamp = received.headers["x-amz-date"]
        if not self._timely(stamp):
            what = f"Signature not yet current: {stamp} is still later than ..."
            return refusal(403, "InvalidSignatureException", what)
        signer = SigV4Auth(ReadOnlyCredentials(known, secret, token), service, region)
        expected = _signature(signer, received, names.split(";"), stamp)
        if (expected, region, service) != (signature, REGION, "bedrock"):
            what = (
                "The request signature we calculated does not match the signature you"
                f" provided. The canonical string was {received.headers}"
            )
            return refusal(403, "InvalidSignatureException", what)
        return None

    def _timely(self, stamp: str) -> bool:
        said = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return abs(said.timestamp() - time.time() - self.clock) < 300


def _signature(signer: Any, received: Received, names: list[str], stamp: str) -> str:
    headers = {name: received.headers[name] for name in names if name != "host"}
    url = f"http://{received.headers['host']}{received.path}"
    asked = AWSRequest("POST", url, headers=headers, data=received.body)
    asked.context["timestamp"] = stamp
    text = signer.string_to_sign(asked, signer.canonical_request(asked))
    found: str = signer.signature(text, asked)
    return found


@contextlib.asynccontextmanager
async def fake(*answers: Answer) -> AsyncIterator[Fake]:
    """Serve on a free port of 127.0.0.1."""
    made = Fake(answers=[*answers])
    app = web.Application(client_max_size=2**27)
    app.router.add_get("/credentials", made.credentials)
    app.router.add_route("*", "/{tail:.*}", made.handle)
    runner = web.AppRunner(
        app, handler_cancellation=True, access_log=None, shutdown_timeout=1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()
