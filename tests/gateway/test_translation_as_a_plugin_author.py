"""
A backend as the guide has its reader write it, against a provider on real sockets.

`MyProviderBackend` knows `gateway.plugin`, a `ClientSession` and the translation
service, and nothing else of the gateway.
"""

from __future__ import annotations

import asyncio
import codecs
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from attrs import evolve

from gateway.domain.events import Event, Fault, ReplyEnd
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import Part, Text, ToolCall
from gateway.domain.reply import Reply, Stop
from gateway.domain.request import Request, Role, Sampling, Turn
from gateway.plugin import (
    AuthenticationError,
    BackendError,
    LLMBackend,
    ProcessedResponse,
    ResponseEnvelope,
    ServiceUnavailableError,
    StreamingResponseEnvelope,
    TranslationError,
)
from gateway.registry import Registry
from gateway.translation import Installed, TranslationService
from tests.sdk.scripts import anthropic, gemini, openai_chat, openai_responses
from tests.sdk.scripts.said import Call, Said
from tests.upstream import End, Upstream, head, open_stream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    from aiohttp import ClientResponse, ClientSession

PATHS = {
    "openai": "/chat/completions",
    "anthropic": "/messages",
    "responses": "/responses",
    "gemini": "/models/m1:generateContent",
}
SCRIPTS: dict[str, ModuleType] = {
    "openai": openai_chat,
    "anthropic": anthropic,
    "responses": openai_responses,
    "gemini": gemini,
}
# Ways to hand on what comes: text as the network cuts it, lines, the data of events
# as text, or as JSON.
WAYS = ("text", "lines", "data", "json")

each_format = pytest.mark.parametrize("form", PATHS)
each_way = pytest.mark.parametrize("way", WAYS)


class MyProviderBackend(LLMBackend):
    """The guide's, with what its reader fills in."""

    backend_type = "my-provider"

    def __init__(
        self, client: ClientSession, config: Any, translation_service: Any
    ) -> None:
        super().__init__(config)
        self.client = client
        self.translation_service = translation_service
        self.api_key: str | None = None
        self.api_base_url = "https://api.myprovider.com/v1"
        self.form: str = config["format"]
        self.way: str = config.get("way", "text")

    async def initialize(self, **kwargs: Any) -> None:
        self.api_key = kwargs.get("api_key")
        self.api_base_url = kwargs.get("api_base_url", self.api_base_url)

    async def chat_completions(
        self,
        request_data: Request,
        processed_messages: list[Any],
        effective_model: str,
        identity: Any = None,
        **kwargs: Any,
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        if not self.api_key:
            raise AuthenticationError(
                message="API key not configured", code="missing_api_key"
            )
        payload = self._prepare_payload(
            request_data, processed_messages, effective_model
        )
        if request_data.stream:
            return await self._handle_streaming(payload)
        return await self._handle_non_streaming(payload)

    def _prepare_payload(
        self, request_data: Request, processed_messages: list[Any], model: str
    ) -> dict[str, Any]:
        if processed_messages:
            request_data = evolve(request_data, turns=tuple(processed_messages))
        payload: dict[str, Any] = self.translation_service.from_domain_request(
            request_data, self.form
        )
        if self.form != "gemini":  # has both in the path
            payload["model"] = model
            payload["stream"] = bool(request_data.stream)
        return payload

    async def _post(self, payload: dict[str, Any], path: str) -> ClientResponse:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        try:
            response = await self.client.post(
                self.api_base_url + path, json=payload, headers=headers
            )
        except aiohttp.ClientConnectionError as e:
            raise ServiceUnavailableError(
                message=f"Could not connect to provider: {type(e).__name__}"
            ) from e
        if response.status >= 400:
            text = await response.text()
            raise BackendError(
                message=f"Provider returned error: {text}",
                code="provider_error",
                status_code=response.status,
            )
        return response

    async def _handle_non_streaming(self, payload: dict[str, Any]) -> ResponseEnvelope:
        response = await self._post(payload, PATHS[self.form])
        data = await response.json()
        domain_response = self.translation_service.to_domain_response(data, self.form)
        return ResponseEnvelope(
            content=domain_response,
            status_code=response.status,
            headers=dict(response.headers),
            usage=domain_response.usage,
        )

    async def _handle_streaming(
        self, payload: dict[str, Any]
    ) -> StreamingResponseEnvelope:
        path = PATHS[self.form]
        if self.form == "gemini":
            path = path.replace("generate", "streamGenerate") + "?alt=sse"
        response = await self._post(payload, path)

        async def event_stream() -> AsyncIterator[ProcessedResponse]:
            try:
                async for piece in chunks(response, self.way):
                    yield ProcessedResponse(
                        content=self.translation_service.to_domain_stream_chunk(
                            piece, self.form
                        )
                    )
                yield ProcessedResponse(
                    content=self.translation_service.to_domain_stream_end(self.form)
                )
            finally:
                response.close()

        async def cancel_stream() -> None:
            response.close()

        return StreamingResponseEnvelope(
            content=event_stream(),
            cancel_callback=cancel_stream,
            headers=dict(response.headers),
        )


async def chunks(response: ClientResponse, way: str) -> AsyncIterator[Any]:
    """Yield the pieces of a stream as one author or another takes them."""
    if way == "text":
        decoder = codecs.getincrementaldecoder("utf-8")()
        async for piece in response.content.iter_any():
            yield decoder.decode(piece)
        return
    async for line in response.content:
        if way == "lines":
            yield line.decode()
        elif line.startswith(b"data: "):
            text = line[6:].decode().strip()
            yield text if way == "data" or text == "[DONE]" else json.loads(text)


def service() -> TranslationService:
    return TranslationService(Installed(Registry()))


async def made(
    client: ClientSession, url: str, form: str, way: str = "text"
) -> MyProviderBackend:
    backend = MyProviderBackend(client, {"format": form, "way": way}, service())
    await backend.initialize(api_key="k-1", api_base_url=url, unknown=1)
    return backend


HI = Request("public", (Turn(Role.USER, (Text("hi"),)),))
CALLS = (Call("weather", {"city": "Brno"}, "call_1"), Call("time", {}, "call_2"))
SAID = Said(("Ja, ", "gr\u00fc\u00df ", "dich \u2028."), input=21, output=8)
CALLED = Said(("Let me see.",), CALLS, ending="tools")


def words(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def calls(parts: tuple[Part, ...]) -> list[tuple[str, Any]]:
    return [(p.name, json.loads(p.input)) for p in parts if isinstance(p, ToolCall)]


async def events_of(envelope: Any) -> list[Event]:
    assert isinstance(envelope, StreamingResponseEnvelope)
    return [event async for piece in envelope.content for event in piece.content]


def said_by(reply_: Reply, said: Said) -> None:
    """Assert that a reply says it all."""
    (choice,) = reply_.choices
    assert words(choice.parts) == said.words
    assert calls(choice.parts) == [(c.name, c.arguments) for c in said.calls]
    assert choice.finish is not None
    assert choice.finish.stop is (Stop.TOOLS if said.calls else Stop.END)
    assert reply_.usage is not None
    assert (reply_.usage.input_total, reply_.usage.output) == (said.input, said.output)


@each_format
@pytest.mark.parametrize("said", [SAID, CALLED], ids=["text", "calls"])
async def test_whole(form: str, said: Said) -> None:
    """The request goes out in the provider's words, and the answer comes back."""
    script = SCRIPTS[form]
    turn = Turn(Role.USER, (Text("processed"),))
    request = evolve(HI, sampling=Sampling(temperature=0.5, max_tokens=9))

    async with (
        Upstream(reply(script.whole(said, "m1"))) as up,
        aiohttp.ClientSession() as client,
    ):
        backend = await made(client, up.url, form)
        envelope = await backend.chat_completions(request, [turn], "m1")
        asked = await up.request()

    assert isinstance(envelope, ResponseEnvelope)
    said_by(envelope.content, said)
    assert envelope.usage == envelope.content.usage
    assert envelope.headers["Content-Type"] == "application/json"
    assert asked.path == f"/v1{PATHS[form]}"
    assert asked.header("authorization") == "Bearer k-1"
    assert script.heard(asked.json).said == [("user", "processed")]
    assert b"0.5" in asked.body
    assert ("model" in asked.json) is (form != "gemini")


@each_format
@each_way
@pytest.mark.parametrize("said", [SAID, CALLED], ids=["text", "calls"])
async def test_streamed(form: str, way: str, said: Said) -> None:
    """However its author takes the stream, it is whole and in order."""
    body = b"".join(SCRIPTS[form].pieces(said, "m1"))
    cuts = [body[i : i + 7] for i in range(0, len(body), 7)]

    async with Upstream(stream(cuts)) as up, aiohttp.ClientSession() as client:
        backend = await made(client, up.url, form, way)
        request = evolve(HI, stream=True)
        envelope = await backend.chat_completions(request, [], "m1")
        events = await events_of(envelope)
        asked = await up.request()

    check(events)
    assert isinstance(events[-1], ReplyEnd)
    said_by(fold(events), said)
    assert ("stream" in asked.path) is (form == "gemini")
    assert asked.json.get("stream") is (None if form == "gemini" else True)


@each_format
@each_way
async def test_cut_short_and_then_another(form: str, way: str) -> None:
    """A stream that breaks off is a fault, and nothing of it gets into the next."""
    pieces = SCRIPTS[form].pieces(SAID, "m1")
    # In the middle of an event, and so of a line.
    short = b"".join(pieces[:2]) + pieces[2][:15]
    bodies = [[short], pieces]

    async with (
        Upstream(lambda _: stream(bodies.pop(0))) as up,
        aiohttp.ClientSession() as client,
    ):
        backend = await made(client, up.url, form, "text" if way == "json" else way)
        request = evolve(HI, stream=True)
        broken = await events_of(await backend.chat_completions(request, [], "m1"))
        whole = await events_of(await backend.chat_completions(request, [], "m1"))

    check(broken)
    assert isinstance(broken[-1], Fault)
    check(whole)
    said_by(fold(whole), SAID)


@each_format
async def test_left_alone_and_then_another(form: str) -> None:
    """An author who forgets the end, or leaves early, begins anew all the same."""
    pieces = SCRIPTS[form].pieces(SAID, "m1")
    s = service()

    s.from_domain_request(HI, form)
    s.to_domain_stream_chunk(b"".join(pieces[:2]) + pieces[2][:15], form)
    s.from_domain_request(HI, form)
    events = s.to_domain_stream_chunk(b"".join(pieces), form)
    events += s.to_domain_stream_end(form)

    check(events)
    said_by(fold(events), SAID)


@each_format
async def test_failure_in_the_stream(form: str) -> None:
    """It ends the answer with the provider's message."""
    script = SCRIPTS[form]
    pieces = [*script.pieces(SAID, "m1")[:2], script.failure("it broke")]

    async with Upstream(stream(pieces)) as up, aiohttp.ClientSession() as client:
        backend = await made(client, up.url, form)
        request = evolve(HI, stream=True)
        events = await events_of(await backend.chat_completions(request, [], "m1"))

    faults = [event for event in events if isinstance(event, Fault)]
    assert faults[0].error.message == "it broke"


async def test_cancelled() -> None:
    """The callback frees the provider in the middle of a read, any number of times."""
    script = [*open_stream(*openai_chat.pieces(SAID, "m1")[:2]), End.HANG]

    async with Upstream(script) as up, aiohttp.ClientSession() as client:
        backend = await made(client, up.url, "openai")
        envelope = await backend.chat_completions(evolve(HI, stream=True), [], "m1")
        assert isinstance(envelope, StreamingResponseEnvelope)
        assert (await anext(envelope.content)).content
        assert envelope.cancel_callback is not None
        await envelope.cancel_callback()
        await envelope.cancel_callback()
        asked = await up.request()
        async with asyncio.timeout(1):
            await asked.gone()


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_provider_errors(status: int) -> None:
    answer = openai_chat.error(status, "no")

    async with Upstream(reply(answer, status)) as up, aiohttp.ClientSession() as client:
        backend = await made(client, up.url, "openai")
        with pytest.raises(BackendError, match="Provider returned error") as caught:
            await backend.chat_completions(HI, [], "m1")

    assert caught.value.status_code == status


async def test_nobody_there() -> None:
    async with Upstream([head(), End.FIN]) as up:
        pass

    async with aiohttp.ClientSession() as client:
        backend = await made(client, up.url, "openai")
        with pytest.raises(ServiceUnavailableError, match="ClientConnectorError"):
            await backend.chat_completions(HI, [], "m1")


async def test_no_key() -> None:
    async with aiohttp.ClientSession() as client:
        backend = MyProviderBackend(client, {"format": "openai"}, service())
        with pytest.raises(AuthenticationError, match="not configured"):
            await backend.chat_completions(HI, [], "m1")


@pytest.mark.parametrize("form", ["anthropic", "responses"])
async def test_what_the_provider_cannot_do(form: str) -> None:
    """The error names the member; the gateway answers it in the caller's dialect."""
    async with aiohttp.ClientSession() as client:
        backend = await made(client, "http://127.0.0.1:9", form)
        with pytest.raises(TranslationError) as caught:
            request = evolve(HI, sampling=Sampling(n=2))
            await backend.chat_completions(request, [], "m1")

    assert caught.value.param == "sampling.n"


@each_format
@pytest.mark.parametrize("client_format", PATHS)
async def test_both_ways(form: str, client_format: str) -> None:
    """A hybrid's author goes from a client's words to a provider's, and back."""
    bodies: dict[str, dict[str, Any]] = {
        "openai": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
        "responses": {"model": "m", "input": "hi"},
        "anthropic": {
            "model": "m",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "hi"}],
        },
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    }
    s, script = service(), SCRIPTS[form]

    request = s.to_domain_request(bodies[client_format], client_format, model="m")
    payload = s.from_domain_request(request, form)
    answer = s.from_domain_response(
        s.to_domain_response(script.whole(SAID, "m1"), form), client_format, request
    )
    told: list[Any] = []
    for piece in script.pieces(SAID, "m1"):
        events = s.to_domain_stream_chunk(piece.decode(), form)
        told += s.from_domain_stream_chunk(events, client_format)
    told += s.from_domain_stream_chunk(s.to_domain_stream_end(form), client_format)

    assert script.heard(payload).said == [("user", "hi")]
    assert SAID.words in json.dumps(answer, ensure_ascii=False)
    assert SAID.text[1] in json.dumps(told, ensure_ascii=False)
    assert ("[DONE]" in told) is (client_format == "openai")
    assert s.to_domain_stream_end(form) == ()
