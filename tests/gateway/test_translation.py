"""The real translators, as somebody else's backend uses them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from connectors.anthropic import ANTHROPIC
from connectors.cohere import COHERE
from connectors.compatible import (
    DEEPSEEK,
    OLLAMA,
    OPENAI,
    OPENAI_COMPATIBLE,
    OPENROUTER,
)
from connectors.gemini import GEMINI
from gateway.domain.errors import (
    BackendError,
    ConfigurationError,
    InvalidRequestError,
    TranslationError,
)
from gateway.domain.events import (
    ChoiceEnd,
    Event,
    Fault,
    ReplyEnd,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import Text
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage
from gateway.domain.request import Request, Role, Sampling, Turn
from gateway.plugin import Connector, Dialect
from gateway.translation import NOTED, Installed, Noted, TranslationService
from gateway.wire.sse import MAX_EVENT
from tests.streams import DONE, cuts, finish_chunk, text_chunk

PASSED_ONLY = Connector(
    name="passed", base_url="", speaks=(Dialect("strange", {}),), auth=OPENAI.auth
)


class Connectors:
    """The registry's part in it, without entry points; it tells what was loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self._all: dict[str, Any] = {
            c.name: c
            for c in (
                *(ANTHROPIC, COHERE, DEEPSEEK, GEMINI, OLLAMA, OPENAI),
                *(OPENAI_COMPATIBLE, OPENROUTER),
            )
        }
        self._all["demo"] = object()
        self._all["passed"] = PASSED_ONLY

    @property
    def names(self) -> list[str]:
        return [*self._all, "broken"]

    def peek(self, name: str) -> Any:
        self.loaded.append(name)
        return self._all.get(name)


@pytest.fixture
def service() -> TranslationService:
    return TranslationService(Installed(Connectors()))


HI = Request("m", (Turn(Role.USER, (Text("hi"),)),))
REPLY = Reply(
    "r1",
    "m",
    10,
    (Choice((Text("yes"),), Finish(Stop.END, "stop")),),
    Usage(3, output=1),
)
OPENAI_ANSWER = {
    "id": "r1",
    "object": "chat.completion",
    "created": 10,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "yes"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("openai", "messages"),
        ("openai_chat", "messages"),
        ("openrouter", "messages"),
        ("deepseek", "messages"),
        ("responses", "input"),
        ("openai-responses", "input"),
        ("anthropic", "max_tokens"),
        ("cohere", "messages"),
        ("ollama", "messages"),
    ],
)
def test_requests_out(service: TranslationService, name: str, member: str) -> None:
    """A format is a protocol, its other name, or a provider's."""
    body = service.from_domain_request(HI, name)

    assert body["model"] == "m"
    assert member in body


@pytest.mark.parametrize("name", ["openai", "chat", "openai_chat"])
def test_openai_is_what_compatible_servers_take(
    service: TranslationService, name: str
) -> None:
    """They would ignore OpenAI's newer name for the limit, and answer without one."""
    request = Request("m", HI.turns, sampling=Sampling(max_tokens=5))

    assert service.from_domain_request(request, name)["max_tokens"] == 5


def test_all_losses(service: TranslationService) -> None:
    """Who wants to know more than the body asks for it."""
    request = Request("m", HI.turns, sampling=Sampling(verbosity="low"))

    written = service.write_request(request, "cohere")

    assert [loss.path for loss in written.losses] == ["sampling.verbosity"]
    assert service.from_domain_request(request, "cohere") == written.body


def test_request_that_cannot_be_said(service: TranslationService) -> None:
    """Nothing is left out without which the answer would be another one."""
    request = Request("m", HI.turns, sampling=Sampling(n=2))

    with pytest.raises(TranslationError) as caught:
        service.from_domain_request(request, "cohere")

    assert caught.value.param == "sampling.n"
    assert [loss["path"] for loss in caught.value.details["losses"]] == ["sampling.n"]


@pytest.mark.parametrize("form", [dict, json.dumps, lambda j: json.dumps(j).encode()])
def test_answers_in(service: TranslationService, form: Any) -> None:
    """As JSON, as text or as bytes."""
    reply = service.to_domain_response(form(OPENAI_ANSWER), "openai")

    assert reply.choices[0].parts == (Text("yes"),)
    assert reply.usage == Usage(3, output=1)


def test_answers_that_are_none(service: TranslationService) -> None:
    with pytest.raises(TranslationError, match="not JSON"):
        service.to_domain_response("<html>", "openai")
    with pytest.raises(BackendError):
        service.to_domain_response({}, "openai")


def test_requests_in(service: TranslationService) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

    request = service.to_domain_request(body, "openai")

    assert (request.model, request.stream) == ("m", False)
    assert [part for turn in request.turns for part in turn.parts] == [Text("hi")]


def test_request_whose_path_says_the_model(service: TranslationService) -> None:
    """Gemini's bodies do not name it, nor that they want a stream."""
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}

    request = service.to_domain_request(body, "gemini", model="g", stream=True)

    assert (request.model, request.stream) == ("g", True)


def test_broken_request(service: TranslationService) -> None:
    with pytest.raises(InvalidRequestError):
        service.to_domain_request("{", "openai")


@pytest.mark.parametrize("request_", [None, HI], ids=["alone", "with its request"])
@pytest.mark.parametrize("name", ["openai", "responses", "anthropic", "gemini"])
def test_answers_out(
    service: TranslationService, name: str, request_: Request | None
) -> None:
    """Each dialect of clients has its own words for them."""
    answer = service.from_domain_response(REPLY, name, request_)

    assert "yes" in json.dumps(answer)


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.from_domain_request(HI, "nonsense"),
        lambda s: s.to_domain_response({}, "nonsense"),
        lambda s: s.to_domain_stream_chunk({}, "nonsense"),
        lambda s: s.to_domain_request({}, "nonsense"),
        lambda s: s.from_domain_response(REPLY, "nonsense"),
        lambda s: s.from_domain_stream_chunk((), "nonsense"),
        lambda s: s.from_domain_request(HI, "demo"),
        lambda s: s.from_domain_request(HI, "broken"),
        lambda s: s.from_domain_request(HI, "passed"),
    ],
)
def test_unknown_format(service: TranslationService, use: Any) -> None:
    """The error names those that there are."""
    with pytest.raises(ConfigurationError) as caught:
        use(service)

    assert caught.value.code == "unknown_format"
    assert "anthropic" in caught.value.message


def test_format_without_clients(service: TranslationService) -> None:
    with pytest.raises(TranslationError, match="no client speaks cohere"):
        service.from_domain_response(REPLY, "cohere")


def test_format_without_a_translator() -> None:
    """A mapping of one's own may have dialects that only pass."""
    service = TranslationService({"x": Dialect("x", {})})

    with pytest.raises(TranslationError):
        service.from_domain_request(HI, "x")


def test_loaded_when_used() -> None:
    """To know the formats' names loads nothing."""
    connectors = Connectors()
    installed = Installed(connectors)

    names = list(installed)

    assert len(installed) == len(names)
    assert {"openai", "responses", "gemini", "openrouter", "demo"} <= set(names)
    assert connectors.loaded == []
    assert installed["responses"].protocol == "openai_responses"
    assert connectors.loaded == ["openai"]


STREAM = [text_chunk("one "), text_chunk("two"), finish_chunk(), DONE]
LAST = [ChoiceEnd(Finish(Stop.END, "stop")), ReplyEnd()]


def text_of(events: list[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def as_json(frame: bytes) -> Any:
    text = frame.decode().removeprefix("data: ").strip()
    return text if text == "[DONE]" else json.loads(text)


@pytest.mark.parametrize("form", [as_json, lambda f: f.decode()[6:].strip()])
def test_streams_in(service: TranslationService, form: Any) -> None:
    """One event's data after the other, as JSON or as text."""
    events = [
        event
        for frame in STREAM
        for event in service.to_domain_stream_chunk(form(frame), "openai")
    ]

    check(events)
    assert text_of(events) == "one two"
    assert events[-2:] == LAST


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_raw_streams_in(service: TranslationService, size: int) -> None:
    """Text as it comes from the network, cut anywhere, is cut into events here."""
    pieces = [cut.decode() for cut in cuts(b"".join(STREAM), size)]

    events = [
        event
        for piece in pieces
        for event in service.to_domain_stream_chunk(piece, "openai")
    ]

    check(events)
    assert text_of(events) == "one two"


def test_events_with_names(service: TranslationService) -> None:
    """Where the data alone is given, it says what kind of event it is."""
    fault = {"type": "error", "error": {"type": "overloaded_error", "message": "full"}}

    (event,) = service.to_domain_stream_chunk(fault, "anthropic")

    assert isinstance(event, Fault)
    assert event.error.message == "full"


def test_next_stream_begins_anew(service: TranslationService) -> None:
    """The memory of a stream ends with it, so that one task can read several."""
    for _ in range(2):
        events = [
            event
            for frame in STREAM
            for event in service.to_domain_stream_chunk(as_json(frame), "openai")
        ]
        check(events)


async def test_streams_of_two_tasks(service: TranslationService) -> None:
    """Tasks do not share a stream's memory."""

    async def read(word: str) -> str:
        events: list[Event] = []
        for frame in [text_chunk(word), *STREAM[2:]]:
            events += service.to_domain_stream_chunk(as_json(frame), "openai")
            await asyncio.sleep(0)
        check(events)
        return text_of(events)

    assert [*await asyncio.gather(read("a"), read("b"))] == ["a", "b"]


async def test_memory_ends_with_its_task(service: TranslationService) -> None:
    """A stream that nobody finished is forgotten."""

    async def begin() -> None:
        service.to_domain_stream_chunk(as_json(STREAM[0]), "openai")

    await asyncio.create_task(begin())
    await asyncio.sleep(0)

    assert len(service._streams) == 0


def test_reader_of_ones_own(service: TranslationService) -> None:
    """For two streams in one task, and to hear how a stream ended."""
    one, two = service.stream_reader("openai"), service.stream_reader("openai")

    events = [*one.feed(b"".join(STREAM).rstrip()), *one.eof()]
    half = [*two.feed(STREAM[0]), *two.eof()]

    assert events[-2:] == LAST
    assert isinstance(half[-1], Fault)


@pytest.mark.parametrize("chunk", ["", "\n", b"  "])
def test_nothing(service: TranslationService, chunk: Any) -> None:
    """White space between events tells nothing, not even what follows."""
    reader = service.stream_reader("openai")

    assert reader.feed(chunk) == ()
    assert reader.feed(as_json(STREAM[0])) != ()
    assert reader.feed(chunk) == ()


def test_endless_event(service: TranslationService) -> None:
    """What never ends is a fault, not an exception."""
    (fault,) = service.stream_reader("openai").feed(b"data: " + b" " * (MAX_EVENT + 1))

    assert isinstance(fault, Fault)
    assert fault.error.code == "event_too_large"


def test_lines_in(service: TranslationService) -> None:
    """Ollama's are events by themselves, raw or not."""
    lines: list[dict[str, Any]] = [
        {"model": "m", "message": {"role": "assistant", "content": "hi"}},
        {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop"},
    ]

    events = [
        e for line in lines for e in service.to_domain_stream_chunk(line, "ollama")
    ]

    assert fold(events).choices[0].parts == (Text("hi"),)


LINES = [
    b'{"model": "m", "message": {"role": "assistant", "content": "one "}}\n',
    b'{"model": "m", "message": {"content": "two"}}\n',
    b'{"message": {"content": ""}, "done": true, "done_reason": "stop"}\n',
]


@pytest.mark.parametrize("size", [1, 7, 50, 4096])
@pytest.mark.parametrize("last", [b"\n", b"\n\n", b""], ids=["line", "blank", "cut"])
def test_raw_lines_in(service: TranslationService, size: int, last: bytes) -> None:
    """Cut anywhere, or several at once; the last may lack its end."""
    reader = service.stream_reader("ollama")
    body = b"".join(LINES).rstrip() + last

    events = [event for cut in cuts(body, size) for event in reader.feed(cut)]
    events += reader.eof()

    check(events)
    assert text_of(events) == "one two"
    assert events[-2:] == LAST


@pytest.mark.parametrize("strip", [bytes.strip, bytes])
def test_line_by_line(service: TranslationService, strip: Any) -> None:
    """With or without their ends, blank ones or not, and told when they come."""
    told = [service.to_domain_stream_chunk(strip(line), "ollama") for line in LINES]

    assert service.to_domain_stream_chunk("\n", "ollama") == ()
    assert [text_of([*events]) for events in told] == ["one ", "two", ""]
    assert [*told[-1]][-2:] == LAST


CHUNK = {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "index": 0}]}
STOP = {"candidates": [{"index": 0, "finishReason": "STOP"}]}


@pytest.mark.parametrize(
    ("chunks", "last"),
    [([CHUNK, STOP], ReplyEnd), ([CHUNK], Fault), ([STOP], ReplyEnd)],
)
def test_end_of_a_protocol_without_one(
    service: TranslationService, chunks: list[Any], last: type[Event]
) -> None:
    """Whether an answer is whole only its stream's end can tell, and once."""
    for chunk in chunks:
        service.to_domain_stream_chunk(chunk, "gemini")

    end = service.to_domain_stream_end("gemini")

    assert type(end[-1]) is last
    assert service.to_domain_stream_end("gemini") == ()


def test_end_of_nothing(service: TranslationService) -> None:
    assert service.to_domain_stream_end("openai") == ()
    with pytest.raises(ConfigurationError):
        service.to_domain_stream_end("nonsense")


@pytest.mark.parametrize("done", ["[DONE]", "data: [DONE]\n\n"])
def test_last_word_after_the_end(service: TranslationService, done: str) -> None:
    """Some say OpenAI's last word after their own; it belongs to no next stream."""
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
    start = {"type": "message-start", "id": "r"}

    for _ in range(2):
        events = service.to_domain_stream_chunk(start, "cohere")
        events += service.to_domain_stream_chunk(end, "cohere")
        assert service.to_domain_stream_chunk(done, "cohere") == ()

        check(events)
        assert isinstance(events[-1], ReplyEnd)


def test_last_word_alone(service: TranslationService) -> None:
    """An empty stream is no answer, though it has an end."""
    reader = service.stream_reader("openai")

    assert reader.feed("[DONE]") == ()
    assert isinstance(reader.eof()[-1], Fault)


@pytest.mark.parametrize("name", ["openai", "openai_chat"])
def test_next_request_begins_anew(service: TranslationService, name: str) -> None:
    """What is left of a stream that broke off is not mixed into the next one."""
    service.to_domain_stream_chunk(b"".join(STREAM[:2])[:-5], "openai")
    service.from_domain_request(HI, name)

    events = service.to_domain_stream_chunk(b"".join(STREAM), "openai")

    check(events)
    assert text_of([*events]) == "one two"


def test_next_client_begins_anew(service: TranslationService) -> None:
    """The same for what is written: a new client gets a whole stream."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    events = [
        e for f in STREAM for e in service.to_domain_stream_chunk(as_json(f), "openai")
    ]
    first = service.from_domain_stream_chunk(events[:-1], "openai")

    service.to_domain_request(body, "openai")
    second = service.from_domain_stream_chunk(events[:-1], "openai")

    assert [chunk["choices"] for chunk in second] == [c["choices"] for c in first]


@pytest.mark.parametrize("name", ["openai", "responses", "anthropic", "gemini"])
def test_streams_out(service: TranslationService, name: str) -> None:
    """The data of a client's events, in its own dialect."""
    frames = [
        frame
        for source in STREAM
        for frame in service.from_domain_stream_chunk(
            service.to_domain_stream_chunk(as_json(source), "openai"), name
        )
    ]

    assert "one " in json.dumps(frames)
    assert ("[DONE]" in frames) is (name == "openai")


def test_writer_of_ones_own(service: TranslationService) -> None:
    """It asks the request whether the client wants counts, and keeps the losses."""
    request = Request("m", stream=True, include_usage=True)
    writer = service.stream_writer("openai", request)
    events = [
        e for f in STREAM for e in service.to_domain_stream_chunk(as_json(f), "openai")
    ]
    counts = UsageUpdate(Usage(3, output=1))

    frames = writer.feed([*events[:-1], counts, events[-1]])

    assert frames[-1] == "[DONE]"
    assert frames[-2]["usage"]["prompt_tokens"] == 3
    assert writer.writer.losses == []


# -- what an author may have in place of the domain's own

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "seed": 5}


def test_request_as_json(service: TranslationService) -> None:
    """JSON is taken for OpenAI's."""
    body = service.from_domain_request(dict(ASKED), "anthropic")

    assert body["messages"][0]["role"] == "user"


def test_messages_in_place_of_the_requests_own(service: TranslationService) -> None:
    """Turns and OpenAI's messages, in the order in which they are given."""
    turn = Turn(Role.SYSTEM, (Text("be brief"),))
    message = {"role": "user", "content": "bye"}

    found = service.with_messages(dict(ASKED), [turn, message])
    body = service.from_domain_request(dict(ASKED), "openai", messages=[turn, message])

    assert [turn.role for turn in found.messages] == [Role.SYSTEM, Role.USER]
    assert [m["content"] for m in body["messages"]] == ["be brief", "bye"]
    assert body["seed"] == 5
    assert service.with_messages(found, []) is found


def test_losses_are_noted(service: TranslationService) -> None:
    """For the request being served, where there is one."""
    noted = Noted()
    token = NOTED.set(noted)

    service.from_domain_request(dict(ASKED), "anthropic")
    NOTED.reset(token)

    assert "sampling.seed" in [loss.path for loss in noted.losses]


def test_strict(service: TranslationService) -> None:
    """Where nothing may be lost, what would be is refused."""
    token = NOTED.set(Noted(strict=True))

    with pytest.raises(TranslationError) as caught:
        service.from_domain_request(dict(ASKED), "anthropic")
    NOTED.reset(token)

    paths = [loss["path"] for loss in caught.value.details["losses"]]
    assert "sampling.seed" in paths


@pytest.mark.parametrize("answer", [None, [], 5])
def test_answer_that_is_no_object(service: TranslationService, answer: Any) -> None:
    """aiohttp gives ``None`` for an empty body."""
    with pytest.raises(BackendError, match="not an object"):
        service.to_domain_response(answer, "openai")
