"""Streams of Converse, as far as `tests/contract` does not read them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.bedrock.stream import reader
from gateway.domain.errors import RateLimitExceededError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    OpaqueDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Media, Opaque, Signature, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.bedrock import PROTOCOL, read_citation
from gateway.wire.eventstream import EventStreamFramer
from tests.contract.cases import Case, params, written
from tests.eventstream import event
from tests.streams import cuts

START = ("messageStart", {"role": "assistant"})
END = ("messageStop", {"stopReason": "end_turn"})
USAGE = {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}
LAST = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 500}})


def read(body: bytes, size: int = 4096) -> list[Event]:
    framer, events = EventStreamFramer(), reader()
    frames = [frame for piece in cuts(body, size) for frame in framer.feed(piece)]
    return [e for frame in frames for e in events.feed(frame)] + events.eof()


def told(*pairs: tuple[str, Any], size: int = 4096) -> list[Event]:
    return read(b"".join(event(kind, payload) for kind, payload in pairs), size)


def start(index: Any, **begun: Any) -> tuple[str, Any]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": begun}


def piece(index: Any, **delta: Any) -> tuple[str, Any]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}


def stop(index: int) -> tuple[str, Any]:
    return "contentBlockStop", {"contentBlockIndex": index}


CALL = {"toolUseId": "tooluse_a", "name": "weather"}


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_thinking_then_tool(size: int) -> None:
    """Thoughts, texts and calls, of which only calls have a beginning."""
    assert told(
        START,
        piece(0, reasoningContent={"text": "Rain?"}),
        piece(0, reasoningContent={"signature": "c2VhbA=="}),
        stop(0),
        piece(1, text="Wait"),
        stop(1),
        start(2, toolUse=CALL),
        piece(2, toolUse={"input": ""}),
        piece(2, toolUse={"input": '{"city":'}),
        piece(2, toolUse={"input": '"Brno"}'}),
        stop(2),
        ("messageStop", {"stopReason": "tool_use"}),
        LAST,
        size=size,
    ) == [
        ReplyStart(),
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "Rain?"),
        SignatureDelta(0, Signature(PROTOCOL, "c2VhbA==")),
        BlockEnd(0),
        BlockStart(1, Text()),
        TextDelta(1, "Wait"),
        BlockEnd(1),
        BlockStart(2, ToolCall("tooluse_a", "weather")),
        ToolInputDelta(2, '{"city":'),
        ToolInputDelta(2, '"Brno"}'),
        BlockEnd(2),
        UsageUpdate(Usage(input=12, output=5)),
        ChoiceEnd(Finish(Stop.TOOLS, "tool_use")),
        ReplyEnd(),
    ]


def test_call_without_arguments() -> None:
    """Others take no text for no JSON."""
    events = told(START, start(0, toolUse=CALL), stop(0), END, LAST)

    assert ToolInputDelta(0, "{}") in events


def test_redacted() -> None:
    events = told(
        START, piece(0, reasoningContent={"redactedContent": "YWJj"}), stop(0)
    )

    assert events[2] == SignatureDelta(0, Signature(PROTOCOL, "redacted:YWJj"))


def test_image() -> None:
    picture = {"source": {"bytes": "aWNv"}}
    events = told(START, start(0, image={"format": "png"}), piece(0, image=picture))

    assert events[1:3] == [
        BlockStart(0, Media("image", "image/png")),
        MediaDelta(0, "aWNv"),
    ]


def test_citation() -> None:
    source = {"title": "W", "location": {"web": {"url": "https://example.org"}}}
    events = told(START, piece(0, citation=source), piece(0, text="rain"), stop(0))

    assert events[1:4] == [
        BlockStart(0, Text()),
        CitationDelta(0, read_citation(source)),
        TextDelta(0, "rain"),
    ]


def test_what_nobody_knows() -> None:
    """Unknown blocks, pieces, events and members ride along."""
    server = {**CALL, "type": "server_tool_use"}
    events = told(
        START,
        ("pulse", {"n": 1}),
        start(0, toolUse=server),
        piece(0, toolUse={"input": "{}"}),
        stop(0),
        piece(1, smell="rain"),
        stop(1),
        END,
        ("metadata", {"usage": USAGE, "trace": {"x": 1}, "p": "abc"}),
    )

    assert Foreign(PROTOCOL, "pulse", {"n": 1}) in events
    assert BlockStart(0, Opaque(PROTOCOL, {"toolUse": server})) in events
    assert OpaqueDelta(0, {"toolUse": {"input": "{}"}}) in events
    assert OpaqueDelta(1, {"smell": "rain"}) in events
    assert Foreign(PROTOCOL, "trace", {"x": 1}) in events
    assert events[-1] == ReplyEnd()


def test_a_text_that_is_not_ended() -> None:
    events = told(START, piece(0, text="Hi"), END, LAST)

    assert events[3:] == [
        BlockEnd(0),
        UsageUpdate(Usage(input=12, output=5)),
        ChoiceEnd(Finish(Stop.END, "end_turn")),
        ReplyEnd(),
    ]


def test_exception() -> None:
    """The error of the service's own, in its place; nothing follows."""
    events = told(
        START, ("!throttlingException", {"message": "Slow."}), piece(0, text="Hi"), END
    )

    *before, last = events
    assert before == [ReplyStart()]
    assert isinstance(last, Fault)
    assert isinstance(last.error, RateLimitExceededError)
    assert (last.error.status_code, last.error.message) == (429, "Slow.")


ENDS = {
    "nothing": (),
    "a beginning": (START,),
    "no end": (START, piece(0, text="Hi"), stop(0)),
    "no last word": (START, piece(0, text="Hi"), stop(0), END),
}


@pytest.mark.parametrize("pairs", ENDS.values(), ids=ENDS)
def test_cut(pairs: tuple[Any, ...]) -> None:
    """Without ``messageStop`` and ``metadata`` it is no answer, and has no end."""
    events = told(*pairs)

    assert isinstance(events[-1], Fault)
    assert events[-1].error.code == "upstream_truncated"
    assert not any(isinstance(each, ChoiceEnd) for each in events)


WRONG = {
    "no beginning": (piece(0, text="Hi"),),
    "two beginnings": (START, START),
    "a block begins twice": (START, start(0, toolUse=CALL), start(0, toolUse=CALL)),
    "a block ends twice": (START, piece(0, text="a"), stop(0), stop(0)),
    "a block goes on": (START, piece(0, text="a"), stop(0), piece(0, text="b")),
    "a call without a beginning": (START, piece(0, toolUse={"input": "{}"})),
    "another kind": (START, piece(0, text="a"), piece(0, reasoningContent={})),
    "an odd thought": (START, piece(0, reasoningContent={"smell": "rain"})),
    "an end inside a call": (START, start(0, toolUse=CALL), END),
    "two ends": (START, END, END),
    "a piece after the end": (START, END, piece(0, text="a")),
    "a block after the end": (START, END, start(0, toolUse=CALL)),
    "counts before the end": (START, LAST),
    "a text that is none": (START, piece(0, text=5)),
    "a call without a name": (START, start(0, toolUse={**CALL, "name": ""})),
    "a start that is none": (START, start(0), ("contentBlockStart", {"start": 5})),
    "no start": (START, ("contentBlockStart", {"contentBlockIndex": 0, "start": 5})),
    "no piece": (START, ("contentBlockDelta", {"contentBlockIndex": 0, "delta": 5})),
    "no word": (START, ("messageStop", {"stopReason": None})),
}


@pytest.mark.parametrize("pairs", WRONG.values(), ids=WRONG)
def test_wrong(pairs: tuple[Any, ...]) -> None:
    """What breaks the protocol is a fault in its place, without its content."""
    *_, last = told(*pairs, LAST)

    assert isinstance(last, Fault)
    assert last.error.code == "upstream_malformed"
    assert "rain" not in str(last.error)


def test_no_counts() -> None:
    """They are promised, and their absence spoils no answer."""
    events = told(START, END, ("metadata", {}))

    assert [type(each) for each in events] == [ReplyStart, ChoiceEnd, ReplyEnd]


def test_empty_signature() -> None:
    events = told(START, piece(0, reasoningContent={"signature": ""}))

    assert not any(isinstance(each, SignatureDelta) for each in events)


@pytest.mark.parametrize(
    "case", params(c for c in written("bedrock_converse") if c.stream)
)
def test_after_the_end(case: Case) -> None:
    """Once it is over nothing is said."""
    framer, events = EventStreamFramer(), reader()
    frames = framer.feed(case.body)
    for frame in frames:
        events.feed(frame)
    events.eof()

    assert [e for frame in frames for e in events.feed(frame)] + events.eof() == []
