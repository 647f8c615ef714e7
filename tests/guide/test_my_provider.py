"""The guide's backend by itself, with a real session and a scripted provider."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from attrs import evolve

from gateway.domain.events import Event, ReplyEnd
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import Text
from gateway.domain.request import Request, Role, Sampling, Turn
from gateway.plugin import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BackendError,
    InvalidRequestError,
    LLMProxyError,
    PermissionDeniedError,
    RateLimitExceededError,
    ResponseEnvelope,
    ServiceUnavailableError,
    StreamingResponseEnvelope,
    TranslationService,
)
from gateway.registry import Registry
from gateway.translation import Installed
from tests.guide import document
from tests.sdk.scripts import openai_chat
from tests.sdk.scripts.said import Said
from tests.upstream import JSON_HEADERS, End, Upstream, head, open_stream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.upstream import Script

SAID = Said(("Ja, ", "gr\u00fc\u00df ", "dich \u2028."), input=21, output=8)
HI = Request(
    "public",
    (Turn(Role.USER, (Text("hi"),)),),
    sampling=Sampling(temperature=0.5, max_tokens=9),
)
STREAMED = evolve(HI, stream=True)


@asynccontextmanager
async def made(
    backend: Any, script: Script | None = None
) -> AsyncIterator[tuple[Any, Upstream]]:
    service = TranslationService(Installed(Registry()))
    async with Upstream(script) as up, aiohttp.ClientSession() as client:
        found = backend(client, None, service)
        found.api_key, found.api_base_url = "k-1", up.url
        yield found, up
        await found.close()


async def events_of(envelope: Any) -> list[Event]:
    assert isinstance(envelope, StreamingResponseEnvelope)
    return [event async for piece in envelope.content for event in piece.content]


async def test_initialize(my_provider: Any) -> None:
    """It takes over what it is given, and offers what the provider lists."""
    listed = {"object": "list", "data": [{"id": "small"}, {"id": "large"}]}

    async with made(my_provider, reply(listed)) as (backend, up):
        await backend.initialize(api_key="k-2", api_base_url=up.url + "/", unknown=1)
        asked = await up.request()

    assert backend.get_available_models() == ["small", "large"]
    assert (asked.method, asked.path) == ("GET", "/v1/models")
    assert asked.header("authorization") == "Bearer k-2"


@pytest.mark.parametrize("script", [reply(b"no", 500), [head(), End.RST]])
async def test_no_list_of_models(my_provider: Any, script: Any) -> None:
    """Whatever becomes of it, the backend is there."""
    async with made(my_provider, script) as (backend, up):
        await backend.initialize(api_key="k-2", api_base_url=up.url)

    assert backend.get_available_models() == []


async def test_own_address_stands(my_provider: Any) -> None:
    """No configured address leaves the provider's own."""
    async with made(my_provider) as (backend, _):
        backend.api_base_url = "https://api.myprovider.com/v1"
        await backend.initialize(api_key=None)

    assert backend.api_base_url == "https://api.myprovider.com/v1"


async def test_whole(my_provider: Any) -> None:
    """The request in the provider's words, and its answer in the domain's."""
    headers = {**JSON_HEADERS, "x-request-id": "r-7"}
    whole = json.dumps(openai_chat.whole(SAID, "m1")).encode()
    turn = Turn(Role.USER, (Text("processed"),))

    async with made(my_provider, reply(whole, headers=headers)) as (backend, up):
        envelope = await backend.chat_completions(HI, [turn], "m1")
        asked = await up.request()

    assert isinstance(envelope, ResponseEnvelope)
    assert envelope.content.choices[0].parts[0] == Text(SAID.words)
    assert envelope.usage == envelope.content.usage
    assert {n.lower(): v for n, v in envelope.headers.items()}["x-request-id"] == "r-7"
    assert asked.path == "/v1/chat/completions"
    assert asked.header("authorization") == "Bearer k-1"
    assert asked.header("x-llmproxy-loop-guard")
    assert asked.json["messages"] == [{"role": "user", "content": "processed"}]
    assert (asked.json["model"], asked.json["stream"]) == ("m1", False)
    assert (asked.json["temperature"], asked.json["max_tokens"]) == (0.5, 9)


async def test_messages_as_json(my_provider: Any) -> None:
    """Processed messages may be OpenAI's, as JSON."""
    message = {"role": "user", "content": "processed"}

    async with made(my_provider, reply(openai_chat.whole(SAID, "m1"))) as (b, up):
        await b.chat_completions(HI, [message], "m1")
        asked = await up.request()

    assert asked.json["messages"] == [message]


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("kind", ["MyProviderBackend", "ShorterBackend"])
async def test_streamed(guide: Path, kind: str, size: int) -> None:
    """However the network cuts it."""
    backend_class = _class(guide, kind)
    body = b"".join(openai_chat.pieces(SAID, "m1"))
    cuts = [body[i : i + size] for i in range(0, len(body), size)]

    async with made(backend_class, stream(cuts)) as (backend, _):
        envelope = await backend.chat_completions(STREAMED, [], "m1")
        events = await events_of(envelope)

    check(events)
    assert isinstance(events[-1], ReplyEnd)
    assert fold(events).choices[0].parts == (Text(SAID.words),)


def _class(guide: Path, kind: str) -> Any:
    assert guide
    home = {"MyProviderBackend": "my_provider", "ShorterBackend": "shorter"}
    return getattr(document.module(home[kind]), kind)


@pytest.mark.parametrize("kind", ["MyProviderBackend", "ShorterBackend"])
@pytest.mark.parametrize("when", ["before", "during", "after"])
async def test_cancelled(guide: Path, kind: str, when: str) -> None:
    """The callback frees the provider, whenever and however often it is called."""
    script = [*open_stream(*openai_chat.pieces(SAID, "m1")[:2]), End.HANG]

    async with made(_class(guide, kind), script) as (backend, up):
        envelope = await backend.chat_completions(STREAMED, [], "m1")
        if when != "before":
            await anext(envelope.content)
        if when == "during":
            # A generator that runs cannot be closed; the callback can be called.
            reading = asyncio.ensure_future(_rest(envelope))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if when == "after":
            await envelope.content.aclose()
        await envelope.cancel_callback()
        await envelope.cancel_callback()
        await (await up.request()).gone(1)
        if when == "during":
            with pytest.raises(APIConnectionError):
                await reading
        await envelope.content.aclose()


async def _rest(envelope: Any) -> None:
    async for _ in envelope.content:
        pass


async def test_closed_iterator_frees_the_provider(my_provider: Any) -> None:
    script = [*open_stream(*openai_chat.pieces(SAID, "m1")[:2]), End.HANG]

    async with made(my_provider, script) as (backend, up):
        envelope = await backend.chat_completions(STREAMED, [], "m1")
        await anext(envelope.content)
        await envelope.content.aclose()
        await (await up.request()).gone(1)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, InvalidRequestError),
        (408, APITimeoutError),
        (422, InvalidRequestError),
        (429, RateLimitExceededError),
        (500, BackendError),
        (503, ServiceUnavailableError),
        (504, APITimeoutError),
        (529, ServiceUnavailableError),
    ],
)
@pytest.mark.parametrize("asked", [HI, STREAMED], ids=["whole", "streamed"])
async def test_errors_keep_what_was_said(
    my_provider: Any, status: int, kind: type[LLMProxyError], asked: Request
) -> None:
    """Status, code, message, body and retry-after, in the class that fits."""
    said = {"error": {"message": "no luck", "type": "t", "code": "unlucky"}}
    headers = {**JSON_HEADERS, "retry-after": "7"}
    body = json.dumps(said).encode()

    async with made(my_provider, reply(body, status, headers)) as (backend, _):
        with pytest.raises(kind) as caught:
            await backend.chat_completions(asked, [], "m1")

    error: Any = caught.value
    assert isinstance(error, BackendError)
    assert (error.status_code, error.message, error.code) == (
        status,
        "no luck",
        "unlucky",
    )
    assert error.retry_after == 7
    assert json.loads(error.body) == said
    assert error.backend_name == "my-provider"


async def test_too_long(my_provider: Any) -> None:
    """A conversation that does not fit is told in one way, whoever says so."""
    words = "prompt is too long: 213462 tokens > 200000 maximum"
    said = {"error": {"message": words, "type": "invalid_request_error"}}

    async with made(my_provider, reply(said, 413)) as (backend, _):
        with pytest.raises(InvalidRequestError) as caught:
            await backend.chat_completions(HI, [], "m1")

    assert (caught.value.status_code, caught.value.code) == (
        400,
        "context_length_exceeded",
    )
    assert caught.value.details == {"limit": 200000, "measured": 213462}


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ([End.FIN], APIConnectionError, "upstream_connection_lost"),
        ([b"nonsense\r\n\r\n", End.FIN], APIConnectionError, "upstream_protocol"),
        (reply(b"<html>"), APIConnectionError, "upstream_invalid_reply"),
        (
            reply(b"<html>", headers={"content-type": "text/html"}),
            APIConnectionError,
            "upstream_invalid_reply",
        ),
        ([*reply(b"{}")[:0], head(302, {"location": "/x"}), End.FIN], BackendError, ""),
    ],
)
async def test_broken_answers(
    my_provider: Any, script: Any, kind: type[LLMProxyError], code: str
) -> None:
    async with made(my_provider, script) as (backend, _):
        with pytest.raises(kind) as caught:
            await backend.chat_completions(HI, [], "m1")

    assert caught.value.code == code or not code
    assert caught.value.status_code == 502


async def test_nobody_there(my_provider: Any) -> None:
    async with made(my_provider) as (backend, _):
        async with Upstream() as gone:
            pass
        backend.api_base_url = gone.url
        with pytest.raises(ServiceUnavailableError) as caught:
            await backend.chat_completions(HI, [], "m1")

    assert caught.value.backend_name == "my-provider"


async def test_broken_stream(my_provider: Any) -> None:
    """What came before is there; then an error and no end."""
    script = [*open_stream(*openai_chat.pieces(SAID, "m1")[:3]), End.RST]

    async with made(my_provider, script) as (backend, _):
        envelope = await backend.chat_completions(STREAMED, [], "m1")
        await anext(envelope.content)
        with pytest.raises(APIConnectionError):
            await _rest(envelope)


async def test_no_key(my_provider: Any) -> None:
    async with made(my_provider) as (backend, up):
        backend.api_key = None
        with pytest.raises(AuthenticationError) as caught:
            await backend.chat_completions(HI, [], "m1")

    assert caught.value.code == "missing_api_key"
    assert not up.requests


async def test_written_out_errors(guide: Path) -> None:
    """The variant that raises all by itself."""
    assert guide
    careful = document.module("errors").CarefulBackend
    limited = reply(b"slow", 429, {**JSON_HEADERS, "retry-after": "3"})
    scripts = [limited, reply(b"boom", 500)]

    async with made(careful, lambda _: scripts.pop(0)) as (backend, _):
        with pytest.raises(RateLimitExceededError) as slow:
            await backend.chat_completions(HI, [], "m1")
        with pytest.raises(BackendError, match="boom") as broken:
            await backend.chat_completions(HI, [], "m1")
        backend.api_key = ""
        with pytest.raises(AuthenticationError):
            await backend._post({}, {})
        async with Upstream() as gone:
            pass
        backend.api_key, backend.api_base_url = "k", gone.url
        with pytest.raises(ServiceUnavailableError):
            await backend.chat_completions(HI, [], "m1")

    assert slow.value.retry_after == 3
    assert broken.value.status_code == 500


async def test_oauth(guide: Path, tmp_path: Path) -> None:
    """A token that is over is renewed, and the file knows the new one."""
    assert guide
    file = tmp_path / "oauth_creds.json"
    old = {"access_token": "old-token", "refresh_token": "r-token", "expiry_date": 1}
    file.write_text(json.dumps({**old, "client_id": "c"}), "utf-8")
    file.chmod(0o600)
    renewed = {"access_token": "new-token", "expires_in": 3600, "token_type": "Bearer"}
    oauth = document.module("oauth_provider").OAuthProviderBackend
    chat = reply(openai_chat.whole(SAID, "m1"))

    def script(request: Any) -> Any:
        if request.path == "/v1/token":
            return reply(renewed)
        return chat

    async with made(oauth, script) as (backend, up):
        await backend.initialize(
            oauth_creds_path=str(file), token_url=f"{up.url}/token"
        )
        await backend.chat_completions(HI, [], "m1")
        asked = up.requests[-1]

    assert asked.header("authorization") == "Bearer new-token"
    assert json.loads(file.read_text("utf-8"))["access_token"] == "new-token"
