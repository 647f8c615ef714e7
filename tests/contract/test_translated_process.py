"""
Each dialect in front of each protocol, through the real process and real sockets.

What is said in all the ways that a protocol has is the matter of the contracts on
pure code; here it is the way: statuses, headers, cuts, clocks, who is told what.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import frozen

from tests.client import Answer, Caller, ask
from tests.contract.oracle import DIALECTS
from tests.process import gateway
from tests.sdk.scripts.cast import (
    COUNTED,
    PROTOCOLS,
    Cast,
    breaking,
    configured,
    model_of,
    refusing,
    saying,
    streams,
)
from tests.sdk.scripts.said import Call, Said
from tests.streams import frame_data
from tests.upstream import JSON_HEADERS, SSE_HEADERS, End, Pause, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from tests.contract.oracle import Said as Told
    from tests.process import Gateway, Line
    from tests.upstream import Request, Step

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLER_KEY = "sk-caller-0123456789abcdef"
NATIVE = {
    "openai_chat": "chat",
    "openai_responses": "responses",
    "anthropic": "anthropic",
    "gemini": "gemini",
}
BACKENDS = ("chat", "responses", "anthropic", "gemini", "cohere", "ollama")
PAIRS = [(dialect, backend) for dialect in NATIVE for backend in BACKENDS]
FOREIGN = [pair for pair in PAIRS if NATIVE[pair[0]] != pair[1]]
WORDS = ("One, ", "two ", "\u2028 three.")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}

SILENT = End.HANG


@frozen
class Stage:
    cast: Cast
    gateway: Gateway

    async def ask(
        self,
        dialect: str,
        model: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> Answer:
        path, body = asked(dialect, model, **members)
        given = {"authorization": f"Bearer {CALLER_KEY}", **(headers or {})}
        return await ask(self.gateway.port, body, path, headers=given)

    async def done(self, answer: Answer) -> Line:
        name = answer.header("x-request-id")
        assert name is not None
        return await self.gateway.done(name)


def asked(
    dialect: str,
    model: str,
    *,
    streamed: bool = False,
    tools: bool = False,
    **more: Any,
) -> tuple[str, dict[str, Any]]:
    """Return path and body of a question in a dialect."""
    body: dict[str, Any] = {"model": model, "stream": streamed}
    said = {"role": "user", "content": "Hello?"}
    offered: list[dict[str, Any]]
    match dialect:
        case "openai_chat":
            function = {"name": "weather", "parameters": SCHEMA}
            offered = [{"type": "function", "function": function}]
            if streamed:
                body["stream_options"] = {"include_usage": True}
            body |= {"messages": [said]}
        case "openai_responses":
            offered = [{"type": "function", "name": "weather", "parameters": SCHEMA}]
            body |= {"input": "Hello?"}
        case "anthropic":
            offered = [{"name": "weather", "input_schema": SCHEMA}]
            body |= {"messages": [said], "max_tokens": 100}
        case _:
            named = {"name": "weather", "parameters": SCHEMA}
            offered = [{"functionDeclarations": [named]}]
            body = {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}]}
    if tools:
        body["tools"] = offered
    body |= more
    return path_of(dialect, model, streamed=streamed), body


def path_of(dialect: str, model: str, *, streamed: bool) -> str:
    if dialect == "gemini":
        verb = "streamGenerateContent?alt=sse" if streamed else "generateContent"
        return f"/v1beta/models/{model}:{verb}"
    return {
        "openai_chat": "/v1/chat/completions",
        "openai_responses": "/v1/responses",
        "anthropic": "/v1/messages",
    }[dialect]


def heard(dialect: str, answer: Answer, *, streamed: bool) -> Told:
    read = DIALECTS[dialect]
    told: Told = (read.stream if streamed else read.whole)(answer.body)
    return told


def protocol(request: Request) -> ModuleType:
    return PROTOCOLS[request.path.split("/")[1]]


def framed(request: Request) -> Mapping[str, str]:
    return getattr(protocol(request), "NDJSON", SSE_HEADERS)


def said_error(dialect: str, body: bytes) -> dict[str, Any]:
    """Return the error object, having seen that it is the dialect's."""
    members: dict[str, Any] = json.loads(body)
    error: dict[str, Any] = members["error"]
    assert isinstance(error["message"], str)
    match dialect:
        case "anthropic":
            assert members["type"] == "error"
            assert isinstance(error["type"], str)
        case "gemini":
            assert isinstance(error["code"], int)
            assert isinstance(error["status"], str)
        case _:
            assert {"message", "type", "param", "code"} <= set(error)
    return error


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    file: Path = tmp_path_factory.mktemp("state") / "responses.sqlite"
    cast = Cast()
    async with cast.upstream:
        backends = configured(cast.root)
        config = {
            "server": {"api_keys": [CALLER_KEY]},
            "backends": backends,
            "default_backend": "chat",
            "responses": {"file": str(file)},
            "routes": [
                {"model": f"strict-{name}-*", "to": f"{name}:*", "losses": "refuse"}
                for name in backends
            ],
        }
        async with gateway(config) as running:
            yield Stage(cast, running)


# -- what was said is what is heard


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("backend", ["anthropic", "responses"])
async def test_name_of_the_model(stage: Stage, backend: str, streamed: bool) -> None:
    """Anthropic's clients are told the name they asked for, if it is translated."""
    model = stage.cast.model(Said(WORDS))

    answer = await stage.ask("anthropic", f"{backend}:{model}", streamed=streamed)

    asked_for = model if backend == "anthropic" else f"{backend}:{model}"
    assert f'"model":"{asked_for}"'.encode() in answer.body.replace(b": ", b":")
    assert (await stage.done(answer))["upstream_model"] == model


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_text(stage: Stage, dialect: str, backend: str, streamed: bool) -> None:
    model = stage.cast.model(Said(WORDS))

    answer = await stage.ask(dialect, f"{backend}:{model}", streamed=streamed)

    assert answer.status == 200
    assert answer.complete
    told = heard(dialect, answer, streamed=streamed)
    assert told.whole
    (choice,) = told.choices
    assert (choice.text, choice.finish) == ("".join(WORDS), "end")
    assert (told.usage.prompt, told.usage.output) == (21, 8)
    line = await stage.done(answer)
    assert line["front"] == dialect
    assert line["backend"] == backend
    assert line["outcome"] == "completed"
    assert (line["input_tokens"], line["output_tokens"]) == (21, 8)
    (request,) = await stage.cast.requests(model)
    assert streams(request) is streamed
    (question,) = await stage.cast.heard(model)
    assert question.said == [("user", "Hello?")]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_tool_calls(
    stage: Stage, dialect: str, backend: str, streamed: bool
) -> None:
    calls = (
        Call("weather", {"city": "Brno"}, "call_1"),
        Call("weather", {"city": "Praha"}, "call_2"),
    )
    model = stage.cast.model(Said(calls=calls, ending="tools"))

    answer = await stage.ask(
        dialect, f"{backend}:{model}", streamed=streamed, tools=True
    )

    (choice,) = heard(dialect, answer, streamed=streamed).choices
    assert [(call.name, call.arguments) for call in choice.calls] == [
        ("weather", {"city": "Brno"}),
        ("weather", {"city": "Praha"}),
    ]
    assert choice.finish == "tools"
    (request,) = await stage.cast.heard(model)
    assert list(request.tools) == ["weather"]


@pytest.mark.parametrize("backend", BACKENDS)
async def test_array(stage: Stage, backend: str) -> None:
    """Gemini's clients may want one JSON array instead of events."""

    def play(request: Request) -> list[Step]:
        pieces = protocol(request).pieces(Said(WORDS), model_of(request))
        if backend == "gemini":  # who speaks it is asked in the same way
            assert "alt=" not in request.path
            elements = [frame_data(piece) or b"" for piece in pieces]
            pieces = [b"[" + elements[0], *(b",\n" + e for e in elements[1:]), b"]"]
            return stream(pieces, JSON_HEADERS)
        return stream(pieces, framed(request))

    model = stage.cast.model(play)
    path = f"/v1beta/models/{backend}:{model}:streamGenerateContent"
    _, body = asked("gemini", model)
    key = {"x-goog-api-key": CALLER_KEY}

    answer = await ask(stage.gateway.port, body, path, headers=key)

    assert answer.status == 200
    assert (answer.header("content-type") or "").startswith("application/json")
    told = heard("gemini", answer, streamed=True)
    assert told.choices[0].text == "".join(WORDS)
    assert told.whole
    assert isinstance(json.loads(answer.body), list)


# -- what fails


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 529])
@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_refused(
    stage: Stage, dialect: str, backend: str, status: int, streamed: bool
) -> None:
    """Status and words are the upstream's, the form is the client's."""
    given = {"retry-after": "7", "x-request-id": "up-1", "x-ratelimit-limit": "9"}
    model = stage.cast.model(refusing(status, "no such luck", given))

    answer = await stage.ask(dialect, f"{backend}:{model}", streamed=streamed)

    assert answer.status == status
    assert answer.header("content-type") == "application/json"
    assert answer.header("retry-after") == "7"
    assert answer.header("x-upstream-request-id") == "up-1"
    assert answer.header("x-ratelimit-limit") == "9"
    assert said_error(dialect, answer.body)["message"] == "no such luck"
    line = await stage.done(answer)
    assert (line["outcome"], line["status"]) == ("upstream_failed", status)


BREAKS: dict[str, tuple[Any, ...]] = {
    "end": (End.FIN,),
    "reset": (End.RST,),
    "error": ("sudden failure", End.FIN),
    "clean end": (b"0\r\n\r\n",),
    "garbage": (b"7\r\ndata: {\r\n", b"2\r\n\n\n\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_broken(stage: Stage, dialect: str, backend: str, how: str) -> None:
    """Whatever happens in the middle is told in the client's words."""
    if how == "garbage" and NATIVE[dialect] == backend:
        return  # it passes, and the client sees what it is
    model = stage.cast.model(breaking(Said(WORDS), *BREAKS[how]))

    answer = await stage.ask(dialect, f"{backend}:{model}", streamed=True)

    assert answer.status == 200
    assert answer.complete
    told = heard(dialect, answer, streamed=True)
    assert told.error
    assert not told.whole
    assert all(choice.finish == "" for choice in told.choices)
    line = await stage.done(answer)
    failed = (
        {"truncated"} if how in ("end", "reset", "clean end") else {"upstream_failed"}
    )
    assert line["outcome"] in failed


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_error_first(stage: Stage, dialect: str, backend: str) -> None:
    """An answer of 200 that begins with an error gets a status after all."""

    def play(request: Request) -> list[Step]:
        return stream([protocol(request).failure("not today")], framed(request))

    model = stage.cast.model(play)

    answer = await stage.ask(dialect, f"{backend}:{model}", streamed=True)

    assert answer.status >= 400
    assert said_error(dialect, answer.body)["message"] == "not today"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_malformed_whole(
    stage: Stage, dialect: str, backend: str, streamed: bool
) -> None:
    """What is no JSON, or not all of it, is no answer."""
    model = stage.cast.model(lambda _: reply(b'{"id": "x", "cho'))

    answer = await stage.ask(dialect, f"{backend}:{model}", streamed=streamed)

    assert answer.status == 502
    said_error(dialect, answer.body)


@pytest.mark.parametrize(("dialect", "backend"), FOREIGN)
async def test_other_shape(stage: Stage, dialect: str, backend: str) -> None:
    """JSON that is no answer of the protocol is none."""
    model = stage.cast.model(lambda _: reply({"hello": ["world"]}))

    answer = await stage.ask(dialect, f"{backend}:{model}")

    assert answer.status == 502
    said_error(dialect, answer.body)


# -- only one side streams


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_answered_in_one_piece(stage: Stage, dialect: str, backend: str) -> None:
    """Who asked for a stream gets one, though the upstream does not stream."""
    if backend == "ollama":
        return  # a line of JSON is a stream there

    def play(request: Request) -> list[Step]:
        return reply(protocol(request).whole(Said(WORDS), model_of(request)))

    model = stage.cast.model(play)

    answer = await stage.ask(dialect, f"{backend}:{model}", streamed=True)

    told = heard(dialect, answer, streamed=True)
    assert told.whole
    assert told.choices[0].text == "".join(WORDS)


@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_streamed_unasked(stage: Stage, dialect: str, backend: str) -> None:
    """And who did not ask for one gets a whole answer."""
    if backend == "ollama":
        return

    def play(request: Request) -> list[Step]:
        pieces = protocol(request).pieces(Said(WORDS), model_of(request))
        return stream(pieces, framed(request))

    model = stage.cast.model(play)

    answer = await stage.ask(dialect, f"{backend}:{model}")

    assert answer.status == 200
    told = heard(dialect, answer, streamed=False)
    assert told.choices[0].text == "".join(WORDS)
    assert (told.usage.prompt, told.usage.output) == (21, 8)


# -- who leaves


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("dialect", "backend"), PAIRS)
async def test_leaving_frees_the_upstream(
    stage: Stage, dialect: str, backend: str, streamed: bool
) -> None:
    model = stage.cast.model(
        breaking(Said(WORDS), SILENT) if streamed else lambda _: [Pause(9)]
    )
    path, body = asked(dialect, f"{backend}:{model}", streamed=streamed)
    given = {"authorization": f"Bearer {CALLER_KEY}", "x-request-id": f"left-{model}"}

    async with Caller(stage.gateway.port) as caller:
        await caller.send(body, path, headers=given)
        (request,) = await stage.cast.requests(model)
        if streamed:
            await caller.head()
        left = caller.leave()
    gone = await request.gone()

    assert gone - left < 0.1
    line = await stage.gateway.done(f"left-{model}")
    assert line["outcome"] == "client_gone"


# -- losses


SEEDED: dict[str, dict[str, Any]] = {
    "openai_chat": {"seed": 7},
    "openai_responses": {"top_logprobs": 2, "truncation": "auto"},
    "gemini": {"generationConfig": {"seed": 7}},
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", SEEDED)
async def test_losses(stage: Stage, dialect: str, streamed: bool) -> None:
    """What does not cross is named in a header, in the log, and counted."""
    model = stage.cast.model(Said(WORDS))
    before = (await stage.gateway.status())["losses"]

    answer = await stage.ask(
        dialect, f"anthropic:{model}", streamed=streamed, **SEEDED[dialect]
    )

    assert answer.status == 200
    named = (answer.header("x-gateway-loss") or "").split(", ")
    assert named != [""]
    assert all(loss.rpartition("=")[2] in {"dropped", "approximate"} for loss in named)
    line = await stage.done(answer)
    assert line["losses"] >= len(named)
    assert line["loss_paths"][0] == " ".join(reversed(named[0].split("=")))
    assert (await stage.gateway.status())["losses"] == before + line["losses"]


async def test_no_losses(stage: Stage) -> None:
    """Where bytes pass there is none, and no header says so."""
    model = stage.cast.model(Said(WORDS))

    answer = await stage.ask("openai_chat", f"chat:{model}", seed=7)

    assert answer.header("x-gateway-loss") is None
    line = await stage.done(answer)
    assert (line["losses"], line["loss_paths"]) == (0, [])


async def test_route_that_loses_nothing(stage: Stage) -> None:
    model = stage.cast.model(Said(WORDS))

    answer = await stage.ask(
        "openai_chat", f"strict-anthropic-{model}", seed=7, max_tokens=9
    )

    assert answer.status == 400
    error = said_error("openai_chat", answer.body)
    assert (error["code"], error["param"]) == ("unsupported_by_backend", "seed")
    assert "seed" in error["message"]
    assert stage.cast.plays[model]
    line = await stage.done(answer)
    assert line["outcome"] == "refused"


async def test_route_that_has_nothing_to_lose(stage: Stage) -> None:
    model = stage.cast.model(Said(WORDS))

    passed = await stage.ask("openai_chat", f"strict-chat-{model}", seed=7)
    limit = {"maxOutputTokens": 9}
    plain = await stage.ask(
        "gemini", f"strict-anthropic-{model}", generationConfig=limit
    )

    assert (passed.status, plain.status) == (200, 200)


async def test_another_answer_is_none(stage: Stage) -> None:
    """Two choices where there is one are refused, however lenient the route is."""
    model = stage.cast.model(Said(WORDS))

    answer = await stage.ask("openai_chat", f"anthropic:{model}", n=2)

    assert answer.status == 400
    assert said_error("openai_chat", answer.body)["param"] == "n"


# -- counting, embedding


@pytest.mark.parametrize("backend", BACKENDS)
async def test_count_tokens(stage: Stage, backend: str) -> None:
    """Asked of who can count, else guessed, and marked as a guess."""
    model = stage.cast.model(Said(WORDS))
    _, chat = asked("anthropic", f"{backend}:{model}")
    chat.pop("max_tokens")
    chat.pop("stream")
    _, gemini = asked("gemini", model)
    key = {"x-api-key": CALLER_KEY}

    one = await ask(
        stage.gateway.port, chat, "/v1/messages/count_tokens?beta=true", headers=key
    )
    other = await ask(
        stage.gateway.port,
        gemini,
        f"/v1beta/models/{backend}%3A{model}:countTokens",
        headers=key,
    )

    guessed = backend not in ("anthropic", "gemini")
    assert (one.status, other.status) == (200, 200)
    assert (one.header("x-gateway-estimate") == "true") is guessed
    assert (other.header("x-gateway-estimate") == "true") is guessed
    numbers = {one.json["input_tokens"], other.json["totalTokens"]}
    assert (numbers == {COUNTED}) is not guessed
    assert all(number > 0 for number in numbers)


async def test_count_tokens_of_nothing(stage: Stage) -> None:
    answer = await ask(
        stage.gateway.port,
        {"model": "chat:m", "messages": "?"},
        "/v1/messages/count_tokens",
        headers={"x-api-key": CALLER_KEY},
    )

    assert answer.status == 400
    said_error("anthropic", answer.body)


async def test_many_at_once(stage: Stage) -> None:
    """Many streams at once, each to its own client."""
    models = [stage.cast.model(saying(Said((f"word-{n}",)))) for n in range(24)]

    answers = await asyncio.gather(
        *(
            stage.ask(dialect, f"{backend}:{model}", streamed=True)
            for model, (dialect, backend) in zip(models, PAIRS, strict=True)
        )
    )

    for n, (answer, (dialect, _)) in enumerate(zip(answers, PAIRS, strict=True)):
        told = heard(dialect, answer, streamed=True)
        assert told.choices[0].text == f"word-{n}"


VECTORS: dict[str, dict[str, Any]] = {
    "chat": {
        "object": "list",
        "model": "m",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
            {"object": "embedding", "index": 1, "embedding": [0.25, 2.0]},
        ],
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    },
    "gemini": {"embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}]},
    "cohere": {
        "id": "e",
        "embeddings": {"float": [[0.5, -1.0], [0.25, 2.0]]},
        "meta": {"billed_units": {"input_tokens": 4}},
    },
    "ollama": {
        "model": "m",
        "embeddings": [[0.5, -1.0], [0.25, 2.0]],
        "prompt_eval_count": 4,
    },
}


@pytest.mark.parametrize("backend", VECTORS)
async def test_embeddings_of_openai(stage: Stage, backend: str) -> None:
    model = stage.cast.model(lambda _: reply(VECTORS[backend]))
    body = {"model": f"{backend}:{model}", "input": ["one", "two"]}
    key = {"authorization": f"Bearer {CALLER_KEY}"}

    answer = await ask(stage.gateway.port, body, "/v1/embeddings", headers=key)

    assert answer.status == 200
    rows = answer.json["data"]
    assert [row["embedding"] for row in rows] == [[0.5, -1.0], [0.25, 2.0]]
    line = await stage.done(answer)
    assert line["operation"] == "embeddings"
    assert line["input_tokens"] == (None if backend == "gemini" else 4)


@pytest.mark.parametrize("backend", VECTORS)
async def test_embeddings_of_gemini(stage: Stage, backend: str) -> None:
    model = stage.cast.model(lambda _: reply(VECTORS[backend]))
    root = f"/v1beta/models/{backend}:{model}"
    key = {"x-goog-api-key": CALLER_KEY}
    name = f"models/{backend}:{model}"
    one = {"model": name, "content": {"parts": [{"text": "one"}]}}
    other = {"model": name, "content": {"parts": [{"text": "two"}]}}

    answer = await ask(
        stage.gateway.port,
        {"requests": [one, other]},
        f"{root}:batchEmbedContents",
        headers=key,
    )

    assert answer.status == 200
    values = [row["values"] for row in answer.json["embeddings"]]
    assert values == [[0.5, -1.0], [0.25, 2.0]]


ONE: dict[str, dict[str, Any]] = {
    "chat": {**VECTORS["chat"], "data": VECTORS["chat"]["data"][:1]},
    "cohere": {"id": "e", "embeddings": {"float": [[0.5, -1.0]]}},
    "ollama": {"model": "m", "embeddings": [[0.5, -1.0]]},
}


@pytest.mark.parametrize("backend", ONE)
async def test_one_embedding_of_gemini(stage: Stage, backend: str) -> None:
    model = stage.cast.model(lambda _: reply(ONE[backend]))
    path = f"/v1beta/models/{backend}:{model}:embedContent"
    one = {"content": {"parts": [{"text": "one"}]}}

    answer = await ask(
        stage.gateway.port, one, path, headers={"x-goog-api-key": CALLER_KEY}
    )

    assert answer.status == 200
    assert answer.json["embedding"]["values"] == [0.5, -1.0]
    line = await stage.done(answer)
    assert line["operation"] == "embeddings"


async def test_no_embeddings(stage: Stage) -> None:
    """Anthropic has none."""
    body = {"model": "anthropic:m", "input": "one"}
    key = {"authorization": f"Bearer {CALLER_KEY}"}

    answer = await ask(stage.gateway.port, body, "/v1/embeddings", headers=key)

    assert answer.status == 404
    assert answer.error["code"] == "unsupported_operation"


# -- seals


SEALED: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [
        {"role": "user", "content": "Hello?"},
        {
            "role": "assistant",
            "content": "Hi.",
            "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "anthropic:c2VhbA=="}
            ],
        },
        {"role": "user", "content": "And now?"},
    ],
    "anthropic": [
        {"role": "user", "content": "Hello?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "gemini:c2VhbA=="},
                {"type": "text", "text": "Hi."},
            ],
        },
        {"role": "user", "content": "And now?"},
    ],
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", SEALED)
async def test_seal_of_another(stage: Stage, dialect: str, streamed: bool) -> None:
    """A thought that one provider has sealed is shown to no other one."""
    model = stage.cast.model(Said(WORDS))
    backend = NATIVE[dialect]

    answer = await stage.ask(
        dialect, f"{backend}:{model}", streamed=streamed, messages=SEALED[dialect]
    )

    assert answer.status == 200
    assert heard(dialect, answer, streamed=streamed).choices[0].text == "".join(WORDS)
    (request,) = await stage.cast.requests(model)
    assert b"c2VhbA==" not in request.body
    assert b"And now?" in request.body
    assert "dropped" in (answer.header("x-gateway-loss") or "")


async def test_seal_of_its_own(stage: Stage) -> None:
    """Its issuer gets it back, byte for byte."""
    model = stage.cast.model(Said(WORDS))
    messages = json.loads(
        json.dumps(SEALED["anthropic"]).replace("gemini:c2VhbA==", "c2VhbA==")
    )

    answer = await stage.ask("anthropic", f"anthropic:{model}", messages=messages)

    assert answer.header("x-gateway-loss") is None
    (request,) = await stage.cast.requests(model)
    assert request.json["messages"] == messages
