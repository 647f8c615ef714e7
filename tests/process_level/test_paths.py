"""What is where: lists of models, health, the page and its files, and the rest."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import gateway as package
from tests.client import ask
from tests.process import config_for, gateway
from tests.upstream import Upstream, reply

if TYPE_CHECKING:
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAGE: dict[str, Any] = {
    "models": ["m1", "org/model-7b", "llama3:8b"],
    "top": {
        "routes": [
            {"model": "fast", "to": "up:m1"},
            {"model": "claude-*", "to": "up:claude-*"},
        ]
    },
}


async def get(stage: Stage, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(stage.gateway.port, path=path, method="GET", headers=named)


async def test_models(stage: Stage) -> None:
    """Aliases and every backend's models, in OpenAI's shape, patterns left out."""
    answer = await get(stage, "/v1/models")

    assert answer.status == 200
    assert answer.json["object"] == "list"
    rows = {row["id"]: row for row in answer.json["data"]}
    assert {"fast", "up:m1", "up:org/model-7b", "up:llama3:8b"} <= set(rows)
    assert not [name for name in rows if "*" in name]
    for row in rows.values():
        assert set(row) == {"id", "object", "created", "owned_by"}
        assert row["object"] == "model"
        assert isinstance(row["created"], int)
    assert rows["fast"]["owned_by"] == rows["up:m1"]["owned_by"] == "up"


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("up:m1", "up:m1"),
        ("up%3Am1", "up:m1"),
        ("m1", "up:m1"),
        ("fast", "fast"),
        ("up:org/model-7b", "up:org/model-7b"),
        ("up:org%2Fmodel-7b", "up:org/model-7b"),
        ("llama3:8b", "up:llama3:8b"),
    ],
)
async def test_one_model(stage: Stage, prefix: str, name: str, listed: str) -> None:
    """With and without its backend, with slashes and colons, quoted or not."""
    answer = await get(stage, f"{prefix}/models/{name}")

    assert answer.status == 200
    assert answer.json["id"] == listed


async def test_unknown_model(stage: Stage) -> None:
    """A 404 in OpenAI's shape that names a close one."""
    answer = await get(stage, "/v1/models/up:m2")

    assert answer.status == 404
    assert answer.error["code"] == "model_not_found"
    assert "up:m1" in answer.error["message"]


async def test_unprefixed_list(stage: Stage) -> None:
    assert (await get(stage, "/models")).json == (await get(stage, "/v1/models")).json


async def test_asked_for_models(tmp_path: object) -> None:
    """Without a list in the file the backend is asked once, with its own key."""
    listed = {"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"no": 1}]}
    async with Upstream(reply(listed)) as up:
        async with gateway(config_for(up.url, models=[])) as g:
            async with asyncio.timeout(5):
                while not (await g.status())["backends"]["up"]["models"]:
                    await asyncio.sleep(0.02)
            for _ in range(3):
                answer = await ask(g.port, path="/v1/models", method="GET")
        asked = [r.path for r in up.requests]

    assert [row["id"] for row in answer.json["data"]] == ["up:a", "up:b"]
    assert asked == ["/v1/models"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/livez", {"status": "ok"}),
        ("/health", {"status": "ok"}),
        ("/readyz", {"status": "ready"}),
        ("/version", {"name": "sluicegate", "version": package.__version__}),
    ],
)
async def test_health(stage: Stage, path: str, said: dict[str, str]) -> None:
    """Cheap, in JSON, and without asking any backend."""
    before = len(stage.upstream.requests)

    answer = await get(stage, path)

    assert answer.status == 200
    assert answer.json == said
    assert answer.header("content-type") == "application/json"
    assert len(stage.upstream.requests) == before


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("HEAD", "/v1/chat/completions", "POST"),
        ("PUT", "/chat/completions", "POST"),
        ("DELETE", "/v1/embeddings", "POST"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/v1/models/up:m1", "GET"),
        ("DELETE", "/v1/models/up:m1", "GET"),
        ("POST", "/livez", "GET"),
        ("POST", "/", "GET"),
        ("PATCH", "/admin/status", "GET"),
    ],
)
async def test_wrong_method(stage: Stage, method: str, path: str, allowed: str) -> None:
    """A 405 says what is allowed, where a client can read it."""
    if method == "HEAD":
        async with (
            aiohttp.ClientSession() as session,
            session.head(stage.gateway.url + path) as head,
        ):
            assert head.status == 405
            assert allowed in head.headers["Allow"]
        return

    answer = await ask(stage.gateway.port, path=path, method=method)

    assert answer.status == 405
    assert allowed in (answer.header("allow") or "")
    assert answer.error["code"] == "method_not_allowed"
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/v1",
        "/v1/",
        "/v1/audio/speech",
        "/web/",
        "/web/nothing.js",
        "//",
        "/%",
    ],
)
async def test_nothing_there(stage: Stage, path: str) -> None:
    """A 404 is an error in the usual shape, with an id."""
    answer = await get(stage, path)

    assert answer.status == 404
    assert answer.error["message"]
    assert answer.header("x-request-id")


@pytest.mark.parametrize(
    "path",
    [
        "/web/../settings.py",
        "/web/..%2fsettings.py",
        "/web/%2e%2e/settings.py",
        "/web//etc/passwd",
        "/web/../../../../../../etc/passwd",
    ],
)
async def test_no_way_out(stage: Stage, path: str) -> None:
    """The files of the page are all that can be had."""
    answer = await get(stage, path)

    assert answer.status in (400, 404)
    assert b"root:" not in answer.body
    assert b"class Server" not in answer.body


async def test_page(stage: Stage) -> None:
    """Nothing inline, nothing from outside, in nobody's frame, no guessed types."""
    answer = await get(stage, "/")

    policy = parsed(answer.header("content-security-policy") or "")
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    for name in ("base-uri", "form-action", "frame-ancestors"):
        assert policy[name] == "'none'"
    assert "unsafe" not in json.dumps(policy)
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert b"http://" not in answer.body.replace(b"http://www.w3.org", b"")
    assert b"https://" not in answer.body
    assert not re.search(rb"<script(?![^>]*src=)|<style|\son\w+=", answer.body)


def parsed(policy: str) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in policy.split(";")]
    return {name: value for name, _, value in parts}


async def test_files_of_the_page(stage: Stage) -> None:
    """Everything that the page and its modules name is there, with its type."""
    page = await get(stage, "/")
    left = set(re.findall(rb'(?:src|href)="(web/[^"]+)"', page.body))
    types = {}
    while left:
        path = "/" + left.pop().decode()
        answer = await get(stage, path)
        assert answer.status == 200, path
        assert answer.header("x-content-type-options") == "nosniff"
        types[path] = answer.header("content-type")
        for name in re.findall(rb'from "\./([^"]+)"', answer.body):
            if f"/web/{name.decode()}" not in types:
                left.add(b"web/" + name)

    assert types["/web/favicon.svg"] == "image/svg+xml"
    assert types["/web/style.css"] == "text/css; charset=utf-8"
    assert len([t for t in types.values() if t and "javascript" in t]) > 3


@pytest.mark.parametrize("path", ["/", "/web/app.js", "/web/favicon.svg"])
async def test_not_modified(stage: Stage, path: str) -> None:
    """
    A browser asks with the tag it has, and gets the file only if it changed.

    A proxy that compresses makes the tag weak; lists are allowed, too.
    """
    first = await get(stage, path)
    tag = first.header("etag")

    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await get(stage, path, if_none_match=asked)
        assert (asked, again.status, again.body) == (asked, 304, b"")
        assert again.header("etag") == tag
    changed = await get(stage, path, if_none_match='"other"')

    assert first.header("cache-control") == "no-cache"
    assert changed.status == 200
    assert changed.body == first.body
