"""Pages of other origins: which may call, and what they may read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.client import CHAT, Answer, Caller, ask, chat
from tests.process import config_for, gateway
from tests.stage import Stage
from tests.streams import chat_stream, text_chunk
from tests.upstream import JSON_HEADERS, Script, Upstream, open_stream, reply, stream

pytestmark = pytest.mark.asyncio(loop_scope="module")

APP = "https://app.example.com"
EVIL = "https://evil.example"
KEY = "caller-key-0123456789"
RIGHT = {"authorization": f"Bearer {KEY}"}
WHOLE = {"choices": [{"index": 0, "finish_reason": "stop"}]}
LOCAL = [
    "http://localhost:3000",
    "http://127.0.0.1",
    "https://127.0.0.1:8443",
    "http://[::1]:5173",
    "http://app.localhost:8000",
]
FOREIGN = [
    EVIL,
    "null",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example:8080",
    "http://10.0.0.1",
    "http://notlocalhost",
    "http://user@evil.example",
    "file://",
    "chrome-extension://abcdef",
    "http://[bad",
    "",
]
ALLOW = "access-control-allow-origin"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keyed() -> AsyncIterator[Stage]:
    """A gateway with keys, and one allowed origin."""
    server = {"api_keys": [KEY], "cors_origins": [APP]}
    async with Upstream() as up, gateway(config_for(up.url, server=server)) as g:
        yield Stage(up, g)


def assert_readable(headers: Mapping[str, str], origin: str) -> None:
    assert headers[ALLOW] == origin
    assert "origin" in headers.get("vary", "").lower()
    exposed = headers["access-control-expose-headers"].lower()
    assert {"x-request-id", "retry-after"} <= set(exposed.split(", "))
    # Nothing here hangs on cookies.
    assert "access-control-allow-credentials" not in headers


async def answered(stage: Stage, script: Script, origin: str, **given: Any) -> Answer:
    case = stage.add(script)
    body = chat(case, stream=given.pop("stream", False))
    headers = {"origin": origin, **given.pop("headers", {})}
    return await ask(stage.gateway.port, body, headers=headers)


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/chat/completions", "/x"])
async def test_preflight(keyed: Stage, path: str) -> None:
    """The browser's question is answered without a key, for an allowed origin."""
    asked = {
        "origin": APP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-os",
    }

    answer = await ask(keyed.gateway.port, path=path, method="OPTIONS", headers=asked)

    told = dict(answer.headers)
    assert answer.status == 204
    assert told[ALLOW] == APP
    assert "POST" in told["access-control-allow-methods"]
    allowed = told["access-control-allow-headers"].lower()
    assert {"authorization", "content-type", "x-stainless-os"} <= set(
        allowed.replace(" ", "").split(",")
    )
    assert int(told["access-control-max-age"]) > 0


@pytest.mark.parametrize("origin", FOREIGN)
async def test_preflight_of_a_foreign_page(keyed: Stage, origin: str) -> None:
    """No permission in the answer, so the browser does not send the request."""
    asked = {"origin": origin, "access-control-request-method": "POST"}

    answer = await ask(keyed.gateway.port, path=CHAT, method="OPTIONS", headers=asked)

    assert answer.header(ALLOW) is None
    assert answer.status < 500


async def test_allowed_origin(keyed: Stage) -> None:
    answer = await answered(keyed, reply(WHOLE), APP, headers=RIGHT)

    assert answer.status == 200
    assert_readable(dict(answer.headers), APP)


async def test_errors_can_be_read(keyed: Stage) -> None:
    """A page that cannot read why it failed shows "network error" to its user."""
    limited = reply({"error": {}}, 429, {**JSON_HEADERS, "retry-after": "7"})
    answers = {
        401: await answered(keyed, reply(WHOLE), APP),
        429: await answered(keyed, limited, APP, headers=RIGHT),
        404: await ask(
            keyed.gateway.port,
            chat(model="nobody:x"),
            headers={"origin": APP, **RIGHT},
        ),
        400: await ask(keyed.gateway.port, b"{", headers={"origin": APP, **RIGHT}),
        405: await ask(
            keyed.gateway.port, path=CHAT, method="GET", headers={"origin": APP}
        ),
    }

    for status, answer in answers.items():
        assert answer.status == status
        assert_readable(dict(answer.headers), APP)
    assert answers[429].header("retry-after") == "7"


async def test_stream(keyed: Stage) -> None:
    """The permission is in the head, which is there before the second event."""
    go_on = asyncio.Event()
    script: Script = [*open_stream(text_chunk("a")), go_on]
    case = keyed.add(script)
    async with Caller(keyed.gateway.port) as caller:
        await caller.send(chat(case), headers={"origin": APP, **RIGHT})
        status, headers = await caller.head(2)

    assert status == 200
    assert_readable(dict(headers), APP)


async def test_broken_stream(keyed: Stage) -> None:
    answer = await answered(
        keyed, stream(chat_stream()[:1]), APP, stream=True, headers=RIGHT
    )

    assert answer.status == 200
    assert_readable(dict(answer.headers), APP)


@pytest.mark.parametrize("origin", [EVIL, "http://localhost:3000"])
async def test_foreign_page_with_a_key(keyed: Stage, origin: str) -> None:
    """It is served, as any caller with a key, but the browser hides the answer."""
    answer = await answered(keyed, reply(WHOLE), origin, headers=RIGHT)

    assert answer.status == 200
    assert answer.header(ALLOW) is None


@pytest.mark.parametrize("origin", LOCAL)
async def test_local_page_without_keys(stage: Stage, origin: str) -> None:
    """A page that is being developed on this machine may call, and read."""
    whole = await answered(stage, reply(WHOLE), origin)
    streamed = await answered(stage, stream(chat_stream()), origin, stream=True)

    for answer in (whole, streamed):
        assert answer.status == 200
        assert_readable(dict(answer.headers), origin)


@pytest.mark.parametrize("origin", FOREIGN)
async def test_foreign_page_without_keys(stage: Stage, origin: str) -> None:
    """Or else any page in the user's browser could spend their money."""
    before = len(stage.upstream.requests)

    # A "simple" request, which no browser asks about first.
    answer = await answered(
        stage, reply(WHOLE), origin, headers={"content-type": "text/plain"}
    )

    assert answer.status == 403
    assert answer.error["code"] == "origin_not_allowed"
    assert answer.header(ALLOW) is None
    assert len(stage.upstream.requests) == before


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/m1"])
async def test_foreign_page_reads_no_models(stage: Stage, path: str) -> None:
    answer = await ask(
        stage.gateway.port, path=path, method="GET", headers={"origin": EVIL}
    )

    assert answer.status == 403
    assert answer.header(ALLOW) is None


@pytest.mark.parametrize("keys", [[], [KEY]])
async def test_every_page(keys: list[str]) -> None:
    """``*`` lets in the pages of all origins, each by its own name."""
    server = {"api_keys": keys, "cors_origins": ["*"]}
    async with (
        Upstream() as up,
        gateway(config_for(up.url, server=server)) as g,
    ):
        for origin in (APP, EVIL, "http://localhost:3000", "null"):
            answer = await answered(Stage(up, g), reply(WHOLE), origin, headers=RIGHT)
            assert answer.status == 200
            assert_readable(dict(answer.headers), origin)
