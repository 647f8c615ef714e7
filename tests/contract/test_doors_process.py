"""
Who comes in where, with which key, and in which words anybody is turned away.

Through the real process: credentials and paths are read in several places of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import frozen

from tests.client import Answer, Caller, ask
from tests.process import UPSTREAM_KEY, gateway
from tests.upstream import Upstream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.process import Gateway
    from tests.upstream import Request

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "gw-caller-0123456789abcdef"
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
GEMINI = "/v1beta/models/gem:g1:generateContent"
PATHS = {
    "openai_chat": CHAT,
    "openai_responses": RESPONSES,
    "anthropic": MESSAGES,
    "gemini": GEMINI,
}
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "chat:m1", "messages": []},
    RESPONSES: {"model": "resp:m1", "input": "hi"},
    MESSAGES: {"model": "claude:m1", "max_tokens": 9, "messages": []},
    GEMINI: {"contents": []},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "chat": {"id": "c", "object": "chat.completion", "choices": []},
    "responses": {"id": "resp_1", "object": "response", "status": "completed"},
    "messages": {"id": "m", "type": "message", "content": []},
    "models": {"candidates": []},
}
BEARER = {"authorization": f"Bearer {KEY}"}


def answered(request: Request) -> Any:
    (kind,) = [name for name in ANSWERS if f"/{name}" in request.path]
    if "alt=sse" in request.path:
        return stream([b'data: {"candidates": []}\r\n\r\n'])
    return reply(ANSWERS[kind])


@frozen
class Stage:
    upstream: Upstream
    gateway: Gateway

    async def ask(self, path: str, body: Any = None, **more: Any) -> Answer:
        body = BODIES.get(path.partition("?")[0]) if body is None else body
        return await ask(self.gateway.port, body, path, **more)

    def last(self) -> Request:
        return self.upstream.requests[-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    file = tmp_path_factory.mktemp("state") / "responses.sqlite"
    async with Upstream(answered) as upstream:
        root = upstream.url.removesuffix("/v1")
        common = {"api_base_url": root, "api_key": UPSTREAM_KEY}
        config = {
            "server": {"api_keys": [KEY], "max_body": "64KiB"},
            "backends": {
                "chat": {"type": "openai-compatible", "models": ["m1"], **common},
                "resp": {
                    "type": "openai-compatible",
                    "models": ["m1"],
                    "extra": {"speaks": ["openai_responses"]},
                    **common,
                },
                "claude": {"type": "anthropic", "models": ["m1", "m2"], **common},
                "gem": {"type": "gemini", "models": ["g1"], **common},
            },
            "routes": [
                {"model": "alias-gem", "to": "gem:g1"},
                {"model": "alias-claude", "to": "claude:m2"},
            ],
            "responses": {"file": str(file)},
        }
        async with gateway(config) as running:
            yield Stage(upstream, running)


def shape(answer: Answer) -> str:
    """Return whose form of an error this is."""
    members = answer.json
    if members.get("type") == "error":
        return "anthropic"
    return "gemini" if "status" in members["error"] else "openai"


EXPECTED = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
}


# -- keys


@pytest.mark.parametrize("path", PATHS.values())
@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"x-api-key": KEY},
        {"api-key": KEY},
        {"x-goog-api-key": KEY},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_key(stage: Stage, path: str, headers: dict[str, str]) -> None:
    """Wherever an SDK puts it; what goes on is the backend's own."""
    answer = await stage.ask(path, headers=headers)

    assert answer.status == 200
    sent = stage.last()
    assert KEY not in f"{sent.path} {sent.headers} {sent.body!r}"
    assert UPSTREAM_KEY in str(sent.headers)


@pytest.mark.parametrize("path", PATHS.values())
async def test_key_in_the_query(stage: Stage, path: str) -> None:
    """It is not passed on and it is in no line of the log."""
    answer = await stage.ask(f"{path}?key={KEY}")

    assert answer.status == 200
    assert "key=" not in stage.last().path
    assert KEY not in "".join(stage.gateway.text)


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("key", [None, "wrong-key-123456"])
async def test_no_key(stage: Stage, dialect: str, key: str | None) -> None:
    headers = {"x-api-key": key} if key else {}

    answer = await stage.ask(PATHS[dialect], headers=headers)

    assert answer.status == 401
    assert shape(answer) == EXPECTED[dialect]


# -- what is wrong is said in the caller's dialect


@pytest.mark.parametrize("dialect", PATHS)
async def test_not_json(stage: Stage, dialect: str) -> None:
    answer = await stage.ask(PATHS[dialect], b'{"model": ', headers=BEARER)

    assert answer.status in (200, 400)
    if dialect != "gemini":  # whose body only the backend needs to read
        assert shape(answer) == EXPECTED[dialect]


@pytest.mark.parametrize("dialect", PATHS)
async def test_too_large(stage: Stage, dialect: str) -> None:
    answer = await stage.ask(PATHS[dialect], b" " * 70_000, headers=BEARER)

    assert answer.status == 413
    assert shape(answer) == EXPECTED[dialect]


@pytest.mark.parametrize("dialect", PATHS)
async def test_unknown_model(stage: Stage, dialect: str) -> None:
    path = PATHS[dialect].replace("gem:g1", "gem:g2")
    body = {**BODIES[PATHS[dialect]], "model": "claude:m9"}

    answer = await stage.ask(path, body, headers=BEARER)

    assert answer.status == 404
    assert shape(answer) == EXPECTED[dialect]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages", "anthropic"),
        ("/anthropic/v1/messages/count_tokens", "anthropic"),
        ("/v1beta/models/gem:g1:generateContent", "gemini"),
        ("/v1/models/gem:g1:countTokens", "gemini"),
        ("/v1/chat/completions", "openai"),
        ("/v1/responses", "openai"),
    ],
)
async def test_wrong_method(stage: Stage, path: str, expected: str) -> None:
    answer = await stage.ask(path, b"", method="PUT", headers=BEARER)

    assert answer.status == 405
    assert "POST" in (answer.header("allow") or "")
    assert shape(answer) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages/batches", "anthropic"),
        ("/anthropic/v2/messages", "anthropic"),
        ("/v1beta/models/g:predict", "gemini"),
        ("/v1beta/files", "gemini"),
        ("/v1/audio/speech", "openai"),
    ],
)
async def test_nothing_there(stage: Stage, path: str, expected: str) -> None:
    answer = await stage.ask(path, b"{}", headers=BEARER)

    assert answer.status == 404
    assert shape(answer) == expected


@pytest.mark.parametrize("dialect", PATHS)
async def test_malformed_http(stage: Stage, dialect: str) -> None:
    """A broken body of a request whose path is known."""
    head = {"content-length": "5", "transfer-encoding": "chunked", **BEARER}

    async with Caller(stage.gateway.port) as caller:
        await caller.send_head(PATHS[dialect], headers=head)
        answer = await caller.answer()

    assert answer.status == 400
    assert isinstance(json.loads(answer.body)["error"]["message"], str)


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/v1/embeddings", {"model": "claude:m1", "input": "hi"}),
        ("/v1/completions", {"model": "claude:m1", "prompt": "hi"}),
        ("/v1/completions", {"model": "gem:g1", "prompt": "hi"}),
    ],
)
async def test_not_offered(stage: Stage, path: str, members: dict[str, str]) -> None:
    answer = await stage.ask(path, members, headers=BEARER)

    assert answer.status == 404
    assert answer.error["code"] == "unsupported_operation"
    assert path.rpartition("/")[2] in answer.error["message"]


# -- what passes


@pytest.mark.parametrize("prefix", ["/v1", "", "/anthropic/v1", "/anthropic"])
async def test_messages(stage: Stage, prefix: str) -> None:
    """Headers and query of Anthropic's own pass, the version is there anyway."""
    given = {"x-api-key": KEY, "anthropic-beta": "b1,b2", "x-stainless-lang": "python"}
    body = {**BODIES[MESSAGES], "model": "alias-claude", "unknown": 1}

    answer = await stage.ask(
        f"{prefix}/messages?beta=true&key=1&x=2", body, headers=given
    )

    assert answer.status == 200
    sent = stage.last()
    assert sent.path == "/v1/messages?beta=true"
    assert sent.json == {**body, "model": "m2"}
    assert sent.header("anthropic-beta") == "b1,b2"
    assert sent.header("anthropic-version") == "2023-06-01"
    assert sent.header("x-api-key") == UPSTREAM_KEY
    assert sent.header("authorization") is None
    assert sent.header("x-stainless-lang") is None
    assert answer.header("request-id") == answer.header("x-request-id")


async def test_version_of_the_caller(stage: Stage) -> None:
    given = {"x-api-key": KEY, "anthropic-version": "2099-01-01"}

    await stage.ask(MESSAGES, headers=given)

    assert stage.last().header("anthropic-version") == "2099-01-01"


@pytest.mark.parametrize("version", ["v1beta", "v1"])
@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("alias-gem:generateContent", "g1:generateContent"),
        ("gem:g1:generateContent", "g1:generateContent"),
        ("gem%3Ag1%3AgenerateContent?alt=sse", "g1:generateContent"),
        ("gem:g1:streamGenerateContent", "g1:streamGenerateContent"),
        (
            "gem:g1:streamGenerateContent?key=k&alt=sse",
            "g1:streamGenerateContent?alt=sse",
        ),
        ("gem:g1:countTokens", "g1:countTokens"),
        ("gem:g1:embedContent", "g1:embedContent"),
        ("gem:g1:batchEmbedContents", "g1:batchEmbedContents"),
    ],
)
async def test_gemini_paths(stage: Stage, version: str, said: str, sent: str) -> None:
    """The model is in the path, and so is what is wanted of it."""
    given = {"x-goog-api-key": KEY}

    answer = await stage.ask(f"/{version}/models/{said}", {"a": 1}, headers=given)

    assert answer.status == 200
    last = stage.last()
    assert last.path == f"/v1beta/models/{sent}"
    assert last.json == {"a": 1}
    assert last.header("x-goog-api-key") == UPSTREAM_KEY


async def test_streams_keep_their_type(stage: Stage) -> None:
    """An upstream's own words for what it sends pass with it."""
    said = {"content-type": "text/event-stream;charset=utf-8"}
    event = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
    stage.upstream.scripts["typed"] = stream([event], said)
    body = {**BODIES[MESSAGES], "stream": True, "user": "typed"}

    answer = await stage.ask(MESSAGES, body, headers=BEARER)

    assert answer.header("content-type") == said["content-type"]
    assert answer.body == event


# -- which models there are


NAMES = ["alias-gem", "alias-claude", "chat:m1", "resp:m1"]
NAMES += ["claude:m1", "claude:m2", "gem:g1"]


async def test_models_of_openai(stage: Stage) -> None:
    answer = await stage.ask("/v1/models", b"", method="GET", headers=BEARER)

    assert [row["id"] for row in answer.json["data"]] == NAMES
    assert answer.json["object"] == "list"


async def test_models_of_anthropic(stage: Stage) -> None:
    """Page by page, as the SDK asks."""
    given = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}

    first = await stage.ask("/v1/models?limit=4", b"", method="GET", headers=given)
    rest = await stage.ask(
        f"/v1/models?limit=4&after_id={first.json['last_id']}",
        b"",
        method="GET",
        headers=given,
    )
    one = await stage.ask("/v1/models/claude:m2", b"", method="GET", headers=given)

    rows = [*first.json["data"], *rest.json["data"]]
    assert [row["id"] for row in rows] == NAMES
    assert (first.json["has_more"], rest.json["has_more"]) == (True, False)
    assert one.json["type"] == "model"


async def test_models_of_gemini(stage: Stage) -> None:
    given = {"x-goog-api-key": KEY}

    answer = await stage.ask("/v1beta/models", b"", method="GET", headers=given)
    one = await stage.ask(
        "/v1beta/models/gem:g1?key=x", b"", method="GET", headers=given
    )
    none = await stage.ask("/v1beta/models/gem:g9", b"", method="GET", headers=given)

    assert [row["name"] for row in answer.json["models"]] == [
        f"models/{name}" for name in NAMES
    ]
    assert one.json["name"] == "models/gem:g1"
    assert none.status == 404
    assert shape(none) == "gemini"


async def test_models_need_a_key(stage: Stage) -> None:
    answer = await stage.ask("/v1beta/models", b"", method="GET")

    assert answer.status == 401
    assert shape(answer) == "gemini"
