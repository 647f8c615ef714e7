"""Secrets planted wherever one can be: none of them comes out anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.client import CHAT, Answer, Caller, ask, chat
from tests.process import Gateway, backend, gateway, start
from tests.streams import DONE, data, text_chunk
from tests.upstream import End, Script, Upstream, chunk, head, open_stream, reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

# None is shaped like a key: only being known gives them away. Two have characters
# that are written differently in URLs and in JSON.
PLANTED = {
    "key": "planted-backend-key-aaaa",
    "header": 'planted "header" value\\bbbb',
    "proxy": "planted/proxy+password=cccc",
    "extra": "planted-extra-token-ffff",
    "caller": "planted-caller-key-dddd",
    "admin": "planted-admin-key-eeee",
}
RIGHT = {"authorization": f"Bearer {PLANTED['caller']}"}
Planted: TypeAlias = tuple[Gateway, Upstream]
SHAPED = "sk-proj-0123456789abcdefABCDEF"


def spellings(secret: str) -> set[str]:
    return {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        b64encode(secret.encode()).decode(),
        b64encode(f"user:{secret}".encode()).decode(),
    }


def assert_clean(text: str, *, but: tuple[str, ...] = ()) -> None:
    for name, secret in PLANTED.items():
        if name not in but:
            found = [s for s in spellings(secret) if s in text]
            assert not found, (name, text[:3000])


def config(url: str) -> dict[str, Any]:
    dead = quote(PLANTED["proxy"], safe="")
    members: dict[str, Any] = {
        "api_key": PLANTED["key"],
        "headers": {"X-Team": PLANTED["header"]},
    }
    return {
        "server": {
            "api_keys": [PLANTED["caller"]],
            "admin_keys": [PLANTED["admin"]],
        },
        "log": {"level": "debug"},
        "backends": {
            "up": backend(url, **members),
            "curious": backend(url, **{**members, "models": []}),
            "proxied": backend(url, **members, proxy=f"http://user:{dead}@127.0.0.1:9"),
            "refused": backend("http://127.0.0.1:9/v1", **members),
            "nowhere": backend("http://nowhere.invalid/v1", **members),
            "demo": {"extra": {"api_token": PLANTED["extra"]}},
        },
        "default_backend": "up",
    }


def quoted(kind: str) -> str:
    """Return all that an upstream knows of us, as it might quote it."""
    known = [PLANTED["key"], PLANTED["header"]]
    if kind == "url":
        known = [quote(value, safe="") for value in known]
    return f"Incorrect key: {' and '.join(known)} or {SHAPED}"


SCRIPTS: dict[str, Script] = {
    "error body": reply(
        {"error": {"message": quoted("plain"), "code": "invalid_api_key"}}, 401
    ),
    "error in words": reply(quoted("plain").encode(), 500, {"content-type": "text/x"}),
    "error with URL": reply({"error": {"message": quoted("url")}}, 400),
    "error in a code": reply({"error": {"message": "no", "code": PLANTED["key"]}}, 403),
    "error as first frame": [
        *open_stream(data({"error": {"message": quoted("plain")}})),
        chunk(b""),
    ],
    "error in the middle": [
        *open_stream(
            text_chunk("a"), data({"error": {"message": quoted("plain")}}), DONE
        ),
        chunk(b""),
    ],
    "redirect": reply(b"", 302, {"location": f"http://x/?key={PLANTED['key']}"}),
    "request id": reply(
        {"choices": []}, 200, {"x-request-id": PLANTED["key"], "cf-ray": SHAPED}
    ),
    "garbage": [f"SSH-2.0 {PLANTED['key']}\r\n\r\n".encode(), End.FIN],
    "bad header": [
        b"HTTP/1.1 200 OK\r\n" + PLANTED["key"].encode() + b"\r\n\r\n",
        End.FIN,
    ],
    "bad chunk": [
        head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        + PLANTED["key"].encode()
        + b"\r\n",
        End.FIN,
    ],
    "not JSON": reply(PLANTED["key"].encode()),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted() -> AsyncIterator[Planted]:
    async with Upstream(reply({"choices": []})) as up, gateway(config(up.url)) as g:
        yield g, up


def everything(answer: Answer) -> str:
    return json.dumps(answer.headers) + answer.body.decode("utf-8", "replace")


async def test_whatever_the_upstream_says(planted: Planted) -> None:
    """It may quote our key back; neither caller nor log nor feed gets to see it."""
    g, up = planted
    async with Caller(g.port) as feed:
        await feed.send(path="/admin/events", method="GET")
        await feed.head()
        answers = {}
        for name, script in SCRIPTS.items():
            for streaming in (True, False):
                up.scripts["case"] = script
                body = chat("case", stream=streaming)
                answers[name, streaming] = await ask(g.port, body, headers=RIGHT)
        fed = b""
        with contextlib.suppress(TimeoutError):
            while fed.count(b"exchange.done") < len(answers):
                fed += await feed.piece(3)

    assert fed.count(b"event: exchange.done") == len(answers)
    for (name, streaming), answer in answers.items():
        assert answer.status != 200 or name in ("request id", "error in the middle")
        # What has a status of 200 passes as it is, an error in the middle as well.
        if answer.status != 200:
            assert_clean(f"{name}, {streaming}: {everything(answer)}")
    assert_clean(fed.decode())
    assert_clean("".join(g.text))
    assert SHAPED not in "".join(g.text)


@pytest.mark.parametrize("name", ["proxied", "refused", "nowhere", "curious", "demo"])
async def test_backends_that_fail(planted: Planted, name: str) -> None:
    """What cannot be reached is told without how it would have been reached."""
    g, _ = planted
    answer = await ask(g.port, chat(model=f"{name}:m1", stream=False), headers=RIGHT)
    await asyncio.sleep(0.1)

    assert_clean(everything(answer))
    assert_clean("".join(g.text))


async def test_whatever_the_caller_says(planted: Planted) -> None:
    """Keys in the wrong place: in the path, the query, the model, the body."""
    secret = PLANTED["caller"]
    g, _ = planted
    answers = [
        await ask(g.port, path=f"/v1/{SHAPED}?api_key={secret}", method="GET"),
        await ask(g.port, chat(), f"{CHAT}?key={secret}", headers=RIGHT),
        await ask(g.port, chat(model=f"nobody:{SHAPED}"), headers=RIGHT),
        await ask(g.port, b'{"model": "' + SHAPED.encode(), headers=RIGHT),
        await ask(g.port, chat(), headers={"authorization": f"Basic {secret}"}),
        await ask(g.port, chat(), headers={"x-api-key": secret[:-1]}),
        await ask(g.port, chat(), headers={**RIGHT, "x-request-id": SHAPED}),
    ]
    async with Caller(g.port) as caller:
        caller.writer.write(f"NONSENSE {secret}\r\n\r\n".encode())
        answers.append(await caller.answer())
    async with Caller(g.port) as caller:
        caller.writer.write(b"GET / HTTP/1.1\r\n" + secret.encode() + b"\r\n\r\n")
        answers.append(await caller.answer())

    said = "".join(g.text)
    assert_clean(said)
    assert SHAPED not in said
    for answer in answers:
        assert_clean(everything(answer))


async def test_status_and_lists(planted: Planted) -> None:
    """No page of our own shows one, the admin's included."""
    g, _ = planted
    for path in ("/admin/status", "/v1/models", "/version", "/livez", "/"):
        answer = await ask(g.port, path=path, method="GET", headers=RIGHT)
        assert answer.status == 200
        assert_clean(everything(answer))


async def test_what_the_system_shows(planted: Planted) -> None:
    """
    Not in what other users of the machine can see: the command line.

    Nor on a port that is taken, when the whole file has been read in vain.
    """
    g, _ = planted
    assert_clean(Path(f"/proc/{g.pid}/cmdline").read_text("utf-8"))
    env = {"OPENAI_API_KEY": PLANTED["key"]}
    second = await start("serve", "--listen", f"127.0.0.1:{g.port}", env=env)
    assert await second.exit_code() == 1

    assert_clean("".join(second.text))


async def test_key_from_the_environment() -> None:
    """The provider's own variable is as secret as the file's word."""
    env = {"OPENAI_API_KEY": PLANTED["key"]}
    async with Upstream(SCRIPTS["error body"]) as up:
        settings = {
            "backends": {"openai": {"api_base_url": up.url, "models": ["m1"]}},
            "default_backend": "openai",
        }
        async with gateway(settings, env=env) as g:
            answer = await ask(g.port, chat(model="openai:m1", stream=False))

    sent = up.requests[0].header("authorization")
    assert sent == f"Bearer {PLANTED['key']}"
    # It is not known to the upstream: the rest is its own imagination.
    assert_clean(everything(answer), but=("header",))
    assert_clean("".join(g.text), but=("header",))
