"""The real gateway before a scripted Azure, for clients of each dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import frozen

from tests import recordings
from tests.client import ask
from tests.process import gateway
from tests.upstream import Upstream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.client import Answer
    from tests.process import Gateway
    from tests.recordings import Recording
    from tests.upstream import Request, Step

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "azure-key-0123456789abcdef"
SECRET = "entra-secret-0123456789"
TOKEN = "eyJ.entra-token-0123456789.x"
CHAT = "/v1/chat/completions"
QUAINT = (
    b'{ "model" :"azure:my-gpt", "temperature":1e0,"messages":['
    b'{"role":"user","content":"caf\\u00e9 \\ud83d"}] ,"x":12345678901234567890123'
)


@frozen
class Set:
    upstream: Upstream
    gateway: Gateway
    answers: list[Iterable[Step]]

    async def ask(
        self, path: str, body: bytes | dict[str, Any], answer: Iterable[Step]
    ) -> tuple[Answer, Request]:
        """Return what the client gets, and the last request."""
        self.answers[:] = [answer]
        said = await ask(self.gateway.port, body, path)
        return said, self.upstream.requests[-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play() -> AsyncIterator[Set]:
    """One gateway: with a key on each surface, and with Entra ID."""
    answers: list[Iterable[Step]] = []

    def script(request: Request) -> Iterable[Step]:
        if request.path == "/my-tenant/oauth2/v2.0/token":
            return reply({"access_token": TOKEN, "expires_in": 3600})
        return answers[0]

    async with Upstream(script) as upstream:
        root = f"http://127.0.0.1:{upstream.port}"
        dated = {"api_version": "2025-04-01-preview"}
        backends: dict[str, dict[str, Any]] = {
            "azure": {"api_key": KEY, "api_base_url": f"{root}/openai/v1/"},
            "azure.dated": {"api_key": KEY, "api_base_url": root, "extra": dated},
            "azure.entra": {},
        }
        environ = {
            "AZURE_OPENAI_ENDPOINT": f"{root}/",
            "AZURE_TENANT_ID": "my-tenant",
            "AZURE_CLIENT_ID": "my-client",
            "AZURE_CLIENT_SECRET": SECRET,
            "AZURE_AUTHORITY_HOST": root,
        }
        async with gateway({"backends": backends}, env=environ) as running:
            yield Set(upstream, running, answers)
            said = "".join(running.text)
            assert not [s for s in (KEY, SECRET, TOKEN) if s in said]


def recorded(name: str) -> Recording:
    (found,) = [r for r in recordings.select() if f"azure--{name}" in r.file]
    return found


def replayed(recording: Recording, size: int = 500) -> list[Step]:
    """Return the recorded answer; a stream in pieces that heed no frame."""
    body, headers = recording.body, recording.headers
    if "stream" not in recording.response:
        return reply(body, recording.status, headers)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return stream(pieces, {"content-type": "text/event-stream", **headers})


def asked(model: str = "azure:my-gpt", **members: Any) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 99,
        **members,
    }


def events(answer: Answer) -> list[dict[str, Any]]:
    lines = answer.body.split(b"\n")
    return [json.loads(x[6:]) for x in lines if x.startswith(b"data: {")]


AT_HOME: dict[str, tuple[str, dict[str, Any]]] = {
    "openai.chat": (CHAT, {"messages": [{"role": "user", "content": "a"}]}),
    "openai.completions": ("/v1/completions", {"prompt": "a"}),
    "openai.responses": ("/v1/responses", {"input": "a", "store": False}),
}
RECORDED = [r for r in recordings.select(*AT_HOME) if r.provider == "azure"]


@pytest.mark.recordings
@pytest.mark.parametrize("recording", RECORDED, ids=str)
async def test_recorded(recording: Recording, play: Set) -> None:
    """Whatever Azure has said reaches clients of its protocol as it was said."""
    path, said = AT_HOME[recording.api]
    streams = {"stream": True} if "stream" in recording.response else {}
    body = {"model": "azure:m", **said, **streams}

    answer, _ = await play.ask(path, body, replayed(recording))

    assert answer.status == recording.status
    if streams or path != "/v1/responses":
        assert answer.body == recording.body
    else:
        assert answer.json == json.loads(recording.body)


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording", [r for r in RECORDED if r.api == "openai.chat"], ids=str
)
async def test_recorded_for_anthropic(recording: Recording, play: Set) -> None:
    """And what it has said in chat reaches clients of Messages, in their words."""
    streams = "stream" in recording.response

    answer, _ = await play.ask(
        "/v1/messages", asked(stream=streams), replayed(recording)
    )

    assert answer.status == recording.status
    if "error" in recording.tags:
        assert answer.json["type"] == "error"
    elif streams:
        assert events(answer)[-1]["type"] == "message_stop"
    else:
        assert answer.json["stop_reason"] == "end_turn"


# -- chat


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["chat-streaming", "azure-model-router"])
async def test_chat_stream(name: str, play: Set) -> None:
    """OpenAI's clients pass: the filter's frames, the empty choices, every byte."""
    source = recorded(name)
    body = QUAINT + b',"stream":true}'

    answer, request = await play.ask(CHAT, body, replayed(source))

    assert request.path == "/openai/v1/chat/completions"
    assert request.header("api-key") == KEY
    assert request.header("authorization") is None
    assert request.body == body.replace(b"azure:", b"")
    assert answer.body == source.body
    assert b"prompt_filter_results" in answer.body


@pytest.mark.recordings
async def test_chat_whole(play: Set) -> None:
    """So does an answer in one piece."""
    source = recorded("azure-agent-kickoff")

    answer, request = await play.ask(CHAT, QUAINT + b"}", replayed(source))

    assert request.body == QUAINT.replace(b"azure:", b"") + b"}"
    assert answer.body == source.body


@pytest.mark.recordings
async def test_deployment_of_a_dated_version(play: Set) -> None:
    """With a date the deployment is in the path, and the date in the query."""
    body = QUAINT.replace(b"azure:", b"azure.dated:") + b"}"

    _, request = await play.ask(CHAT, body, replayed(recorded("azure-agent-kickoff")))

    path = "/openai/deployments/my-gpt/chat/completions"
    assert request.path == f"{path}?api-version=2025-04-01-preview"
    assert request.body == body.replace(b"azure.dated:", b"")


@pytest.mark.recordings
async def test_completions(play: Set) -> None:
    """The older completions have an address, too."""
    source = recorded("azure-completion")
    body = {"model": "azure.dated:gpt-35-turbo", "prompt": "a"}

    answer, request = await play.ask("/v1/completions", body, replayed(source))

    path = "/openai/deployments/gpt-35-turbo/completions"
    assert request.path.startswith(path)
    assert answer.body == source.body


async def test_embeddings(play: Set) -> None:
    """So have embeddings."""
    said = {"data": [{"embedding": [0.5], "index": 0}], "model": "e"}

    _, request = await play.ask(
        "/v1/embeddings", {"model": "azure:my-ada", "input": "a"}, reply(said)
    )

    assert request.path == "/openai/v1/embeddings"


@pytest.mark.recordings
async def test_anthropic_client(play: Set) -> None:
    """A client of another dialect gets the text, and none of the filter's frames."""
    answer, request = await play.ask(
        "/v1/messages", asked(stream=True), replayed(recorded("chat-streaming"))
    )

    assert request.path == "/openai/v1/chat/completions"
    assert request.json["max_completion_tokens"] == 99
    seen = events(answer)
    text = [e["delta"].get("text", "") for e in seen if "content_block_delta" in str(e)]
    assert "".join(text)
    assert seen[0]["type"] == "message_start"
    assert seen[0]["message"]["id"]
    assert seen[-1]["type"] == "message_stop"
    assert b"filter" not in answer.body


# -- what the content filter does

FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    }
}
RESULT = {"hate": {"filtered": True, "severity": "high"}}


def chunk(*choices: dict[str, Any], **members: Any) -> bytes:
    said = {"id": "c", "object": "chat.completion.chunk", "model": "m", "created": 1}
    return (
        b"data: %b\n\n" % json.dumps({**said, "choices": choices, **members}).encode()
    )


# Written after https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/
# content-streaming: with the asynchronous filter, results come apart from the text.
ASYNCHRONOUS = [
    chunk(id="", model="", prompt_filter_results=[{"prompt_index": 0}]),
    chunk({"index": 0, "delta": {"role": "assistant", "content": ""}}),
    chunk({"index": 0, "delta": {"content": "Once"}}),
    chunk(
        {
            "index": 0,
            "finish_reason": None,
            "content_filter_results": {},
            "content_filter_offsets": {"check_offset": 0, "end_offset": 4},
        }
    ),
    chunk({"index": 0, "delta": {"content": " upon"}}),
    chunk(
        {
            "index": 0,
            "delta": {},
            "finish_reason": "content_filter",
            "content_filter_results": RESULT,
        }
    ),
    chunk(
        {
            "index": 0,
            "content_filter_results": RESULT,
            "content_filter_offsets": {"check_offset": 4, "end_offset": 9},
        }
    ),
    b"data: [DONE]\n\n",
]


async def test_filtered_prompt(play: Set) -> None:
    """A prompt that is refused is the provider's own error for OpenAI's clients."""
    answer, _ = await play.ask(CHAT, asked(), reply(FILTERED, 400))

    assert answer.status == 400
    assert answer.json == FILTERED


async def test_filtered_prompt_elsewhere(play: Set) -> None:
    """It is a wrong request for clients of other dialects."""
    answer, _ = await play.ask("/v1/messages", asked(), reply(FILTERED, 400))

    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert "was filtered" in answer.error["message"]


async def test_asynchronous_filter(play: Set) -> None:
    """Results that come after the text pass, choices without a delta and all."""
    answer, _ = await play.ask(CHAT, asked(stream=True), stream(ASYNCHRONOUS))

    assert answer.body == b"".join(ASYNCHRONOUS)


async def test_asynchronous_filter_elsewhere(play: Set) -> None:
    """Clients of other dialects see that the answer was ended by a filter."""
    answer, _ = await play.ask("/v1/messages", asked(stream=True), stream(ASYNCHRONOUS))

    text = [e["delta"].get("text") for e in events(answer) if "delta" in e]
    assert text[:2] == ["Once", " upon"]
    (ended,) = [e for e in events(answer) if e["type"] == "message_delta"]
    assert ended["delta"]["stop_reason"] == "refusal"


# -- Responses


@pytest.mark.recordings
async def test_responses_stream(play: Set) -> None:
    """Clients of Responses pass."""
    source = recorded("testazureresponsescommon-azure-o4-mini")
    body = {"model": "azure:o4-mini", "input": "a", "stream": True, "store": False}

    answer, request = await play.ask("/v1/responses", body, replayed(source))

    assert request.path == "/openai/v1/responses"
    assert answer.body == source.body


@pytest.mark.recordings
async def test_responses_of_a_dated_version(play: Set) -> None:
    """With a date they have no deployment in their path."""
    source = recorded("azure-code-interpreter")
    body = {"model": "azure.dated:gpt-5-mini", "input": "a", "store": False}

    answer, request = await play.ask("/v1/responses", body, replayed(source))

    assert request.path == "/openai/responses?api-version=2025-04-01-preview"
    assert answer.json == json.loads(source.body)


# -- Claude in Foundry


async def test_claude(play: Set) -> None:
    """Deployments of Claude are asked in Anthropic's protocol, with its header."""
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }

    whole, request = await play.ask(
        "/v1/messages", asked("azure:claude-haiku-4-5"), reply(said)
    )
    chat, again = await play.ask(CHAT, asked("azure:claude-haiku-4-5"), reply(said))

    assert request.path == again.path == "/anthropic/v1/messages"
    assert request.header("x-api-key") == KEY
    assert request.header("anthropic-version") == "2023-06-01"
    assert whole.json == said
    assert chat.json["choices"][0]["message"]["content"] == "Hi"


async def test_azure_refuses_a_client_of_claude(play: Set) -> None:
    """What Azure itself refuses is told in Anthropic's shape."""
    refusal = {"error": {"code": "401", "message": "Access denied"}}

    answer, _ = await play.ask(
        "/v1/messages", asked("azure:claude-haiku-4-5"), reply(refusal, 401)
    )

    assert answer.status == 401
    assert answer.json["type"] == "error"
    assert answer.error["type"] == "authentication_error"
    assert answer.error["message"] == "Access denied"


# -- accounts


@pytest.mark.parametrize("model", ["my-gpt", "claude-haiku-4-5"])
async def test_entra(model: str, play: Set) -> None:
    """Without a key, Azure's own variables sign in with Entra ID, for all dialects."""
    _, request = await play.ask(CHAT, asked(f"azure.entra:{model}"), reply(b"{}", 400))

    assert request.header("authorization") == f"Bearer {TOKEN}"
    assert request.header("api-key") is None
    assert request.header("x-api-key") is None


@pytest.mark.recordings
async def test_no_such_deployment(play: Set) -> None:
    """Azure's own words reach OpenAI's clients as they are."""
    source = recorded("azure-openai-chat-completions-post")

    answer, _ = await play.ask(CHAT, asked(), replayed(source))

    assert answer.status == 404
    assert answer.json == json.loads(source.body)
