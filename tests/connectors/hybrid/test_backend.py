"""The hybrid backend, with models that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import define, evolve, field

from connectors.hybrid import HYBRID, HybridBackend
from gateway.domain.errors import APIConnectionError, RateLimitExceededError
from gateway.domain.events import (
    Event,
    Fault,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
)
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.loss import Loss, dropped
from gateway.domain.parts import Text, Thinking, ToolCall
from gateway.domain.reply import Usage
from gateway.domain.request import Reasoning, Request, Role, Sampling, Turn
from gateway.plugin import (
    BackendError,
    BackendPluginDefinition,
    ConfigurationError,
    InvalidRequestError,
    LLMBackend,
    LLMProxyError,
    ProcessedResponse,
    ResponseEnvelope,
    ServiceUnavailableError,
    StreamingResponseEnvelope,
)
from gateway.settings import Backend
from tests.connectors.hybrid.replies import call, reply, text, thinking, words

PAIR = "[r:think,e:answer]"
ASKED = Request("hybrid", (Turn(Role.USER, (Text("Rain?"),), bare=True),), stream=True)
LATER = evolve(
    ASKED, turns=(*ASKED.turns, Turn(Role.ASSISTANT, (Text("No."),)), *ASKED.turns)
)
THOUGHTS = reply(thinking(0, "Clouds", "?"), text(1, "x"), usage=Usage(output=9))
ANSWER = reply(text(0, "It is ", "dry."), usage=Usage(input=3, output=4))
HANG = object()


@define
class Model:
    """
    What one model says, event by event.

    Attributes:
        freed: how often it was cancelled.
    """

    script: tuple[Any, ...]
    losses: list[Loss] = field(factory=list)
    freed: int = 0
    hanging: asyncio.Event = field(factory=asyncio.Event)
    begun: asyncio.Event = field(factory=asyncio.Event)

    async def pieces(self) -> AsyncIterator[ProcessedResponse]:
        for one in self.script:
            if one is HANG:
                self.begun.set()
                await self.hanging.wait()
                return
            if isinstance(one, LLMProxyError):
                raise one
            yield ProcessedResponse((one,))

    async def free(self) -> None:
        self.freed += 1
        self.hanging.set()


@define
class Provider:
    """
    Asks models by their selectors.

    Attributes:
        asked: selectors, requests and identities, in order.
        opening: selectors of models that never begin to answer.
    """

    models: dict[str, Any]
    asked: list[tuple[str, Request, Any]] = field(factory=list)
    opening: tuple[str, ...] = ()
    began: asyncio.Event = field(factory=asyncio.Event)
    cancelled: list[str] = field(factory=list)

    async def chat_completions(
        self, selector: str, request: Request, identity: Any = None
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        self.asked.append((selector, request, identity))
        if selector in self.opening:
            try:
                self.began.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(selector)
                raise
        model = self.models[selector]
        if isinstance(model, LLMProxyError):
            raise model
        if isinstance(model, LLMBackend):
            return await model.chat_completions(request, [], "[a,b]")
        if not request.stream:
            whole = fold(e for e in model.script if e is not HANG)
            return ResponseEnvelope(whole, {"x-a": "b"}, losses=model.losses)
        return StreamingResponseEnvelope(
            model.pieces(), cancel_callback=model.free, losses=model.losses
        )

    @property
    def selectors(self) -> list[str]:
        return [selector for selector, _, _ in self.asked]


def provider(first: Any = THOUGHTS, second: Any = ANSWER, **others: Any) -> Provider:
    models = {
        name: Model(told) if isinstance(told, tuple) else told
        for name, told in (("r:think", first), ("e:answer", second))
    }
    return Provider(models, **others)


async def hybrid(asked: Provider, **extra: Any) -> HybridBackend:
    backend = HybridBackend(None, Backend(extra=extra), None, chance=lambda: 0.5)
    await backend.initialize(provider=asked, api_key=None)
    return backend


async def stream(
    asked: Provider, request: Request = ASKED, model: str = PAIR, **extra: Any
) -> StreamingResponseEnvelope:
    backend = await hybrid(asked, **extra)
    envelope = await backend.chat_completions(request, [], model, "who")  # type: ignore[arg-type]
    assert isinstance(envelope, StreamingResponseEnvelope)
    return envelope


async def events_of(envelope: StreamingResponseEnvelope) -> list[Event]:
    events = [event async for piece in envelope.content for event in piece.content]
    check(events)
    return events


async def failure_of(asked: Provider) -> LLMProxyError:
    """Return how it fails: at once, or in the middle of the stream."""
    try:
        envelope = await stream(asked)
    except LLMProxyError as error:
        return error
    last = (await events_of(envelope))[-1]
    assert isinstance(last, Fault)
    return last.error


# -- both phases


async def test_both() -> None:
    """Thoughts come first, then the answer, as one reply; and both are counted."""
    asked = provider()

    events = await events_of(await stream(asked))

    whole = fold(events)
    assert whole.choices[0].parts == (Thinking("Clouds?"), Text("It is dry."))
    assert whole.usage == Usage(input=3, output=4)  # the first was stopped before
    assert asked.selectors == ["r:think", "e:answer"]
    assert asked.models["r:think"].freed == 1
    assert all(who == "who" for _, _, who in asked.asked)


async def test_thoughts_are_live() -> None:
    """They are shown before the model that thinks has come to an end."""
    asked = provider((ReplyStart(), *list(thinking(0, "Clouds"))[:-1], HANG))
    pieces = (await stream(asked)).content

    seen = [event async for piece in _until(pieces, ThinkingDelta) for event in piece]
    assert words(seen, ThinkingDelta) == "Clouds"
    assert asked.selectors == ["r:think"]
    await pieces.aclose()  # type: ignore[attr-defined]


async def _until(
    pieces: AsyncIterator[ProcessedResponse], kind: type
) -> AsyncIterator[tuple[Event, ...]]:
    async for piece in pieces:
        yield piece.content
        if any(isinstance(event, kind) for event in piece.content):
            return


async def test_what_the_second_is_asked() -> None:
    """The same, with the thoughts as an instruction, and not to think itself."""
    asked = provider()

    await events_of(await stream(asked))

    first, second = (request for _, request, _ in asked.asked)
    assert first.reasoning == Reasoning(effort="high")
    assert second.reasoning == Reasoning(enabled=False)
    assert first.turns == ASKED.turns
    (note,) = second.turns[0].parts
    assert isinstance(note, Text)
    assert "Clouds?" in note.text


async def test_usage_of_both() -> None:
    """Where the first comes to its end, what it used up is counted as well."""
    first = reply(text(0, "Clouds?"), usage=Usage(input=2, output=9))

    whole = fold(await events_of(await stream(provider(first))))

    assert whole.usage == Usage(input=5, output=13, reasoning=9)


async def test_whole() -> None:
    """A client that wants one piece gets it; the second model is asked for one."""
    asked = provider()
    backend = await hybrid(asked)

    envelope = await backend.chat_completions(evolve(ASKED, stream=False), [], PAIR)

    assert isinstance(envelope, ResponseEnvelope)
    parts = envelope.content.choices[0].parts
    assert parts == (Thinking("Clouds?"), Text("It is dry."))
    assert envelope.usage == Usage(input=3, output=4)
    assert envelope.headers == {"x-a": "b"}
    assert [request.stream for _, request, _ in asked.asked] == [True, False]


async def test_whole_that_fails() -> None:
    """The failure of a phase is raised where there is no stream to say it in."""
    backend = await hybrid(provider(second=APIConnectionError("cut")))

    with pytest.raises(BackendError) as caught:
        await backend.chat_completions(evolve(ASKED, stream=False), [], PAIR)

    assert caught.value.code == "hybrid_execution_failed"


async def test_first_model_does_not_stream() -> None:
    """Where it answers in one piece, that is taken apart."""

    class Whole(Provider):
        async def chat_completions(self, selector: Any, request: Any, *_: Any) -> Any:
            asked = evolve(request, stream=False)
            return await super().chat_completions(selector, asked)

    models = {"r:think": Model(THOUGHTS), "e:answer": Model(ANSWER)}

    whole = fold(await events_of(await stream(Whole(models))))

    assert whole.choices[0].parts == (Thinking("Clouds?"), Text("It is dry."))


async def test_messages_of_the_gateway() -> None:
    """Turns that replace the request's own do so for both models."""
    asked, turns = provider(), [Turn(Role.USER, (Text("Snow?"),), bare=True)]
    backend = await hybrid(asked)

    await events_of(await backend.chat_completions(ASKED, turns, PAIR))  # type: ignore[arg-type]

    assert [request.turns[-1] for _, request, _ in asked.asked] == [*turns, *turns]


async def test_same_backend_twice() -> None:
    """Both models may be the same."""
    asked = Provider({"m": Model(ANSWER)})

    whole = fold(await events_of(await stream(asked, model="[m,m]")))

    assert whole.choices[0].parts == (Thinking("It is dry."), Text("It is dry."))


async def test_own_thoughts_of_the_second() -> None:
    """They are left out, or passed on where that is configured."""
    second = reply(thinking(0, "Hm."), text(1, "Dry."))

    stripped = await events_of(await stream(provider(second=second)))
    passed = await events_of(
        await stream(provider(second=second), execution_thinking="pass")
    )

    assert words(stripped, ThinkingDelta) == "Clouds?"
    assert words(passed, ThinkingDelta) == "Clouds?Hm."


async def test_losses() -> None:
    """What either model could not be told is told to who asked."""
    asked = provider()
    asked.models["r:think"].losses = [dropped("sampling.seed")]
    asked.models["e:answer"].losses = [dropped("turns[1].name"), dropped("reasoning")]

    envelope = await stream(asked)
    await events_of(envelope)

    assert envelope.losses == [dropped("sampling.seed"), dropped("turns[0].name")]


# -- one phase


async def test_only_calls() -> None:
    """Calls without a thought are the answer, and the second is not asked."""
    asked = provider(reply(call(0), usage=Usage(output=6)))

    whole = fold(await events_of(await stream(asked)))

    (part,) = whole.choices[0].parts
    assert isinstance(part, ToolCall)
    assert part.input == '{"city": "Brno"}'
    assert whole.usage == Usage(output=6, reasoning=6)
    assert asked.selectors == ["r:think"]


async def test_only_calls_without_an_end() -> None:
    """Calls after which the upstream broke off are no answer."""
    asked = provider(reply(call(0))[:-1])

    error = await failure_of(asked)

    assert error.code == "hybrid_reasoning_failed"


async def test_nothing_thought() -> None:
    """Where the first model says nothing the second answers alone."""
    asked = provider(reply())

    events = await events_of(await stream(asked))

    assert words(events, TextDelta) == "It is dry."
    assert asked.asked[1][1].turns == ASKED.turns


@pytest.mark.parametrize(("probability", "phases"), [(0.5, 1), (0.51, 2), (1.0, 2)])
async def test_probability(probability: float, phases: int) -> None:
    """In later turns it is a matter of chance whether there is thinking first."""
    asked = provider()

    events = await events_of(await stream(asked, LATER, probability=probability))

    assert len(asked.asked) == phases
    assert words(events, TextDelta) == "It is dry."


async def test_first_turn_always_thinks() -> None:
    """In the first turn it is no matter of chance."""
    asked = provider()

    await events_of(await stream(asked, probability=0))

    assert len(asked.asked) == 2


@pytest.mark.parametrize("moment", ["opening", "thinking"])
async def test_too_late(moment: str) -> None:
    """A model that thinks for too long is left, and its thoughts are not used."""
    said = (ReplyStart(), *list(thinking(0, "Clouds"))[:-1], HANG)
    asked = provider(said, opening=("r:think",) if moment == "opening" else ())

    events = await events_of(await stream(asked, reasoning_timeout="30ms"))

    assert words(events, TextDelta) == "It is dry."
    assert words(events, ThinkingDelta) == ("" if moment == "opening" else "Clouds")
    assert asked.asked[1][1].turns == ASKED.turns
    if moment == "opening":
        assert asked.cancelled == ["r:think"]
    else:
        assert asked.models["r:think"].freed == 1


async def test_counts_that_do_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that has finished is not waited for, and what it thought is used."""
    monkeypatch.setattr("connectors.hybrid.run.LINGER", 0.02)
    asked = provider((*reply(text(0, "Clouds?"))[:-1], HANG))

    await events_of(await stream(asked))

    assert asked.asked[1][1].turns[1:] == ASKED.turns


# -- failures


@pytest.mark.parametrize("place", ["opening", "fault", "raised", "cut"])
@pytest.mark.parametrize("phase", ["reasoning", "execution"])
async def test_failure(phase: str, place: str) -> None:
    """A model that fails is named, and half an answer is never a whole one."""
    inner = RateLimitExceededError("too many", retry_after=3)
    begun = (ReplyStart(), *text(0, "Half"))
    broken: Any = {
        "opening": inner,
        "fault": (*begun, Fault(inner)),
        "raised": (*begun, inner),
        "cut": begun,
    }[place]
    asked = provider(first=broken) if phase == "reasoning" else provider(second=broken)

    error = await failure_of(asked)

    assert (error.status_code, error.code) == (502, f"hybrid_{phase}_failed")
    assert error.details["phase"] == phase
    assert error.details["status"] == (502 if place == "cut" else 429)
    assert error.retry_after == (None if place == "cut" else 3)
    assert phase in error.message
    assert len(asked.asked) == (1 if phase == "reasoning" else 2)


async def test_client_mistake() -> None:
    """What the client asked wrongly it is told as such."""
    asked = provider(first=InvalidRequestError("no films", param="turns[0]"))

    error = await failure_of(asked)

    assert (error.status_code, error.param) == (400, "turns[0]")


# -- cancelling


@pytest.mark.parametrize("phase", ["reasoning", "execution"])
async def test_cancel_during_a_read(phase: str) -> None:
    """In either phase the upstream is freed, and the pieces just end."""
    begun = (ReplyStart(), *list(thinking(0, "Clouds"))[:-1], HANG)
    later = (ReplyStart(), *list(text(0, "Dry"))[:-1], HANG)
    asked = provider(begun) if phase == "reasoning" else provider(second=later)
    model = asked.models["r:think" if phase == "reasoning" else "e:answer"]
    envelope = await stream(asked)
    reading = asyncio.ensure_future(_all(envelope))
    await model.begun.wait()
    assert envelope.cancel_callback is not None

    await envelope.cancel_callback()

    check([*await reading], partial=True)
    assert not isinstance((await reading)[-1], Fault)
    assert model.freed == 1
    await envelope.cancel_callback()
    assert model.freed == 1
    assert len(asked.asked) == (1 if phase == "reasoning" else 2)


async def _all(envelope: StreamingResponseEnvelope) -> list[Event]:
    return [event async for piece in envelope.content for event in piece.content]


async def test_cancel_before_the_head() -> None:
    """A model that has not begun to answer is not waited for."""
    asked = provider(opening=("e:answer",))
    envelope = await stream(asked)
    reading = asyncio.ensure_future(_all(envelope))
    await asked.began.wait()
    assert envelope.cancel_callback is not None

    await envelope.cancel_callback()

    await reading
    assert asked.cancelled == ["e:answer"]


async def test_cancel_before_the_first_piece() -> None:
    """The first has been asked, and is freed; the second is not asked any more."""
    asked = provider()
    envelope = await stream(asked)
    assert envelope.cancel_callback is not None

    await envelope.cancel_callback()

    assert await _all(envelope) == [ReplyStart()]
    assert asked.models["r:think"].freed == 1
    assert asked.selectors == ["r:think"]


@pytest.mark.parametrize("selector", ["r:think", "e:answer"])
async def test_cancelled_task(selector: str) -> None:
    """A task that is cancelled leaves no upstream behind, however it waits."""
    asked = provider(opening=(selector,))
    reading = asyncio.ensure_future(_streamed(asked))
    await asked.began.wait()

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert asked.cancelled == [selector]


async def _streamed(asked: Provider) -> list[Event]:
    return await _all(await stream(asked))


async def test_failure_without_thinking() -> None:
    """Where the second is asked alone it is the one that has failed."""
    asked = provider(second=APIConnectionError("no"))

    with pytest.raises(BackendError) as caught:
        await stream(asked, LATER, probability=0)

    assert caught.value.code == "hybrid_execution_failed"


async def test_closed_iterator() -> None:
    """Who stops to read frees the upstream."""
    asked = provider(second=(ReplyStart(), *list(text(0, "Dry"))[:-1], HANG))
    pieces = (await stream(asked)).content
    async for _ in _until(pieces, TextDelta):
        pass

    await pieces.aclose()  # type: ignore[attr-defined]

    assert asked.models["e:answer"].freed == 1


# -- what cannot be asked


async def test_several_answers() -> None:
    """One at a time: two answers would need two trains of thought."""
    backend = await hybrid(provider())
    request = evolve(ASKED, sampling=Sampling(n=2))

    with pytest.raises(InvalidRequestError) as caught:
        await backend.chat_completions(request, [], PAIR)

    assert caught.value.param == "n"


async def test_disabled() -> None:
    """It can be switched off."""
    backend = await hybrid(provider(), enabled=False)

    with pytest.raises(ConfigurationError) as caught:
        await backend.chat_completions(ASKED, [], PAIR)

    assert (caught.value.status_code, caught.value.code) == (
        400,
        "hybrid_backend_disabled",
    )


async def test_hybrid_of_hybrids() -> None:
    """A name that leads back to a hybrid model is found out when it is asked."""
    asked = provider()
    asked.models["r:think"] = await hybrid(asked)

    error = await failure_of(asked)

    assert (error.status_code, error.code) == (400, "invalid_hybrid_model")
    # What asks after that is not inside of anything.
    asked.models["r:think"] = Model(THOUGHTS)
    assert not isinstance((await events_of(await stream(asked)))[-1], Fault)


async def test_without_a_provider() -> None:
    """Until it knows how to ask others it is not ready."""
    backend = HybridBackend(None, None, None)

    with pytest.raises(ServiceUnavailableError):
        await backend.chat_completions(ASKED, [], PAIR)


async def test_names() -> None:
    """Pairs can have names, which are listed, and mean what they say."""
    asked = provider()
    backend = await hybrid(asked, models={"smart": PAIR})

    assert backend.get_available_models() == ["smart"]
    await events_of(await backend.chat_completions(ASKED, [], "smart"))  # type: ignore[arg-type]
    assert asked.selectors == ["r:think", "e:answer"]


def test_definition() -> None:
    """It is a plugin like any other, and wrong settings keep it from being built."""
    definition = HYBRID()

    assert isinstance(definition, BackendPluginDefinition)
    assert definition.backend_name == "hybrid"
    with pytest.raises(ConfigurationError, match=r"extra\.timeout"):
        definition.factory(None, Backend(extra={"timeout": 5}), None)  # type: ignore[arg-type]
