from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.cohere.translator import TRANSLATOR
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    OpaqueDelta,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import Citation, Logprob, Opaque, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.cohere import WATCHING
from gateway.wire.sse import SseSkimmer
from tests import recordings
from tests.streams import cuts, random_cuts

SIZES = pytest.mark.parametrize("size", [1, 7, 4096])


def frame(kind: str, message: Any = None, **members: Any) -> bytes:
    json_value = {"type": kind, **members}
    if message is not None:
        json_value["delta"] = {"message": message}
    return f"event: {kind}\ndata: {json.dumps(json_value)}\n\n".encode()


START = frame("message-start", {"role": "assistant", "content": []}, id="r1")
USAGE = {
    "billed_units": {"input_tokens": 9.0, "output_tokens": 4.0},
    "tokens": {"input_tokens": 20.0, "output_tokens": 5.0},
    "cached_tokens": 8,
}


def end(word: str = "COMPLETE", **delta: Any) -> bytes:
    return frame("message-end", delta={"finish_reason": word, "usage": USAGE, **delta})


def open_text(index: int = 0, text: str = "", kind: str = "text") -> bytes:
    return frame("content-start", {"content": {"type": kind, kind: text}}, index=index)


def text(words: str, index: int = 0, kind: str = "text", **members: Any) -> bytes:
    return frame("content-delta", {"content": {kind: words}}, index=index, **members)


def close_text(index: int = 0) -> bytes:
    return frame("content-end", index=index)


def call(index: int, name: str, arguments: str | None = "") -> bytes:
    function = {"name": name, "arguments": arguments}
    calls = {"id": f"{name}_{index}", "type": "function", "function": function}
    return frame("tool-call-start", {"tool_calls": calls}, index=index)


def arguments(index: int, piece: str) -> bytes:
    calls = {"function": {"arguments": piece}}
    return frame("tool-call-delta", {"tool_calls": calls}, index=index)


def close_call(index: int) -> bytes:
    return frame("tool-call-end", index=index)


def read(body: bytes, size: int = 4096) -> list[Event]:
    return read_cuts(cuts(body, size))


def read_cuts(pieces: list[bytes]) -> list[Event]:
    framer, reader = TRANSLATOR.framer(), TRANSLATOR.reader()
    events: list[Event] = []
    for piece in pieces:
        for cut in framer.feed(piece):
            events += reader.feed(cut)
    for cut in framer.eof():
        events += reader.feed(cut)
    events += reader.eof()
    check(events)
    return events


COUNTED = UsageUpdate(Usage(input=12, cache_read=8, output=5))
COMPLETE = [COUNTED, ChoiceEnd(Finish(Stop.END, "COMPLETE")), ReplyEnd()]


@SIZES
@pytest.mark.parametrize("done", [b"", b"data: [DONE]\n\n"], ids=["bare", "done"])
def test_thinking_then_text(size: int, done: bytes) -> None:
    """The last event ends it, whether or not OpenAI's last word follows."""
    body = START + open_text(0, "Ra", "thinking") + text("in?", 0, "thinking")
    body += close_text(0) + open_text(1, "N") + text("o", 1) + close_text(1)

    assert read(body + end() + done, size) == [
        ReplyStart("r1"),
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "Ra"),
        ThinkingDelta(0, "in?"),
        BlockEnd(0),
        BlockStart(1, Text()),
        TextDelta(1, "N"),
        TextDelta(1, "o"),
        BlockEnd(1),
        *COMPLETE,
    ]


@SIZES
def test_plan_then_parallel_calls(size: int) -> None:
    """The plan ends where the first call begins."""
    body = START + frame("tool-plan-delta", {"tool_plan": "I "})
    body += frame("tool-plan-delta", {"tool_plan": "will"})
    body += call(0, "f") + arguments(0, '{"a":') + arguments(0, " 1}") + close_call(0)
    body += call(1, "g", '{"b"') + arguments(1, ":2}") + close_call(1)

    assert read(body + end("TOOL_CALL"), size) == [
        ReplyStart("r1"),
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "I "),
        ThinkingDelta(0, "will"),
        BlockEnd(0),
        BlockStart(1, ToolCall("f_0", "f")),
        ToolInputDelta(1, '{"a":'),
        ToolInputDelta(1, " 1}"),
        BlockEnd(1),
        BlockStart(2, ToolCall("g_1", "g")),
        ToolInputDelta(2, '{"b"'),
        ToolInputDelta(2, ":2}"),
        BlockEnd(2),
        COUNTED,
        ChoiceEnd(Finish(Stop.TOOLS, "TOOL_CALL")),
        ReplyEnd(),
    ]


@pytest.mark.parametrize("empty", ["", None])
def test_call_without_arguments(empty: str | None) -> None:
    """Who parses the arguments gets an object, though the model wrote nothing."""
    events = read(START + call(0, "now", empty) + close_call(0) + end("TOOL_CALL"))

    (part,) = fold(events).choices[0].parts
    assert part == ToolCall("now_0", "now", "{}")


def test_call_that_never_ends() -> None:
    """Nothing is put into a call that was cut short."""
    events = read(START + call(0, "now"))

    assert [type(e) for e in events] == [ReplyStart, BlockStart, Fault]


@pytest.mark.parametrize("index", [{"content_index": 0}, {}], ids=["told", "not told"])
def test_citations(index: dict[str, int]) -> None:
    """One for each source; the first brings the provider's own object."""
    about = {"title": "T", "url": "https://x.test", "text": "the words"}
    citation = {
        "start": 0,
        "end": 2,
        "text": "No",
        "sources": [
            {"type": "tool", "id": "a:0", "tool_output": about},
            {"type": "document", "id": "b", "document": {"snippet": "more"}},
        ],
        "type": "TEXT_CONTENT",
        **index,
    }
    body = START + open_text() + text("No")
    body += frame("citation-start", {"citations": citation}, index=0)
    body += frame("citation-end", index=0) + close_text() + end()

    found = [e for e in read(body) if isinstance(e, CitationDelta)]

    assert found == [
        CitationDelta(
            0,
            Citation("https://x.test", "T", "the words", 0, 2, {"cohere": citation}),
        ),
        CitationDelta(0, Citation(quote="more", start=0, end=2)),
    ]


def test_citation_without_a_source() -> None:
    body = START + open_text() + frame("citation-start", {"citations": {"start": 1}})

    events = read(body + end())

    assert (
        CitationDelta(0, Citation(start=1, extras={"cohere": {"start": 1}})) in events
    )


@pytest.mark.parametrize(
    "before",
    [b"", open_text(0, "hm", "thinking"), open_text() + close_text()],
    ids=["nothing", "thought", "ended"],
)
def test_citation_of_something_else(before: bytes) -> None:
    """Only texts have citations; others are passed on for what they are."""
    body = START + before + frame("citation-start", {"citations": {}}) + end()

    assert [e.name for e in read(body) if isinstance(e, Foreign)] == ["citation-start"]


def test_logprobs() -> None:
    """A piece of several tokens is as likely as all of them."""
    tokens = {"text": "ab", "token_ids": [1, 2], "logprobs": [-0.5, -1.0]}

    events = read(START + open_text() + text("ab", logprobs=tokens) + end())

    assert TextDelta(0, "ab", (Logprob("ab", -1.5),)) in events


def test_content_of_an_unknown_kind() -> None:
    """It is kept, with what is added to it."""
    start = frame("content-start", {"content": {"type": "sound"}}, index=0)
    delta = frame("content-delta", {"content": {"sound": "x"}}, index=0)

    events = read(START + start + delta + close_text() + end())

    assert events[1] == BlockStart(0, Opaque("cohere", {"type": "sound"}))
    assert isinstance(events[2], OpaqueDelta)


def test_unknown_event() -> None:
    events = read(START + frame("debug", prompt="x") + end())

    assert events[1] == Foreign("cohere", "debug", {"type": "debug", "prompt": "x"})


@pytest.mark.parametrize(
    ("word", "stop"),
    [
        ("COMPLETE", Stop.END),
        ("STOP_SEQUENCE", Stop.SEQUENCE),
        ("MAX_TOKENS", Stop.LENGTH),
        ("TOOL_CALL", Stop.TOOLS),
        ("NEW", Stop.OTHER),
    ],
)
def test_finish(word: str, stop: Stop) -> None:
    assert ChoiceEnd(Finish(stop, word)) in read(START + end(word))


@SIZES
@pytest.mark.parametrize("before", [b"", START + open_text()], ids=["first", "later"])
@pytest.mark.parametrize(
    ("word", "delta", "message", "status"),
    [
        ("ERROR", {"error": "it broke"}, "it broke", 502),
        ("ERROR", {}, "the upstream failed while it answered", 502),
        ("ERROR", {"error": None}, "the upstream failed while it answered", 502),
        ("TIMEOUT", {}, "the upstream took too long to answer", 504),
        ("TIMEOUT", {"error": "too slow"}, "too slow", 504),
        ("COMPLETE", {"error": "it broke"}, "it broke", 502),
    ],
)
def test_end_that_is_an_error(
    size: int,
    before: bytes,
    word: str,
    delta: dict[str, Any],
    message: str,
    status: int,
) -> None:
    """An answer that failed is none, wherever and however it is told."""
    *_, fault = read(before + end(word, **delta) + end(), size)

    assert isinstance(fault, Fault)
    assert fault.error.message == message
    assert fault.error.status_code == status


def test_nobody_counted() -> None:
    events = read(START + end(usage=None))

    assert not [e for e in events if isinstance(e, UsageUpdate)]


@SIZES
@pytest.mark.parametrize(
    "error",
    [
        end("ERROR", error="the model broke"),
        b'data: {"message": "the model broke"}\n\n',
        b'event: error\ndata: {"message": "the model broke", "id": "x"}\n\n',
        b'data: {"error": {"message": "the model broke"}}\n\n',
    ],
    ids=["last event", "message", "named", "OpenAI's"],
)
def test_error_in_the_middle(size: int, error: bytes) -> None:
    """However it is told, it ends the answer, and nothing after it counts."""
    *_, fault = read(START + open_text() + text("a") + error + end(), size)

    assert isinstance(fault, Fault)
    assert fault.error.message == "the model broke"


@SIZES
@pytest.mark.parametrize("kept", range(6))
def test_truncated(size: int, kept: int) -> None:
    """OpenAI's last word does not stand in for the last event."""
    events = [START, open_text(), text("a"), close_text(), call(0, "f"), close_call(0)]
    body = b"".join(events[:kept])

    *_, fault = read(body, size)

    assert isinstance(fault, Fault)
    assert fault.error.code == "upstream_truncated"


@pytest.mark.parametrize(
    "broken",
    [
        b"data: no json\n\n",
        b"data: [DONE]\n\n",
        b"data: []\n\n",
        b"data: {}\n\n",
        b'data: {"type": null}\n\n',
        b'data: {"type": 1}\n\n',
        START,
        open_text(),
        text("a", 7),
        text("", 0, "thinking"),
        frame("content-delta", {"content": {"text": 1}}, index=0),
        frame("content-start", {"content": {"type": "text"}}, index=3),
        frame("content-start", {"content": {"type": "text", "text": 1}}, index=3),
        close_text(7),
        arguments(0, "x"),
        close_call(0),
        frame("tool-plan-delta", {"tool_plan": 1}),
        frame("tool-call-start", {"tool_calls": [1]}, index=0),
        frame(
            "tool-call-start",
            {"tool_calls": {"id": "", "function": {"name": "f"}}},
            index=0,
        ),
        call(0, ""),
        frame("message-end", delta={}),
        frame("message-end", delta={"finish_reason": 1}),
    ],
    ids=lambda b: b[-50:].decode(),
)
def test_malformed(broken: bytes) -> None:
    """What breaks the protocol is a fault in its place, never an exception."""
    *_, fault = read(START + open_text() + text("a") + broken + end())

    assert isinstance(fault, Fault)
    assert fault.error.code == "upstream_malformed"


def test_no_start() -> None:
    """An answer that does not begin is none."""
    (fault,) = read(open_text() + end())

    assert isinstance(fault, Fault)


RECORDED = pytest.mark.parametrize(
    "recording", recordings.select("cohere.chat.v2", tags="stream"), ids=str
)


@pytest.mark.recordings
@RECORDED
def test_recorded(recording: recordings.Recording) -> None:
    """However it is cut, a recorded stream reads the same, and as its JSON says."""
    body = recording.body
    rows = [row[6:] for row in body.decode().split("\n") if row.startswith("data: {")]
    said = [json.loads(row) for row in rows]

    events = read(body)
    reply = fold(events)

    for size in (1, 7):
        assert read(body, size) == events
    assert read_cuts(random_cuts(body, 3)) == events
    parts = reply.choices[0].parts
    assert "".join(p.text for p in parts if isinstance(p, Text)) == "".join(
        row["delta"]["message"]["content"]["text"]
        for row in said
        if row["type"] == "content-delta"
    )
    assert "".join(p.text for p in parts if isinstance(p, Thinking)) == "".join(
        row["delta"]["message"]["tool_plan"]
        for row in said
        if row["type"] == "tool-plan-delta"
    )
    names = [p.name for p in parts if isinstance(p, ToolCall)]
    assert names == [
        row["delta"]["message"]["tool_calls"]["function"]["name"]
        for row in said
        if row["type"] == "tool-call-start"
    ]
    assert reply.id == said[0]["id"]
    usage, counted = reply.usage, said[-1]["delta"]["usage"]
    assert usage is not None
    assert usage.input_total == counted["tokens"]["input_tokens"]
    assert usage.cache_read == counted["cached_tokens"]
    assert usage.output == counted["tokens"]["output_tokens"]


@pytest.mark.recordings
@RECORDED
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_watched(recording: recordings.Recording, size: int) -> None:
    """What a ledger sees in passing is what the reader says."""
    skimmer = SseSkimmer(WATCHING.spots, WATCHING.ending, WATCHING.alarm)
    frames = [f for cut in cuts(recording.body, size) for f in skimmer.feed(cut)]

    seen = [WATCHING.look(f.data, f.event) for f in [*frames, *skimmer.eof()]]

    reply = fold(read(recording.body))
    assert len(seen) <= 4
    assert [s.id for s in seen if s.id] == [reply.id]
    assert [s.finish for s in seen if s.finish] == [{0: reply.choices[0].finish}]
    assert [s.usage for s in seen if s.usage] == [reply.usage]
    assert any(s.last for s in seen)
    assert not any(s.fault for s in seen)
