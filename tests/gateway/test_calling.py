"""Backends are asked by other backends, over real connections."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import evolve, frozen
from multidict import CIMultiDict

from gateway.calling import Calling
from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    BackendError,
    InvalidRequestError,
    RoutingError,
)
from gateway.domain.events import Event, Fault, ReplyEnd
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.loss import dropped
from gateway.domain.parts import Media, Text
from gateway.domain.reply import Reply, Usage
from gateway.domain.request import Request, Role, Sampling, Turn
from gateway.identity import CallerIdentity
from gateway.plugin import (
    LLMBackend,
    ProcessedResponse,
    ResponseEnvelope,
    StreamingResponseEnvelope,
)
from gateway.registry import Registry
from gateway.routes import RouteTable
from gateway.secret import Secret
from gateway.settings import Backend, Identity, Route, Timeouts
from gateway.virtual_backend import VirtualBackend
from tests.connectors.hybrid.wires import (
    anthropic_end,
    anthropic_start,
    anthropic_text,
)
from tests.streams import DONE, finish_chunk, text_chunk, usage_chunk
from tests.upstream import End, Pause, Script, Upstream, open_stream, reply, stream

ASKED = Request("any", (Turn(Role.USER, (Text("hi"),), bare=True),))
STREAMED = evolve(ASKED, stream=True)
CHAT = [text_chunk("Hel"), text_chunk("lo"), finish_chunk(), usage_chunk(3, 2), DONE]
WHOLE = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


@frozen
class Scene:
    provider: Calling
    upstream: Upstream

    async def stream(
        self, selector: str = "up:m1", request: Request = STREAMED
    ) -> StreamingResponseEnvelope:
        envelope = await self.provider.chat_completions(selector, request)
        assert isinstance(envelope, StreamingResponseEnvelope)
        return envelope

    async def events(self, selector: str = "up:m1") -> list[Event]:
        return await events_of(await self.stream(selector))

    async def whole(
        self, selector: str = "up:m1", request: Request = ASKED
    ) -> ResponseEnvelope:
        envelope = await self.provider.chat_completions(selector, request)
        assert isinstance(envelope, ResponseEnvelope)
        return envelope


async def events_of(envelope: StreamingResponseEnvelope) -> list[Event]:
    """Return all events, which must be a legal reply."""
    events = [event async for piece in envelope.content for event in piece.content]
    check(events)
    return events


def text_of(reply: Reply) -> str:
    parts = reply.choices[0].parts
    return "".join(part.text for part in parts if isinstance(part, Text))


@asynccontextmanager
async def scene(
    script: Script, own: LLMBackend | None = None, **members: Any
) -> AsyncIterator[Scene]:
    """Give a provider with backends ``up``, ``claude`` and perhaps ``own``."""
    async with Upstream(script) as upstream:
        settings: dict[str, Any] = {
            "api_base_url": upstream.url,
            "api_key": Secret("sk-0123456789"),
            **members,
        }
        registry = Registry()
        backends: dict[str, Any] = {
            name: registry.build(name, Backend(type=kind, **settings), os.environ)
            for name, kind in (("up", "openai-compatible"), ("claude", "anthropic"))
        }
        if own is not None:
            session = backends["up"].session
            backends["own"] = VirtualBackend("own", Backend(**members), own, session)
        routes = [
            Route("alias", "up:m2"),
            Route("strict", "claude:m2", losses="refuse"),
        ]
        table = RouteTable(routes, backends)
        provider = Calling(table, backends, registry, max_reply=2048)
        try:
            yield Scene(provider, upstream)
        finally:
            for backend in backends.values():
                await backend.close()


# -- what is asked


async def test_streams() -> None:
    """The answer comes in events of the domain, whatever the backend speaks."""
    async with scene(stream(CHAT)) as it:
        events = await it.events()
        (request,) = it.upstream.requests

    assert text_of(fold(events)) == "Hello"
    assert fold(events).usage == Usage(input=3, output=2)
    assert request.json["model"] == "m1"
    assert request.json["stream_options"] == {"include_usage": True}
    assert request.header("authorization") == "Bearer sk-0123456789"


async def test_pieces_tell_their_counts() -> None:
    """Who only counts need not look into the events."""
    async with scene(stream(CHAT)) as it:
        envelope = await it.stream()
        counted = [piece.usage async for piece in envelope.content]

    assert [usage for usage in counted if usage] == [Usage(input=3, output=2)]


async def test_another_dialect() -> None:
    """A backend is asked in its own words."""
    frames = [anthropic_start(), *anthropic_text(0, "Hel", "lo"), *anthropic_end()]
    async with scene(stream(frames)) as it:
        events = await it.events("claude:m1")
        (request,) = it.upstream.requests

    assert text_of(fold(events)) == "Hello"
    assert request.path == "/v1/messages"
    assert request.header("x-api-key") == "sk-0123456789"


async def test_whole() -> None:
    """Who does not ask for a stream gets the answer in one piece."""
    async with scene(reply(WHOLE, headers={"x-ratelimit-limit-tokens": "7"})) as it:
        envelope = await it.whole()

    assert text_of(envelope.content) == "Hello"
    assert envelope.usage == Usage(input=3, output=2)
    assert envelope.headers["x-ratelimit-limit-tokens"] == "7"


async def test_routes() -> None:
    """A selector is whatever a client may say."""
    async with scene(reply(WHOLE)) as it:
        await it.whole("alias")
        (request,) = it.upstream.requests

    assert request.json["model"] == "m2"


async def test_unknown_model() -> None:
    """Nobody answers to it."""
    async with scene([]) as it:
        with pytest.raises(RoutingError):
            await it.whole("nobody:m1")


async def test_backend_without_chat() -> None:
    """A dialect without a translator is for clients who speak it."""
    async with scene([]) as it:
        backend: Any = it.provider.backends["up"]
        backend.speaks = tuple(evolve(d, translator=None) for d in backend.speaks)
        with pytest.raises(RoutingError, match="does not offer chat"):
            await it.whole()


# -- what cannot be said


async def test_losses() -> None:
    """What the backend's dialect does not know is listed."""
    asked = evolve(ASKED, sampling=Sampling(seed=5, max_tokens=9))
    async with scene(reply({**ANTHROPIC, "content": []})) as it:
        envelope = await it.whole("claude:m1", asked)

    assert [loss.path for loss in envelope.losses] == ["sampling.seed"]


async def test_losses_of_a_stream() -> None:
    """The same, before the first event."""
    asked = evolve(STREAMED, sampling=Sampling(top_k=5), user="u" * 5)
    asked = evolve(asked, extras={"gemini": {"labels": {}}})
    async with scene(stream(CHAT)) as it:
        envelope = await it.stream(request=asked)
        await events_of(envelope)

    assert envelope.losses == [dropped("labels", "only gemini knows it")]


async def test_refused_loss() -> None:
    """What would make another answer of it keeps it from being asked."""
    film = Turn(Role.USER, (Media("video", "video/mp4", "AAAA"),))
    async with scene([]) as it:
        with pytest.raises(InvalidRequestError) as caught:
            await it.whole("claude:m1", evolve(ASKED, turns=(film,)))

        assert it.upstream.requests == []
    assert caught.value.param == "turns[0].parts[0]"


async def test_lossless_route() -> None:
    """A route that refuses losses refuses them here, too."""
    async with scene([]) as it:
        with pytest.raises(InvalidRequestError, match="seed"):
            await it.whole("strict", evolve(ASKED, sampling=Sampling(seed=5)))


# -- one streams, the other does not


async def test_upstream_does_not_stream() -> None:
    """A whole answer is taken apart for who wants pieces."""
    async with scene(reply(WHOLE)) as it:
        events = await it.events()

    assert text_of(fold(events)) == "Hello"


async def test_upstream_streams_all_the_same() -> None:
    """A stream is put together for who wants one piece."""
    async with scene(stream(CHAT)) as it:
        envelope = await it.whole()

    assert text_of(envelope.content) == "Hello"


# -- failures


async def test_refusal() -> None:
    """An answer with an error's status is an error, and keeps what it said."""
    body = {"error": {"message": "slow down", "code": "rate_limited"}}
    headers = {"content-type": "application/json", "retry-after": "7"}
    async with scene(reply(body, 429, headers)) as it:
        with pytest.raises(BackendError) as caught:
            await it.provider.chat_completions("up:m1", STREAMED)
    error = caught.value
    assert (error.status_code, error.message) == (429, "slow down")
    assert error.retry_after == 7


async def test_error_in_an_answer() -> None:
    """An error behind a status of success is one, too."""
    async with scene(reply({"error": {"message": "no", "code": 500}})) as it:
        with pytest.raises(BackendError, match="no"):
            await it.whole()


@pytest.mark.parametrize(
    "ending",
    [End.FIN, End.RST, End.HALF_CLOSE],
    ids=lambda end: end.name,
)
async def test_cut_short(ending: End) -> None:
    """A stream that breaks off ends in a fault, never in silence."""
    async with scene([*open_stream(text_chunk("Hel")), ending]) as it:
        events = await it.events()

    assert isinstance(events[-1], Fault)
    assert isinstance(events[-1].error, APIConnectionError)


async def test_cut_short_in_one_piece() -> None:
    """Half of a whole answer is none."""
    script = [reply(WHOLE)[0][:-9], End.FIN]  # type: ignore[index]
    async with scene(script) as it:
        with pytest.raises(APIConnectionError):
            await it.whole()


async def test_too_large() -> None:
    """What exceeds the limit is not held in memory."""
    async with scene(reply(b" " * 4096)) as it:
        with pytest.raises(BackendError) as caught:
            await it.whole()

    assert caught.value.code == "reply_too_large"


CLOCKS = Timeouts(first_event=0.15, idle=0.05)


async def test_no_answer() -> None:
    """The first clock runs until there is an answer."""
    async with scene([End.HANG], timeouts=CLOCKS) as it:
        with pytest.raises(APITimeoutError, match="no first event"):
            await it.stream()

        await it.upstream.requests[0].gone()


async def test_no_event() -> None:
    """It goes on after the head; comments are no events."""
    script = [*open_stream(b": wait\n\n"), Pause(0.05), End.HANG]
    async with scene(script, timeouts=CLOCKS) as it:
        (event,) = await it.events()
        await it.upstream.requests[0].gone()

    assert isinstance(event, Fault)
    assert event.error.code == "upstream_timeout"


async def test_idle() -> None:
    """The second clock runs between two events."""
    script = [*open_stream(text_chunk("Hel")), End.HANG]
    async with scene(script, timeouts=CLOCKS) as it:
        *_, last = await it.events()

    assert isinstance(last, Fault)
    assert last.error.code == "upstream_idle_timeout"


async def test_idle_in_one_piece() -> None:
    """It runs in the middle of a whole answer, too."""
    script = [reply(WHOLE)[0][:-9], End.HANG]  # type: ignore[index]
    async with scene(script, timeouts=CLOCKS) as it:
        with pytest.raises(APITimeoutError):
            await it.whole()

        await it.upstream.requests[0].gone()


async def test_slow_reader() -> None:
    """While whoever asked has not taken the last piece, no clock runs."""
    async with scene(stream(CHAT), timeouts=CLOCKS) as it:
        envelope = await it.stream()
        events: list[Event] = []
        async for piece in envelope.content:
            events += piece.content
            await asyncio.sleep(0.06)

    assert text_of(fold(events)) == "Hello"


# -- ending early


async def test_connection_is_used_again() -> None:
    """An answer that was read to its end leaves its connection to the next."""
    async with scene(stream(CHAT)) as it:
        await it.events()
        await it.events()

        assert it.upstream.accepted == 1


async def test_words_after_the_last() -> None:
    """What still comes is read, so that the connection can be used again."""
    *said, end = stream(CHAT)
    late = [Pause(0.02), *stream([b": bye\n\n"])[1:-1], end]
    async with scene([*said, *late]) as it:
        assert isinstance((await it.events())[-1], ReplyEnd)
        await it.events()

        assert it.upstream.accepted == 1


async def test_upstream_that_does_not_close() -> None:
    """After the last word nobody waits for long."""
    async with scene([*stream(CHAT)[:-1], End.HANG]) as it:
        began = time.monotonic()
        events = await it.events()

    assert isinstance(events[-1], ReplyEnd)
    assert time.monotonic() - began < 3


HANGING: Script = [*open_stream(text_chunk("Hel")), End.HANG]


async def test_cancel_before_the_first_piece() -> None:
    """The upstream is freed although nobody has read, and nothing comes after."""
    async with scene(HANGING) as it:
        envelope = await it.stream()
        assert envelope.cancel_callback is not None
        began = time.monotonic()
        await envelope.cancel_callback()

        assert await it.upstream.requests[0].gone() - began < 0.1
        assert [piece async for piece in envelope.content] == []


async def test_cancel_during_a_read() -> None:
    """Whoever is reading gets the end, not an error; a second time does nothing."""
    async with scene(HANGING) as it:
        envelope = await it.stream()
        assert envelope.cancel_callback is not None
        assert await anext(envelope.content)
        reading = asyncio.ensure_future(anext(envelope.content, None))
        await asyncio.sleep(0)
        began = time.monotonic()
        await envelope.cancel_callback()

        assert await reading is None
        assert await it.upstream.requests[0].gone() - began < 0.1
        await envelope.cancel_callback()


async def test_cancel_after_the_end() -> None:
    """It does no harm."""
    async with scene(stream(CHAT)) as it:
        envelope = await it.stream()
        await events_of(envelope)
        assert envelope.cancel_callback is not None
        await envelope.cancel_callback()


async def test_closed_iterator() -> None:
    """Who stops to read frees the upstream as well."""
    async with scene(HANGING) as it:
        envelope = await it.stream()
        assert await anext(envelope.content)
        await envelope.content.aclose()  # type: ignore[attr-defined]

        await it.upstream.requests[0].gone(0.5)


@pytest.mark.parametrize("script", [[End.HANG], HANGING], ids=["head", "body"])
async def test_cancelled_task(script: Script) -> None:
    """A task that is cancelled leaves nothing behind."""
    async with scene(script) as it:
        task = asyncio.create_task(it.events())
        request = await it.upstream.request()
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await request.gone(0.5)


# -- who asks


async def test_identity() -> None:
    """The backend is told which application asks, and nothing of that one request."""
    caller = CIMultiDict(
        {"X-Title": "App", "Traceparent": "00-1", "Idempotency-Key": "k", "Cookie": "c"}
    )
    async with scene(reply(WHOLE)) as it:
        identity = CallerIdentity(Identity(), caller)
        await it.provider.chat_completions("up:m1", ASKED, identity)
        (request,) = it.upstream.requests

    assert request.header("x-title") == "App"
    assert request.header("traceparent") == "00-1"
    assert request.header("idempotency-key") is None
    assert request.header("cookie") is None


class OfAPlugin:
    def get_resolved_headers(self, incoming: Any) -> dict[str, str]:
        assert incoming is None
        return {"X-Title": "App"}


async def test_identity_of_a_plugin() -> None:
    """Whatever gives headers is an identity."""
    async with scene(reply(WHOLE)) as it:
        await it.provider.chat_completions("up:m1", ASKED, OfAPlugin())

        assert it.upstream.requests[0].header("x-title") == "App"


# -- backends that answer by themselves


class Own(LLMBackend):
    """Answers what it is told, and remembers what it was asked."""

    backend_type = "own"

    def __init__(self, answer: Callable[[Request], Any]) -> None:
        super().__init__(None)
        self.asked: list[Any] = []
        self.cancelled = 0
        self._answer = answer

    async def initialize(self, **kwargs: Any) -> None:
        self.asked.append(sorted(kwargs))

    async def chat_completions(
        self,
        request_data: Request,
        processed_messages: list[Any],
        effective_model: str,
        identity: Any = None,
        **kwargs: Any,
    ) -> Any:
        self.asked.append((request_data, processed_messages, effective_model, identity))
        return self._answer(request_data)

    async def cancel(self) -> None:
        self.cancelled += 1


async def pieces(*found: Any) -> AsyncIterator[ProcessedResponse]:
    for one in found:
        if isinstance(one, Exception):
            raise one
        yield ProcessedResponse(tuple(one))


async def test_own_whole() -> None:
    """A backend that answers by itself is initialised first, and told the model."""
    own = Own(lambda _: ResponseEnvelope(fold(fold_events())))
    async with scene([], own) as it:
        identity = CallerIdentity(Identity())
        envelope = await it.provider.chat_completions("own:x?y=1", ASKED, identity)
        await it.whole("own:x")

    assert isinstance(envelope, ResponseEnvelope)
    assert text_of(envelope.content) == "Hello"
    request, messages, model, who = own.asked[1]
    assert (request.model, messages, model, who) == ("x?y=1", [], "x?y=1", identity)


async def test_own_stream() -> None:
    """Its events come as they are, and what frees it is called."""
    replied = fold_events()
    own = Own(lambda _: StreamingResponseEnvelope(pieces(replied), {}, 200, own.cancel))
    async with scene([], own) as it:
        assert await it.events("own:x") == replied

    assert own.cancelled == 1


@pytest.mark.parametrize(
    "found", [(), (APIConnectionError("cut"),)], ids=["end", "raise"]
)
async def test_own_cut_short(found: tuple[Any, ...]) -> None:
    """A backend that just stops, or raises, has failed in the middle."""
    begun = fold_events()[:-2]
    own = Own(lambda _: StreamingResponseEnvelope(pieces(begun, *found)))
    async with scene([], own) as it:
        events = await it.events("own:x")

    assert events[:-1] == begun
    assert isinstance(events[-1], Fault)


async def test_own_is_cancelled_during_a_read() -> None:
    """Its own callback is called, and its pieces end."""

    async def hang() -> AsyncIterator[ProcessedResponse]:
        await asyncio.Event().wait()
        yield ProcessedResponse(())

    async def nothing() -> None:
        reading.cancel()

    own = Own(lambda _: StreamingResponseEnvelope(hang(), {}, 200, nothing))
    async with scene([], own) as it:
        envelope = await it.stream("own:x")
        reading = asyncio.ensure_future(anext(envelope.content, None))
        await asyncio.sleep(0.01)
        assert envelope.cancel_callback is not None
        await envelope.cancel_callback()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_own_goes_on_after_the_cancel() -> None:
    """What it still says then goes nowhere."""
    cancelled = asyncio.Event()

    async def late() -> AsyncIterator[ProcessedResponse]:
        await cancelled.wait()
        yield ProcessedResponse(tuple(fold_events()))

    async def cancel() -> None:
        cancelled.set()

    own = Own(lambda _: StreamingResponseEnvelope(late(), {}, 200, cancel))
    async with scene([], own) as it:
        envelope = await it.stream("own:x")
        reading = asyncio.ensure_future(anext(envelope.content, None))
        await asyncio.sleep(0.01)
        assert envelope.cancel_callback is not None
        await envelope.cancel_callback()

        assert await reading is None


async def test_own_says_that_it_failed() -> None:
    """An envelope with an error's status is an error, and what it holds is freed."""
    own = Own(lambda _: StreamingResponseEnvelope(pieces(), {}, 429, own.cancel))
    async with scene([], own) as it:
        with pytest.raises(BackendError) as caught:
            await it.stream("own:x")

    assert caught.value.status_code == 429
    assert own.cancelled == 1


async def test_own_takes_too_long() -> None:
    """Its clocks are those of its settings."""

    async def hang() -> AsyncIterator[ProcessedResponse]:
        await asyncio.Event().wait()
        yield ProcessedResponse(())

    own = Own(lambda _: StreamingResponseEnvelope(hang()))
    async with scene([], own, timeouts=CLOCKS) as it:
        (event,) = await it.events("own:x")

    assert isinstance(event, Fault)
    assert isinstance(event.error, APITimeoutError)


def fold_events() -> list[Event]:
    from gateway.domain.fold import unfold
    from gateway.domain.reply import Choice, Finish, Stop

    return list(unfold(Reply(choices=(Choice((Text("Hello"),), Finish(Stop.END)),))))


async def test_translation_service() -> None:
    """It is there for backends that need it, and made once."""
    async with scene([]) as it:
        service = it.provider.translation_service

        assert service is it.provider.translation_service
        assert "openai" in service.formats


ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m1",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
