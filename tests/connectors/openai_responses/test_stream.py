"""Streamed responses, read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.openai_responses.response import read_reply
from connectors.openai_responses.stream import reader
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    OpaqueDelta,
    Ping,
    RefusalDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import (
    Logprob,
    Opaque,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.openai_responses import PROTOCOL
from gateway.wire.sse import SseFramer
from tests.streams import cuts

Json = dict[str, Any]

RESPONSE: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "in_progress",
    "output": [],
    "usage": None,
    "error": None,
}
CREATED: Json = {"type": "response.created", "response": RESPONSE}
PROGRESS: Json = {"type": "response.in_progress", "response": RESPONSE}
EMPTY = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
MESSAGE: Json = {"type": "message", "id": "m1", "role": "assistant"}
TEXT: Json = {**EMPTY, "text": "Hi"}
WHOLE: Json = {**MESSAGE, "status": "completed", "content": [TEXT]}
START = ReplyStart("resp_1", "m", 1, {PROTOCOL: {"form": {"error": None}}})


def completed(*output: Json, **members: Any) -> Json:
    response = {**RESPONSE, "status": "completed", "output": [*output], **members}
    return {"type": "response.completed", "response": response}


def added(item: Json, index: int = 0) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: Json, index: int = 0) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def at(kind: str, **members: Any) -> Json:
    place = {"item_id": "m1", "output_index": 0, "content_index": 0}
    return {"type": f"response.{kind}", **place, **members}


def body(*events: Json) -> bytes:
    frames = (
        b"event: %b\ndata: %b\n\n"
        % (
            str(e.get("type")).encode(),
            json.dumps({**e, "sequence_number": i}).encode(),
        )
        for i, e in enumerate(events)
    )
    return b"".join(frames)


def read_bytes(data: bytes, size: int = 4096) -> list[Event]:
    framer, reading = SseFramer(), reader()
    frames = [f for piece in cuts(data, size) for f in framer.feed(piece)]
    frames += framer.eof()
    events = [e for frame in frames for e in reading.feed(frame)] + reading.eof()
    check(events)
    return events


def read(*events: Json, size: int = 4096) -> list[Event]:
    return read_bytes(body(*events), size)


def inside(*events: Json) -> list[Event]:
    """Return what is read between the start and the end of a reply."""
    start, *found, finish, end = read(CREATED, *events, completed())
    assert start == START
    assert isinstance(finish, ChoiceEnd)
    assert end == ReplyEnd()
    return found


def words(part: Text | Thinking | Refusal | ToolCall) -> tuple[str, str]:
    text = part.input if isinstance(part, ToolCall) else part.text
    return type(part).__name__, text


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_message(size: int) -> None:
    """A text, however the network cuts it."""
    found = read(
        CREATED,
        PROGRESS,
        added({**MESSAGE, "status": "in_progress", "content": []}),
        at("content_part.added", part=EMPTY),
        at("output_text.delta", delta="H", logprobs=[]),
        at("output_text.delta", delta="i", logprobs=[]),
        at("output_text.done", text="Hi", logprobs=[]),
        at("content_part.done", part=TEXT),
        done(WHOLE),
        completed(WHOLE, usage={"input_tokens": 3, "output_tokens": 1}, completed_at=2),
        size=size,
    )

    begun = {"item": {"type": "message", "id": "m1", "status": "in_progress"}}
    ended = {"item": {"type": "message", "id": "m1", "status": "completed"}}
    assert found == [
        START,
        BlockStart(0, Text(group=0, extras={PROTOCOL: begun})),
        TextDelta(0, "H"),
        TextDelta(0, "i"),
        BlockEnd(0, {PROTOCOL: ended}),
        Foreign(PROTOCOL, "form", {"error": None, "completed_at": 2}),
        UsageUpdate(Usage(3, output=1)),
        ChoiceEnd(Finish(Stop.END, "completed")),
        ReplyEnd(),
    ]


SUMMARY = {"type": "summary_text", "text": ""}
THOUGHT: Json = {"type": "reasoning", "id": "rs", "summary": []}
CALL: Json = {
    "type": "function_call",
    "id": "fc",
    "call_id": "c",
    "name": "f",
    "arguments": "{}",
}
RICH = [
    {
        **THOUGHT,
        "summary": [{**SUMMARY, "text": "s1"}, {**SUMMARY, "text": "s2"}],
        "content": [{"type": "reasoning_text", "text": "raw"}],
        "encrypted_content": "E",
    },
    {
        **WHOLE,
        "phase": "commentary",
        "content": [
            {
                **TEXT,
                "annotations": [{"type": "url_citation", "url": "http://x"}],
                "logprobs": [{"token": "Hi", "logprob": -0.5}],
            },
            {"type": "refusal", "refusal": "no"},
            {"type": "novelty", "a": 1},
        ],
    },
    {**WHOLE, "content": []},
    {**THOUGHT, "encrypted_content": "F"},
    CALL,
    {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
    {"type": "web_search_call", "id": "ws"},
    {"type": "message", "role": "user", "content": "not the model's"},
]


@pytest.mark.parametrize(
    "events",
    [
        [CREATED, *(done(item, i) for i, item in enumerate(RICH)), completed(*RICH)],
        [CREATED, completed(*RICH)],
        [completed(*RICH)],
        [
            CREATED,
            *(
                event
                for i, item in enumerate(RICH)
                for event in (added(item, i), done(item, i))
            ),
            completed(*RICH),
        ],
    ],
)
def test_little_announced(events: list[Json]) -> None:
    """Items that are told whole, wherever, make the same reply."""
    assert fold(read(*events)) == read_reply(completed(*RICH)["response"])


def test_thoughts() -> None:
    """Parts of a summary are blocks of one group; the seal is the last one's."""
    item = {
        **THOUGHT,
        "summary": [{**SUMMARY, "text": "ab"}, {**SUMMARY, "text": "c"}],
        "encrypted_content": "E",
        "status": "completed",
    }
    part = {"item_id": "rs", "output_index": 0}
    kind = "response.reasoning_summary"
    found = inside(
        added({**THOUGHT, "status": "in_progress", "encrypted_content": "early"}),
        {"type": f"{kind}_part.added", **part, "summary_index": 0, "part": SUMMARY},
        {"type": f"{kind}_text.delta", **part, "summary_index": 0, "delta": "ab"},
        {"type": f"{kind}_text.done", **part, "summary_index": 0, "text": "ab"},
        {
            "type": f"{kind}_part.done",
            **part,
            "summary_index": 0,
            "part": item["summary"][0],
        },
        {"type": f"{kind}_text.delta", **part, "summary_index": 1, "delta": "c"},
        done(item),
    )

    known = {"type": "reasoning", "id": "rs"}
    begun = {PROTOCOL: {"item": {**known, "status": "in_progress"}}}
    assert found == [
        BlockStart(0, Thinking(group=0, extras=begun)),
        ThinkingDelta(0, "ab"),
        BlockEnd(0, {PROTOCOL: {"item": known}}),
        BlockStart(1, Thinking(group=0)),
        ThinkingDelta(1, "c"),
        SignatureDelta(1, Signature(PROTOCOL, "rs:E")),
        BlockEnd(1, {PROTOCOL: {"item": {**known, "status": "completed"}}}),
    ]


def test_raw_thoughts() -> None:
    """DeepSeek and llama.cpp tell thoughts as content."""
    text = {"type": "reasoning_text", "text": "raw"}

    found = inside(
        added(THOUGHT),
        at("content_part.added", part={**text, "text": ""}),
        at("reasoning_text.delta", delta="raw"),
        at("reasoning_text.done", text="raw"),
        at("content_part.done", part=text),
        done({**THOUGHT, "content": [text]}),
    )

    assert ThinkingDelta(0, "raw") in found
    (part,) = (
        fold([START, *found, ChoiceEnd(Finish(Stop.END)), ReplyEnd()]).choices[0].parts
    )
    assert isinstance(part, Thinking)
    assert part.extras[PROTOCOL]["form"] == {"type": "reasoning_text"}


def test_refusal() -> None:
    """A refusal is one in the finish, too."""
    item = {**WHOLE, "content": [{"type": "refusal", "refusal": "no"}]}

    *_, delta, end, finish, _ = read(
        CREATED,
        added({**MESSAGE, "content": []}),
        at("content_part.added", part={"type": "refusal", "refusal": ""}),
        at("refusal.delta", delta="no"),
        at("refusal.done", refusal="no"),
        at("content_part.done", part={"type": "refusal", "refusal": "no"}),
        done(item),
        completed(item),
    )

    assert delta == RefusalDelta(0, "no")
    assert isinstance(end, BlockEnd)
    assert finish == ChoiceEnd(Finish(Stop.REFUSAL, "completed"))


def test_logprobs_and_sources() -> None:
    """Tokens and sources come with the text."""
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    source = {"type": "url_citation", "url": "http://x"}

    found = inside(
        added({**MESSAGE, "content": []}),
        at("output_text.delta", delta="a", logprobs=[token]),
        at("output_text.delta", delta="b", logprobs=[token]),
        at("output_text.annotation.added", annotation=source, annotation_index=0),
        at("content_part.done", part={**TEXT, "annotations": [source, source]}),
        done({**WHOLE, "content": [{**TEXT, "annotations": [source] * 3}]}),
    )

    assert found[1:3] == [
        TextDelta(0, text, (Logprob("a", -0.5, (97,)),)) for text in "ab"
    ]
    assert [type(event) for event in found].count(CitationDelta) == 3


@pytest.mark.parametrize(
    "told",
    [
        [at("output_text.done", text="Hi", logprobs=[])],
        [at("content_part.done", part=TEXT)],
        [at("output_text.delta", delta="Hi"), at("output_text.done", text="Hi")],
        [
            at("content_part.added", part=EMPTY),
            at("content_part.added", part=EMPTY),
            at("output_text.done", text="Hi"),
            at("content_part.done", part=TEXT),
        ],
        [],
    ],
)
def test_told_once(told: list[Json]) -> None:
    """A text that is told in several places counts once."""
    found = inside(added({**MESSAGE, "content": []}), *told, done(WHOLE), done(WHOLE))

    assert [e.text for e in found if isinstance(e, TextDelta)] == ["Hi"]


@pytest.mark.parametrize(
    "told",
    [
        [
            {"type": "response.function_call_arguments.delta", "delta": "{}"},
            {"type": "response.function_call_arguments.done", "arguments": "{}"},
        ],
        [{"type": "response.function_call_arguments.done", "arguments": "{}"}],
        [],
    ],
)
@pytest.mark.parametrize("place", [{"output_index": 0}, {"item_id": "fc"}, {}])
def test_call(told: list[Json], place: Json) -> None:
    """A call, found by its place, its name, or as the last one begun."""
    found = inside(
        {
            "type": "response.output_item.added",
            **place,
            "item": {**CALL, "arguments": ""},
        },
        *({**event, **place} for event in told),
        {"type": "response.output_item.done", **place, "item": CALL},
    )

    extras = {PROTOCOL: {"item": {"id": "fc"}}}
    assert found == [
        BlockStart(0, ToolCall("c", "f", group=0, extras=extras)),
        ToolInputDelta(0, "{}"),
        BlockEnd(0, extras),
    ]


def test_custom_call() -> None:
    """A custom tool's input is text."""
    item = {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "ab"}
    kind = "response.custom_tool_call_input"

    found = inside(
        added({**item, "input": ""}),
        {"type": f"{kind}.delta", "output_index": 0, "delta": "ab"},
        {"type": f"{kind}.done", "output_index": 0, "input": "ab"},
        done(item),
    )

    (start,) = (e for e in found if isinstance(e, BlockStart))
    assert isinstance(start.part, ToolCall)
    assert start.part.custom
    assert ToolInputDelta(0, "ab") in found


def test_finish_without_output() -> None:
    """A last event without the output does not hide that a tool is called."""
    *_, finish, _ = read(CREATED, done(CALL), completed())

    assert finish == ChoiceEnd(Finish(Stop.TOOLS, "completed"))


def test_item_that_was_not_done() -> None:
    """The last event may be the only one that says how an item came out."""
    found = read(CREATED, added({**CALL, "arguments": ""}), completed(CALL))

    assert ToolInputDelta(0, "{}") in found
    assert isinstance(found[-1], ReplyEnd)


def test_item_that_nobody_ended() -> None:
    """An end is not made up for a call of which the last event says nothing."""
    found = read(CREATED, added({**CALL, "arguments": ""}), completed())

    assert isinstance(found[-1], Fault)
    assert not any(isinstance(event, BlockEnd) for event in found)


def test_announced_and_empty() -> None:
    """An item that was announced, and never heard of again, is none."""
    found = read(CREATED, added(MESSAGE), completed())

    assert [type(event) for event in found] == [ReplyStart, ChoiceEnd, ReplyEnd]


def test_opaque() -> None:
    """Items that we do not model keep their events and come out whole."""
    item = {"type": "web_search_call", "id": "ws", "status": "in_progress"}
    event = {"type": "response.web_search_call.searching", "output_index": 0}
    whole = {**item, "status": "completed"}

    assert inside(added(item), event, done(whole)) == [
        BlockStart(0, Opaque(PROTOCOL, item, group=0)),
        OpaqueDelta(0, event),
        BlockEnd(0, whole=whole),
    ]


def test_foreign() -> None:
    """Events of nobody's pass, and a sign of life is one."""
    event = {"type": "response.novelty", "a": 1}
    later = {"type": "response.novel", "output_index": 0}

    assert inside(event, {"type": "keepalive"}, done(WHOLE), later)[:2] == [
        Foreign(PROTOCOL, "response.novelty", event),
        Ping(),
    ]


def test_news() -> None:
    """What the response says only at its end is told then."""
    found = read(CREATED, completed(service_tier="flex", novelty=1))

    assert found[1:3] == [
        Foreign(PROTOCOL, "service_tier", "flex"),
        Foreign(PROTOCOL, "novelty", 1),
    ]


def test_queued() -> None:
    """A response in the background waits before it begins."""
    queued = {**RESPONSE, "status": "queued"}

    start, waits, goes, *_ = read(
        {"type": "response.created", "response": queued},
        {"type": "response.queued", "response": queued},
        PROGRESS,
        completed(),
    )

    assert isinstance(start, ReplyStart)
    assert start.extras[PROTOCOL]["form"]["status"] == "queued"
    assert isinstance(waits, Foreign)
    assert waits.name == "response.queued"
    assert goes == Foreign(PROTOCOL, "response.in_progress", PROGRESS)


@pytest.mark.parametrize(
    ("details", "finish"),
    [
        ({"reason": "max_output_tokens"}, Finish(Stop.LENGTH, "max_output_tokens")),
        ({"reason": "content_filter"}, Finish(Stop.FILTER, "content_filter")),
    ],
)
def test_incomplete(details: Json, finish: Finish) -> None:
    """An incomplete answer has ended as one, with a thought only, if need be."""
    end = completed(THOUGHT, status="incomplete", incomplete_details=details)

    found = read(CREATED, done(THOUGHT), {**end, "type": "response.incomplete"})

    assert found[-2:] == [ChoiceEnd(finish), ReplyEnd()]


def test_end_without_a_status() -> None:
    """An end that does not say how is one of another kind."""
    *_, finish, _ = read(CREATED, completed(status=None))

    assert finish == ChoiceEnd(Finish(Stop.OTHER))


def test_careless_server() -> None:
    """Nothing is announced, and the frames have no names; it ends as chat does."""
    frames = [
        {"type": "response.output_text.delta", "item_id": "x", "delta": "Hi"},
        {"type": "response.refusal.delta", "item_id": "x", "delta": "no"},
        {"type": "response.output_text.done", "item_id": "x", "text": "Hi"},
        {"type": "response.reasoning_summary_text.delta", "delta": "t"},
        {"type": "response.completed", "response": {"status": "completed"}},
    ]
    data = b"".join(b"data: %b\n\n" % json.dumps(frame).encode() for frame in frames)

    found = read_bytes(data + b"data: [DONE]\n\n")

    assert isinstance(found[0], ReplyStart)
    assert TextDelta(0, "Hi") in found


def test_names_in_the_frames_only() -> None:
    """The type may be in the event line alone."""
    data = b'event: response.output_text.delta\ndata: {"delta":"Hi"}\n\n'

    assert TextDelta(0, "Hi") in read_bytes(data)


class TestFaults:
    @pytest.mark.parametrize(
        "event",
        [
            {"type": "error", "code": "server_error", "message": "no"},
            {"type": "error", "error": {"code": "server_error", "message": "no"}},
            {
                "type": "response.failed",
                "response": {"error": {"code": "server_error", "message": "no"}},
            },
        ],
    )
    def test_told(self, event: Json) -> None:
        """What the upstream says is told, and nothing follows."""
        *before, fault = read(CREATED, event, event, completed())

        assert before == [START]
        assert isinstance(fault, Fault)
        assert (fault.error.message, fault.error.code) == ("no", "server_error")

    def test_first(self) -> None:
        """An error may be the first event."""
        (fault,) = read({"type": "error", "message": "no"})

        assert isinstance(fault, Fault)

    @pytest.mark.parametrize(
        "event",
        [
            {"type": ["response.created"]},
            {"type": "response.output_text.delta", "delta": 3},
            at("refusal.delta", delta=3),
            {"type": "response.function_call_arguments.delta", "delta": "{"},
            {"type": "response.function_call_arguments.delta", "output_index": 7},
            added({**CALL, "name": None}),
            done({**CALL, "arguments": {}}),
            {"type": "response.output_item.added", "item": 3},
            at("content_part.added", part={"text": ""}),
        ],
    )
    def test_broken(self, event: Json) -> None:
        """An event of another shape is a fault in its place."""
        *_, fault = read(CREATED, event, completed())

        assert isinstance(fault, Fault)
        assert fault.error.code == "upstream_malformed"

    def test_broken_from_the_start(self) -> None:
        """The first event has to hold the response."""
        (fault,) = read({"type": "response.created"})

        assert isinstance(fault, Fault)

    def test_no_json(self) -> None:
        """So is one that is no JSON."""
        (fault,) = read_bytes(b"data: {\n\n")

        assert isinstance(fault, Fault)

    @pytest.mark.parametrize("rest", [b"", b"data: [DONE]\n\n"])
    def test_cut(self, rest: bytes) -> None:
        """A stream that stops early is cut, though it says that it is done."""
        *_, fault = read_bytes(body(CREATED, added(MESSAGE)) + rest)

        assert isinstance(fault, Fault)
        assert fault.error.code == "upstream_truncated"

    def test_delta_behind_its_item(self) -> None:
        """A piece of an item that is done belongs to nothing."""
        late = {
            "type": "response.function_call_arguments.delta",
            "output_index": 0,
            "delta": "x",
        }

        *_, fault = read(CREATED, done(CALL), late)

        assert isinstance(fault, Fault)
