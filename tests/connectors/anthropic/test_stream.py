"""Anthropic's events, read; written after the streaming page of its docs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.anthropic.stream import reader
from gateway.domain import grammar
from gateway.domain.errors import LLMProxyError
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
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold
from gateway.domain.parts import Signature, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.sse import SseFramer
from tests.streams import cuts

SIZES = pytest.mark.parametrize("size", [1, 7, 4096])


def frame(type_: str, **members: Any) -> bytes:
    data = json.dumps({"type": type_, **members})
    return f"event: {type_}\ndata: {data}  \n\n".encode()


def started(**members: Any) -> bytes:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 1},
    }
    return frame("message_start", message={**message, **members})


def block(index: int, content: Any, *deltas: Any) -> bytes:
    start = frame("content_block_start", index=index, content_block=content)
    between = [frame("content_block_delta", index=index, delta=d) for d in deltas]
    return start + b"".join(between) + frame("content_block_stop", index=index)


def text(index: int, *words: str) -> bytes:
    deltas = [{"type": "text_delta", "text": word} for word in words]
    return block(index, {"type": "text", "text": ""}, *deltas)


def ended(word: str | None = "end_turn", **delta: Any) -> bytes:
    members = {"stop_reason": word, "stop_sequence": None, **delta}
    return frame("message_delta", delta=members, usage={"output_tokens": 31})


STOP = frame("message_stop")


def read(body: bytes, size: int = 4096) -> list[Event]:
    framer, machine = SseFramer(), reader()
    found: list[Event] = []
    for chunk in cuts(body, size):
        for one in framer.feed(chunk):
            found += machine.feed(one)
    for one in framer.eof():
        found += machine.feed(one)
    found += machine.eof()
    grammar.check(found)
    return found


@SIZES
def test_thinking_then_tool(size: int) -> None:
    """A sealed thought and a call survive, however the network cuts them."""
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    body = (
        started()
        + block(
            0,
            thinking,
            {"type": "thinking_delta", "thinking": "Rain?"},
            {"type": "signature_delta", "signature": "c2VhbA=="},
        )
        + frame("ping")
        + block(
            1,
            use,
            {"type": "input_json_delta", "partial_json": '{"city": '},
            {"type": "input_json_delta", "partial_json": '"Brno"}'},
        )
        + ended("tool_use")
        + STOP
    )

    assert read(body, size) == [
        ReplyStart("msg_1", "claude-x"),
        UsageUpdate(Usage(input=12, output=1)),
        BlockStart(0, Thinking("")),
        ThinkingDelta(0, "Rain?"),
        SignatureDelta(0, Signature("anthropic", "c2VhbA==")),
        BlockEnd(0),
        Ping(),
        BlockStart(1, ToolCall("toolu_1", "weather")),
        ToolInputDelta(1, '{"city": '),
        ToolInputDelta(1, '"Brno"}'),
        BlockEnd(1),
        UsageUpdate(Usage(output=31)),
        ChoiceEnd(Finish(Stop.TOOLS, "tool_use")),
        ReplyEnd(),
    ]


def test_redacted_thought() -> None:
    """It comes whole with the start of its block, and is a seal alone."""
    body = started() + block(0, {"type": "redacted_thinking", "data": "eA=="})

    part = fold(read(body + ended() + STOP)).choices[0].parts[0]

    assert part == Thinking("", Signature("anthropic", "redacted_thinking:eA=="))


def test_blocks_that_begin_full() -> None:
    """Some servers put the first words into the start of a block."""
    cited = {"type": "char_location", "cited_text": "q"}
    body = (
        started()
        + block(0, {"type": "text", "text": "Hi", "citations": [cited]})
        + block(1, {"type": "thinking", "thinking": "Hm", "signature": "s"})
        + block(2, {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}})
        + block(3, {"type": "thinking", "thinking": ""})
        + ended()
        + STOP
    )

    parts = fold(read(body)).choices[0].parts

    assert isinstance(parts[0], Text)
    assert (parts[0].text, parts[0].citations[0].quote) == ("Hi", "q")
    assert parts[1] == Thinking("Hm", Signature("anthropic", "s"))
    assert parts[2] == ToolCall("t", "n", '{"a":1}')
    assert parts[3] == Thinking("")


def test_call_without_arguments() -> None:
    """Other dialects' clients need JSON there, so the reader says an empty object."""
    use = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
    empty = {"type": "input_json_delta", "partial_json": ""}
    body = started() + block(0, use, empty) + ended("tool_use") + STOP

    assert [e for e in read(body) if isinstance(e, ToolInputDelta)] == [
        ToolInputDelta(0, ""),
        ToolInputDelta(0, "{}"),
    ]


def test_lone_surrogate() -> None:
    """What strict JSON readers refuse is read all the same."""
    delta = b'{"type":"%b","%b":"\\ud83d"}'
    frames = [
        (b'{"type":"text","text":""}', delta % (b"text_delta", b"text")),
        (
            b'{"type":"thinking","thinking":""}',
            delta % (b"thinking_delta", b"thinking"),
        ),
        (
            b'{"type":"tool_use","id":"t","name":"n"}',
            delta % (b"input_json_delta", b"partial_json"),
        ),
    ]
    body = started()
    for i, (content, piece) in enumerate(frames):
        head = b'"index":%d,' % i
        body += (
            b'event: content_block_start\ndata: {"type":"content_block_start",'
            + head
            + b'"content_block":'
            + content
            + b"}\n\nevent: content_block_delta\n"
            + b'data: {"type":"content_block_delta",'
            + head
            + b'"delta":'
            + piece
            + b"}\n\n"
            + frame("content_block_stop", index=i)
        )

    found = read(body + ended() + STOP)

    assert TextDelta(0, "\ud83d") in found
    assert ThinkingDelta(1, "\ud83d") in found
    assert ToolInputDelta(2, "\ud83d") in found


def test_citation() -> None:
    cited = {"type": "page_location", "document_title": "D", "cited_text": "q"}
    delta = {"type": "citations_delta", "citation": cited}
    body = started() + block(0, {"type": "text", "text": ""}, delta) + ended() + STOP

    (found,) = [e for e in read(body) if isinstance(e, CitationDelta)]

    assert (found.citation.title, found.citation.quote) == ("D", "q")


def test_servers_own_tool() -> None:
    """A block that only the provider understands passes, and is put together."""
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": '{"query": "x"}'}
    body = started() + block(0, use, delta) + ended("pause_turn") + STOP

    found = read(body)

    assert OpaqueDelta(0, delta) in found
    assert BlockEnd(0, whole={**use, "input": {"query": "x"}}) in found
    assert ChoiceEnd(Finish(Stop.OTHER, "pause_turn")) in found


def test_novelties() -> None:
    """Events, and deltas of blocks, of kinds to come are passed on."""
    body = (
        started()
        + frame("weather_report", wind=3)
        + block(0, {"type": "text", "text": ""}, {"type": "colour_delta", "rgb": 1})
        + ended()
        + frame("message_delta", delta={}, note=1)
        + STOP
    )

    foreign = [e for e in read(body) if isinstance(e, Foreign)]

    assert [one.name for one in foreign] == [
        "weather_report",
        "content_block_delta",
        "message_delta",
    ]


def test_members_of_the_end() -> None:
    """What else ends the message is kept, from the event and from its delta."""
    details = {"type": "refusal", "category": None}
    delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
    end = frame("message_delta", delta=delta, usage={}, context_management={"a": []})

    (found,) = [e for e in read(started() + end + STOP) if isinstance(e, ChoiceEnd)]

    assert found.finish == Finish(Stop.REFUSAL, "refusal")
    assert found.extras["anthropic"] == {
        "stop_details": details,
        "context_management": {"a": []},
    }


def test_message_start_with_content() -> None:
    """Members of the start that say something are kept."""
    body = started(content=[{"type": "x"}], usage=None, container=None)

    assert read(body + ended() + STOP)[0] == ReplyStart(
        "msg_1",
        "claude-x",
        extras={"anthropic": {"content": [{"type": "x"}], "container": None}},
    )


def test_no_names_for_events() -> None:
    """Some compatible servers send data lines alone, and say [DONE]."""
    body = started() + text(0, "Hi") + ended() + b"data: [DONE]\n\n" + STOP
    bare = b"\n".join(
        line for line in body.split(b"\n") if not line.startswith(b"event:")
    )

    assert read(bare) == read(started() + text(0, "Hi") + ended() + STOP)


def test_no_type_in_the_data() -> None:
    """Then the event's name tells what it is."""
    body = started().replace(b'"type": "message_start", ', b"")

    assert read(body + ended() + STOP)[0] == ReplyStart("msg_1", "claude-x")


def test_no_reason() -> None:
    """A message that stops without a reason has ended somehow."""
    found = read(started() + text(0, "Hi") + STOP)

    assert ChoiceEnd(Finish(Stop.OTHER)) in found


def test_block_left_open() -> None:
    """A text that a compatible server did not end ends with the message."""
    begun = frame(
        "content_block_start", index=0, content_block={"type": "text", "text": ""}
    )

    assert BlockEnd(0) in read(started() + begun + ended() + STOP)


@SIZES
@pytest.mark.parametrize(
    "body",
    [
        b"",
        started(),
        started() + text(0, "Hi"),
        started() + text(0, "Hi") + ended(),
    ],
)
def test_cut_off(body: bytes, size: int) -> None:
    """A stream that stops early ends in a fault, never in a silent success."""
    *_, last = read(body, size)

    assert isinstance(last, Fault)
    assert last.error.code == "upstream_truncated"


def test_error() -> None:
    """The provider's own error has its status, and nothing follows."""
    error = {"type": "overloaded_error", "message": "Overloaded"}
    body = started() + frame("error", error=error) + text(0, "late")

    *_, last = read(body)

    assert isinstance(last, Fault)
    assert (last.error.status_code, last.error.message) == (529, "Overloaded")


def test_error_without_words() -> None:
    (last,) = read(b"event: error\ndata: {}\n\n")

    assert isinstance(last, Fault)


TOOL = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
TEXT = {"type": "text", "text": ""}


@pytest.mark.parametrize(
    "body",
    [
        b"data: {\n\n",
        b"data: 5\n\n",
        frame("content_block_stop", index=0),
        started() + started(),
        started() + frame("content_block_stop", index=0),
        started() + frame("content_block_delta", index=3, delta={"type": "x"}),
        started()
        + frame("content_block_start", index=0, content_block=TEXT)
        + frame("content_block_start", index=0, content_block=TEXT),
        started() + block(0, TEXT, {"type": "input_json_delta", "partial_json": "1"}),
        started() + ended() + frame("content_block_start", index=0, content_block=TEXT),
        # A call that never ended must not look complete.
        started()
        + frame("content_block_start", index=0, content_block=TOOL)
        + ended("tool_use"),
        started(id=["a"]),
    ],
)
def test_broken_promise(body: bytes) -> None:
    """What the protocol does not allow is a fault in its place."""
    *_, last = read(body + STOP)

    assert isinstance(last, Fault)
    assert isinstance(last.error, LLMProxyError)
    assert last.error.code == "upstream_malformed"
