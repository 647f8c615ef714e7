"""The real gateway before a scripted Vertex AI, for clients of each dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import frozen

from tests import recordings
from tests.client import ask
from tests.clouds.google import TOKEN, Cloud
from tests.process import gateway
from tests.upstream import reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from tests.client import Answer
    from tests.process import Gateway
    from tests.recordings import Recording
    from tests.upstream import Request, Step

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "AQ.express-key-0123456789"
CLAUDE = "claude-3-7-sonnet@20250219"
PLACE = "/projects/p1/locations/europe-west4"
ANTHROPIC_PATH = f"/v1{PLACE}/publishers/anthropic/models"
GEMINI_PATH = f"/v1beta1{PLACE}/publishers/google/models"
# Bytes that no decoder and encoder would keep.
QUAINT = (
    b'{ "model" :"vertex:claude-3-7-sonnet@20250219","max_tokens":1e2, "messages":['
    b'{"role":"user","content":"caf\\u00e9 \\ud83d"}] ,"x":12345678901234567890123}'
)


@frozen
class Set:
    cloud: Cloud
    gateway: Gateway

    async def ask(
        self,
        path: str,
        body: bytes | dict[str, Any],
        answer: Iterable[Step] | Callable[[Request], Iterable[Step]],
        **headers: str,
    ) -> tuple[Answer, Request]:
        """Return what the client gets, and the last request for a model."""
        self.cloud.answer = answer if callable(answer) else lambda _: answer
        named = {n.replace("_", "-"): value for n, value in headers.items()}
        said = await ask(self.gateway.port, body, path, headers=named)
        return said, self.cloud.asked[-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Set]:
    """One gateway with a service account, one without a project, one with a key."""
    cloud = Cloud()
    file = tmp_path_factory.mktemp("google") / "account.json"
    async with cloud.upstream:
        account = cloud.account(file)
        place = {"project": "p1", "location": "europe-west4"}
        backends: dict[str, dict[str, Any]] = {
            "vertex": {"auth": account, "extra": place},
            "vertex.own": {"auth": account},
            "vertex.express": {"api_key": KEY},
        }
        for backend in backends.values():
            backend["api_base_url"] = cloud.url
        async with gateway({"backends": backends}) as running:
            yield Set(cloud, running)
            said = "".join(running.text)
            assert TOKEN not in said
            assert KEY not in said
            assert "PRIVATE" not in said


def recorded(name: str) -> Recording:
    (found,) = [
        r
        for r in recordings.select()
        if r.provider == "google-vertex" and name in r.file
    ]
    return found


def replayed(recording: Recording, size: int = 700) -> list[Step]:
    """Return the recorded answer; a stream in pieces that heed no frame."""
    body, headers = recording.body, recording.headers
    if "stream" not in recording.response:
        return reply(body, recording.status, headers)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return stream(pieces, headers)


def chat(model: str, **members: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hello"}]
    return {"model": f"vertex:{model}", "messages": messages, **members}


def gemini_body(text: str = "hello") -> bytes:
    return b'{ "contents":[{"role":"user","parts":[{"text":"%b"}]}] }' % text.encode()


def said_in(answer: Answer) -> str:
    """Return the text of a chat stream."""
    frames = [line[6:] for line in answer.body.split(b"\n") if line[:6] == b"data: "]
    assert frames[-1] == b"[DONE]"
    chunks = [json.loads(frame) for frame in frames[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


RECORDED = [
    r
    for r in recordings.select("anthropic.messages", "gemini.generateContent")
    if r.provider == "google-vertex"
]


def at_home(recording: Recording) -> tuple[str, dict[str, Any]]:
    """Return where, and with what, a client of its protocol asks for the answer."""
    stream = "stream" in recording.response
    if recording.api == "anthropic.messages":
        return "/v1/messages", chat(CLAUDE, max_tokens=9, stream=stream)
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    body = json.loads(gemini_body())
    return f"/v1beta/models/vertex:gemini-2.5-pro:{verb}", body


@pytest.mark.recordings
@pytest.mark.parametrize("recording", RECORDED, ids=str)
async def test_recorded(recording: Recording, play: Set) -> None:
    """Whatever Vertex AI has said reaches clients of its protocol byte by byte."""
    path, body = at_home(recording)

    answer, _ = await play.ask(path, body, replayed(recording))

    assert answer.status == recording.status
    assert answer.body.startswith(recording.body)


@pytest.mark.recordings
@pytest.mark.parametrize("recording", RECORDED, ids=str)
async def test_recorded_for_chat(recording: Recording, play: Set) -> None:
    """And clients of chat, as an answer or as an error of theirs."""
    model = CLAUDE if recording.api == "anthropic.messages" else "gemini-2.5-pro"
    stream = "stream" in recording.response

    answer, _ = await play.ask(
        "/v1/chat/completions", chat(model, stream=stream), replayed(recording)
    )

    assert answer.status == recording.status
    if "error" in recording.tags:
        assert answer.error["message"]
    elif stream:
        assert b'"choices":[{' in answer.body
    else:
        (choice,) = answer.json["choices"]
        assert choice["finish_reason"]


# -- Claude


@pytest.mark.recordings
async def test_messages_stream(play: Set) -> None:
    """Anthropic's clients pass: only the two members differ, the answer in nothing."""
    source = recorded("tool-streaming-a52ac9")
    body = QUAINT[:-1] + b',"stream":true}'

    answer, request = await play.ask(
        "/v1/messages?beta=true",
        body,
        replayed(source),
        anthropic_version="2023-06-01",
        anthropic_beta="context-1m-2025-08-07",
        x_api_key="callers-own",
    )

    assert request.path == f"{ANTHROPIC_PATH}/{CLAUDE}:streamRawPredict"
    assert request.body == body.replace(
        b'{ "model" :"vertex:claude-3-7-sonnet@20250219",',
        b'{"anthropic_version":"vertex-2023-10-16", ',
    )
    assert request.header("authorization") == f"Bearer {TOKEN}{play.cloud.issued}"
    assert request.header("anthropic-beta") == "context-1m-2025-08-07"
    assert request.header("anthropic-version") is None
    assert request.header("x-api-key") is None
    assert answer.body == source.body


@pytest.mark.recordings
async def test_messages_whole(play: Set) -> None:
    """So does an answer in one piece, and a newer version of the protocol."""
    source = recorded("sonnet-simple-345ce6")

    answer, request = await play.ask(
        "/v1/messages", QUAINT, replayed(source), anthropic_version="2026-10-21"
    )

    assert request.path == f"{ANTHROPIC_PATH}/{CLAUDE}:rawPredict"
    assert request.json["anthropic_version"] == "2026-10-21"
    assert answer.body == source.body


@pytest.mark.recordings
async def test_chat_client_of_claude(play: Set) -> None:
    """A chat client's request is put into Anthropic's words, as Vertex wants them."""
    answer, request = await play.ask(
        "/v1/chat/completions",
        chat(CLAUDE, stream=True),
        replayed(recorded("tool-streaming-a52ac9")),
    )

    assert request.path == f"{ANTHROPIC_PATH}/{CLAUDE}:streamRawPredict"
    assert request.json["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in request.json
    assert request.json["messages"][0]["role"] == "user"
    assert "Florence" in said_in(answer)


async def test_count_tokens_of_claude(play: Set) -> None:
    """Tokens are counted at an address of its own, to which the body says the model."""
    body = QUAINT.replace(b'"max_tokens":1e2, ', b"")

    answer, request = await play.ask(
        "/v1/messages/count_tokens", body, reply({"input_tokens": 14})
    )

    assert request.path == f"{ANTHROPIC_PATH}/count-tokens:rawPredict"
    assert request.json["model"] == CLAUDE
    assert request.json["anthropic_version"] == "vertex-2023-10-16"
    assert answer.json == {"input_tokens": 14}


# -- Gemini


@pytest.mark.recordings
async def test_gemini_stream(play: Set) -> None:
    """Gemini's clients pass, body and answer untouched."""
    source = recorded("streaming-failure-error-mid-stream")
    body = gemini_body("caf\\u00e9")

    answer, request = await play.ask(
        "/v1beta/models/vertex:gemini-2.5-flash:streamGenerateContent?alt=sse&key=own",
        body,
        replayed(source),
    )

    path = f"{GEMINI_PATH}/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert request.path == path
    assert request.body == body
    assert request.header("authorization") == f"Bearer {TOKEN}{play.cloud.issued}"
    assert answer.body.startswith(source.body)


@pytest.mark.recordings
async def test_gemini_whole(play: Set) -> None:
    """So does an answer in one piece, whose enums are numbers."""
    source = recorded("generate-content-with-files-f13862")

    answer, request = await play.ask(
        "/v1beta/models/vertex:gemini-2.5-pro:generateContent",
        gemini_body(),
        replayed(source),
    )

    assert request.path == f"{GEMINI_PATH}/gemini-2.5-pro:generateContent"
    assert answer.body == source.body


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("with-files-f13862", "This is a test."),
        ("logprobs-structure-5cf5e6", "Hello"),
        ("tool-combination", "Based on your location"),
    ],
)
async def test_chat_client_of_gemini(name: str, text: str, play: Set) -> None:
    """A chat client reads what Gemini says there."""
    answer, request = await play.ask(
        "/v1/chat/completions", chat("gemini-2.5-pro"), replayed(recorded(name))
    )

    assert request.path == f"{GEMINI_PATH}/gemini-2.5-pro:generateContent"
    (choice,) = answer.json["choices"]
    assert choice["message"]["content"].startswith(text)
    assert choice["finish_reason"] == "stop"


@pytest.mark.recordings
async def test_blocked_by_model_armor(play: Set) -> None:
    """An answer that Google's filter took away is a filtered one for chat clients."""
    answer, _ = await play.ask(
        "/v1/chat/completions",
        chat("gemini-2.5-flash"),
        replayed(recorded("model-armor")),
    )

    assert answer.json["choices"][0]["finish_reason"] == "content_filter"


async def test_count_tokens_of_gemini(play: Set) -> None:
    """What Gemini's own API has wrapped is unwrapped, in the client's own bytes."""
    contents = b'"contents" : [{"role":"user","parts":[{"text":"caf\\u00e9"}]}]'
    body = b'{"generateContentRequest":{"model":"models/g",%b,"toolConfig":{}}}'

    answer, request = await play.ask(
        "/v1beta/models/vertex:gemini-2.5-flash:countTokens",
        body % contents,
        reply({"totalTokens": 3}),
    )

    assert request.path == f"{GEMINI_PATH}/gemini-2.5-flash:countTokens"
    assert request.body == b"{%b}" % contents
    assert answer.json == {"totalTokens": 3}


async def test_anthropic_client_counts_with_gemini(play: Set) -> None:
    """An Anthropic client has tokens counted by Gemini, too."""
    body = {
        "model": "vertex:gemini-2.5-flash",
        "system": "be short",
        "messages": [{"role": "user", "content": "hello"}],
    }

    answer, request = await play.ask(
        "/v1/messages/count_tokens", body, reply({"totalTokens": 9})
    )

    assert set(request.json) == {"contents", "systemInstruction"}
    assert answer.json == {"input_tokens": 9}


# -- others


async def test_open_models(play: Set) -> None:
    """Who publishes there in OpenAI's protocol is asked in that, by its whole name."""
    body = b'{ "model":"vertex:meta/llama-3.3-70b-instruct-maas","messages":[] }'
    said = b'{"id":"x","choices":[ ],"object":"chat.completion"}'

    answer, request = await play.ask("/v1/chat/completions", body, reply(said))

    assert request.path == f"/v1{PLACE}/endpoints/openapi/chat/completions"
    assert request.body == body.replace(b"vertex:", b"")
    assert answer.body == said


async def test_embeddings(play: Set) -> None:
    """OpenAI's clients get vectors by way of Google's ``predict``."""
    vector = {"values": [0.5, -0.25], "statistics": {"token_count": 2}}
    body = {"model": "vertex:gemini-embedding-001", "input": "hello", "dimensions": 2}

    answer, request = await play.ask(
        "/v1/embeddings", body, reply({"predictions": [{"embeddings": vector}]})
    )

    path = f"/v1{PLACE}/publishers/google/models/gemini-embedding-001:predict"
    assert request.path == path
    assert request.json == {
        "instances": [{"content": "hello"}],
        "parameters": {"outputDimensionality": 2},
    }
    assert answer.json["data"][0]["embedding"] == [0.5, -0.25]
    assert answer.json["usage"]["prompt_tokens"] == 2


async def test_model_of_nobody(play: Set) -> None:
    """A name that belongs to no protocol is told so, and nobody is asked."""
    before = len(play.cloud.asked)

    answer = await ask(play.gateway.port, chat("mistral-large"))

    assert answer.status in (400, 404)
    assert len(play.cloud.asked) == before


# -- accounts


async def test_project_of_the_account(play: Set) -> None:
    """Without a configured project it is the service account's, at the global place."""
    _, request = await play.ask(
        "/v1beta/models/vertex.own:gemini-2.5-flash:generateContent",
        gemini_body(),
        reply({"candidates": []}),
    )

    place = "/v1beta1/projects/account-project/locations/global/publishers/google"
    assert request.path == f"{place}/models/gemini-2.5-flash:generateContent"


async def test_express_mode(play: Set) -> None:
    """An API key alone has neither project nor location in the address."""
    _, request = await play.ask(
        "/v1beta/models/vertex.express:gemini-2.5-flash:generateContent",
        gemini_body(),
        reply({"candidates": []}),
    )

    path = "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent"
    assert request.path == path
    assert request.header("x-goog-api-key") == KEY
    assert request.header("authorization") is None


@pytest.mark.recordings
async def test_refused_token(play: Set) -> None:
    """A 401 renews the token and asks again; the client sees the answer only."""
    refusal = replayed(recorded("trackingheaders"))
    answers = [refusal, reply({"candidates": []})]
    issued = play.cloud.issued

    answer, request = await play.ask(
        "/v1beta/models/vertex:gemini-2.5-flash:generateContent",
        gemini_body(),
        lambda _: answers.pop(0),
    )

    assert answer.status == 200
    assert play.cloud.issued == issued + 1
    assert request.header("authorization") == f"Bearer {TOKEN}{issued + 1}"
    assert not answers


@pytest.mark.recordings
async def test_refused_for_good(play: Set) -> None:
    """A second 401 goes to the client as Google said it."""
    source = recorded("trackingheaders")

    answer, _ = await play.ask(
        "/v1beta/models/vertex:gemini-2.5-flash:generateContent",
        gemini_body(),
        replayed(source),
    )

    assert answer.status == 401
    assert answer.json == json.loads(source.body)


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/chat/completions", chat("gemini-2.5-flash"), "openai"),
        ("/v1/chat/completions", chat(CLAUDE), "openai"),
        ("/v1/chat/completions", chat("meta/llama-maas"), "openai"),
        ("/v1/messages", chat(CLAUDE, max_tokens=9), "anthropic"),
        ("/v1/messages", chat("gemini-2.5-flash", max_tokens=9), "anthropic"),
    ],
)
async def test_google_refuses(
    path: str, body: dict[str, Any], kind: str, play: Set
) -> None:
    """Google's own refusal reaches every client in its dialect's shape."""
    source = recorded("quota-exceeded")

    answer, _ = await play.ask(path, body, replayed(source))

    assert answer.status == 429
    assert "Quota exceeded" in answer.error["message"]
    if kind == "anthropic":
        assert answer.json["type"] == "error"
        assert answer.error["type"] == "rate_limit_error"
    else:
        assert answer.error["code"] == "RESOURCE_EXHAUSTED"


async def test_anthropic_refuses(play: Set) -> None:
    """An error that Anthropic's side has written keeps status and message."""
    said = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "messages: too few"},
    }

    answer, _ = await play.ask(
        "/v1/messages", chat(CLAUDE, max_tokens=9), reply(said, 400)
    )

    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["message"] == "messages: too few"


async def test_model_list(play: Set) -> None:
    """Nobody was asked for a list of models at the start."""
    answer = await ask(play.gateway.port, None, "/v1/models", method="GET")

    assert answer.status == 200
    assert not [r for r in play.cloud.asked if r.method == "GET"]


async def test_name_of_no_publisher(play: Set) -> None:
    """Which dialect a model speaks is seen by its name; the error says which name."""
    answer = await ask(play.gateway.port, chat("nope"), "/v1/chat/completions")

    assert answer.status == 404
    assert answer.error["message"] == (
        "backend 'vertex' does not offer chat for the model 'nope'"
    )
