"""A backend set up as the gateway does it, before a scripted provider."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp.test_utils import TestClient, TestServer
from attrs import frozen

from gateway.api import build
from gateway.domain.events import Event, TextDelta
from gateway.domain.parts import Text
from gateway.domain.request import Request, Role, Turn
from gateway.gauges import Board
from gateway.plugin import ProcessedResponse, StreamingResponseEnvelope
from gateway.registry import Registry
from gateway.secret import Secret
from gateway.server import make_site
from gateway.sessions import make_session
from gateway.settings import Backend, Responses, Settings
from gateway.testing.guards import expect
from gateway.testing.upstream import Answer, Upstream
from gateway.translation import Installed, TranslationService
from gateway.unpacking import envelope_in, reply_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from gateway.domain.reply import Reply
    from gateway.plugin import LLMBackend, ResponseEnvelope
    from gateway.testing.upstream import Request as Asked
    from gateway.testing.upstream import Script

T = TypeVar("T")

# No real key looks like it, and no text has it by chance.
KEY = "contract-key-5b0c2f9ae1d74c83"
QUESTION = "contract question 7719"
# Seconds that one test may take.
PATIENCE = 10.0


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run one test's coroutine, which must not take for ever."""

    async def bounded() -> T:
        async with asyncio.timeout(PATIENCE):
            return await main

    return asyncio.run(bounded())


@cache
def translation() -> TranslationService:
    return TranslationService(Installed(Registry()))


def question(model: str, *, stream: bool, text: str = QUESTION) -> Request:
    return Request(model, (Turn(Role.USER, (Text(text),)),), stream=stream)


@frozen
class Stage:
    """
    One backend, ready to be asked.

    Attributes:
        model: that is asked for.
    """

    backend: LLMBackend
    upstream: Upstream
    model: str

    async def ask(self, *, stream: bool = False, **members: Any) -> Any:
        """Return what the backend returns, whatever that is."""
        request = question(self.model, stream=stream)
        processed: list[Any] = members.get("processed_messages", [])
        return await self.backend.chat_completions(request, processed, self.model)

    async def open(self) -> StreamingResponseEnvelope:
        """Return the envelope of a stream, which was meant to be one at least."""
        envelope = envelope_in(await self.ask(stream=True))
        expect(
            isinstance(envelope, StreamingResponseEnvelope),
            f"a stream was asked for, and a {type(envelope).__name__} came",
        )
        return envelope  # type: ignore[return-value]

    async def streamed(self) -> list[Event]:
        """Return all events of one stream."""
        return await drained(await self.open())


async def drained(envelope: StreamingResponseEnvelope) -> list[Event]:
    events: list[Event] = []
    reader = None
    pieces: Any = envelope.content
    async for piece in pieces:
        content: Any = piece.content if isinstance(piece, ProcessedResponse) else piece
        if isinstance(content, dict | str | bytes):  # in OpenAI's words
            reader = reader or translation().stream_reader("openai")
            content = reader.feed(content)
        events += content
    if reader is not None:
        events += reader.eof()
    return events


def whole(envelope: ResponseEnvelope) -> Reply:
    """
    Return the answer in *envelope*, as the gateway reads it.

    Raises:
        LLMProxyError: the envelope says that it is an error.
        TypeError: it is no answer.
    """
    reader: Any = _Reads(translation())
    return reply_in(envelope, reader)


@frozen
class _Reads:
    """What of a configured backend is needed to read an envelope."""

    translation: TranslationService


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def outcome(attempt: Awaitable[T]) -> T | Exception:
    """Return what comes of *attempt*, be it an exception."""
    try:
        return await attempt
    except Exception as exc:  # whatever it is, the test judges it
        return exc


@asynccontextmanager
async def staged(
    contract: Any, script: Callable[[Asked], Answer], **given: Any
) -> AsyncIterator[Stage]:
    """
    Set up the backend of *contract* before a provider that plays *script*.

    Args:
        given: what `LLMBackend.initialize` gets beside the usual, or in its place.
    """
    async with Upstream(with_models(contract, script)) as upstream:
        settings = settings_of(contract, upstream.url)
        async with make_session(settings) as session:
            backend = contract.make(session, settings, translation())
            try:
                await backend.initialize(**initial(contract, upstream.url, **given))
                yield Stage(backend, upstream, contract.model)
            finally:
                await backend.close()


def initial(contract: Any, url: str, **given: Any) -> dict[str, Any]:
    """Return what `LLMBackend.initialize` gets."""
    return {
        "provider": None,
        "api_key": KEY,
        "api_keys": [KEY],
        "api_base_url": url + contract.base_path,
        "models": [],
        **contract.extra,
        **given,
    }


def settings_of(contract: Any, url: str) -> Backend:
    return Backend(
        api_base_url=url + contract.base_path,
        api_key=Secret(KEY),
        extra=dict(contract.extra),
        models=(contract.model,),
    )


def with_models(contract: Any, script: Callable[[Asked], Answer]) -> Script:
    """Return *script* with an answer to who asks for the models."""

    def play(request: Asked) -> Answer:
        if request.method == "GET":
            found: Answer = contract.models_answer()
            return found
        return script(request)

    return play


@asynccontextmanager
async def gateway_before(
    name: str, given: Any, settings: Backend
) -> AsyncIterator[TestClient[Any, Any]]:
    """
    Serve the backend ``up`` in this process.

    Args:
        given: what `Registry.register` takes for the type *name*.
    """
    registry = Registry()
    expect(registry.register(name, given), f"{name} is the name of something else")
    site = make_site(
        Settings(backends={"up": settings}, responses=Responses(file="none")),
        registry,
        Board(1),
        0,
    )
    server = TestServer(build(site), handler_cancellation=True)
    async with TestClient(server) as client:
        yield client
    await site.close()
