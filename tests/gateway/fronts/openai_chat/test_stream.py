from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

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
from gateway.domain.fold import unfold
from gateway.domain.parts import (
    Citation,
    Logprob,
    Media,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Finish, Reply, Stop, Usage
from gateway.fronts.openai_chat.response import write_reply
from gateway.fronts.openai_chat.stream import ChatWriter
from tests.gateway.domain.strategies import replies
from tests.streams import DONE, frame_json, frames

START = ReplyStart("r1", "m1", 1234)
END = ChoiceEnd(Finish(Stop.END))
ROLE = {"role": "assistant", "content": ""}


def write(*events: Event, usage: bool = False) -> bytes:
    return ChatWriter("m", 7, usage).feed(events)


def deltas(*events: Event) -> list[Any]:
    """Return the deltas of one block's events, after the first chunk."""
    chunks = [frame_json(frame) for frame in frames(write(START, *events))]
    return [chunk["choices"][0]["delta"] for chunk in chunks[1:]]


def test_text() -> None:
    """The common case, frame by frame and byte for byte."""
    body = write(
        START, BlockStart(0, Text()), TextDelta(0, 'a"é'), BlockEnd(0), END, ReplyEnd()
    )

    head = (
        'data: {"id":"r1","object":"chat.completion.chunk","created":1234,"model":"m1",'
        '"choices":[{"index":0,"delta":'
    )
    tail = ',"logprobs":null,"finish_reason":null}]}\n\n'
    assert body.decode() == (
        head + '{"role":"assistant","content":""}' + tail + head + r'{"content":"a\"é"}'
        "" + tail + head + '{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
        "data: [DONE]\n\n"
    )


def test_what_nobody_told() -> None:
    """The writer's own model and time stand in for what the upstream left out."""
    (frame,) = frames(write(ReplyStart(extras={"openai_chat": {"service_tier": "x"}})))

    assert frame_json(frame) == {
        "id": "chatcmpl-7",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m",
        "service_tier": "x",
        "choices": [
            {"index": 0, "delta": ROLE, "logprobs": None, "finish_reason": None}
        ],
    }


@pytest.mark.parametrize("size", [1, 2, 100])
def test_several_events_in_one_call(size: int) -> None:
    """Events may be fed one by one or together; the bytes are the same."""
    events: list[Event] = [
        START,
        BlockStart(0, Text()),
        TextDelta(0, "a"),
        BlockEnd(0),
        END,
        ReplyEnd(),
    ]
    writer = ChatWriter("m", 7, False)

    pieces = [writer.feed(events[i : i + size]) for i in range(0, len(events), size)]

    assert b"".join(pieces) == write(*events)


def test_kinds_of_text() -> None:
    assert deltas(
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "hm"),
        SignatureDelta(0, Signature("o", "v")),
        BlockEnd(0),
        BlockStart(1, Refusal()),
        RefusalDelta(1, "no"),
        BlockEnd(1),
    ) == [{"reasoning_content": "hm"}, {"refusal": "no"}]


def test_parallel_tool_calls() -> None:
    """Calls are numbered in the order of their starts, however they interleave."""
    written = deltas(
        BlockStart(7, ToolCall("a", "f", extras={"openai_chat": {"extra_content": 1}})),
        BlockStart(9, ToolCall("b", "c", custom=True)),
        ToolInputDelta(9, "4+"),
        ToolInputDelta(7, '{"x"'),
        BlockEnd(7),
        ToolInputDelta(9, "4"),
        BlockEnd(9),
    )

    assert [delta["tool_calls"] for delta in written] == [
        [
            {
                "index": 0,
                "id": "a",
                "type": "function",
                "function": {"name": "f", "arguments": ""},
                "extra_content": 1,
            }
        ],
        [
            {
                "index": 1,
                "id": "b",
                "type": "custom",
                "custom": {"name": "c", "input": ""},
            }
        ],
        [{"index": 1, "custom": {"input": "4+"}}],
        [{"index": 0, "function": {"arguments": '{"x"'}}],
        [{"index": 1, "custom": {"input": "4"}}],
    ]


def test_several_choices() -> None:
    """Each choice has its role first, its own calls, and its own end."""
    body = write(
        START,
        BlockStart(0, ToolCall("a", "f")),
        BlockStart(1, ToolCall("b", "f"), choice=1),
        BlockEnd(1),
        BlockEnd(0),
        ChoiceEnd(Finish(Stop.LENGTH), 1, {"openai_chat": {"x": 1}}),
        END,
        ChoiceEnd(Finish(Stop.FILTER), 2),
        ReplyEnd(),
    )

    choices = [c for f in frames(body)[:-1] for c in frame_json(f)["choices"]]
    call = {"index": 0, "type": "function", "function": {"name": "f", "arguments": ""}}
    assert [(c["index"], c["delta"], c["finish_reason"]) for c in choices] == [
        (0, ROLE, None),
        (0, {"tool_calls": [call | {"id": "a"}]}, None),
        (1, ROLE, None),
        (1, {"tool_calls": [call | {"id": "b"}]}, None),
        (1, {}, "length"),
        (0, {}, "stop"),
        (2, ROLE, None),
        (2, {}, "content_filter"),
    ]
    assert choices[4]["x"] == 1


def test_logprobs() -> None:
    body = write(
        START, BlockStart(0, Text()), TextDelta(0, "a", (Logprob("a", -1, (97,)),))
    )

    (choice,) = frame_json(frames(body)[1])["choices"]
    token = {"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []}
    assert choice == {
        "index": 0,
        "delta": {"content": "a"},
        "logprobs": {"content": [token], "refusal": None},
        "finish_reason": None,
    }


def test_citations() -> None:
    (delta,) = deltas(
        BlockStart(0, Text()), CitationDelta(0, Citation("u", "t", "q", 1, 2))
    )

    citation = {"start_index": 1, "end_index": 2, "title": "t", "url": "u"}
    assert delta == {
        "annotations": [{"type": "url_citation", "url_citation": citation}]
    }


def test_sound() -> None:
    """A sound is told piece by piece; a picture has no place in a stream."""
    assert deltas(
        BlockStart(0, Media("audio", file_id="audio_1")),
        MediaDelta(0, "QQ=="),
        MediaDelta(0, transcript="la"),
        BlockStart(1, Media("audio")),
        MediaDelta(1, "QUI=", "la"),
        BlockStart(2, Media("image")),
        MediaDelta(2, "QUJD"),
    ) == [
        {"audio": {"id": "audio_1"}},
        {"audio": {"data": "QQ=="}},
        {"audio": {"transcript": "la"}},
        {"audio": {"data": "QUI=", "transcript": "la"}},
    ]


def test_what_the_dialect_cannot_say() -> None:
    """Parts and events that only another protocol understands are not written."""
    assert not deltas(
        BlockStart(0, Opaque("o", {})),
        OpaqueDelta(0, 1),
        BlockEnd(0),
        Foreign("o", "n"),
    )


def test_ping() -> None:
    """A comment with one line end: an empty line would dispatch an empty event."""
    assert write(Ping()) == b": keep-alive\n"


def test_usage_only_if_asked_for() -> None:
    """Counts go out once, merged, in a chunk of their own without choices."""
    events = START, UsageUpdate(Usage(3)), END, UsageUpdate(Usage(output=1)), ReplyEnd()

    assert b"usage" not in write(*events)
    *chunks, counts, done = frames(write(*events, usage=True))
    assert [frame_json(chunk)["usage"] for chunk in chunks] == [None, None]
    assert frame_json(counts)["choices"] == []
    assert frame_json(counts)["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "total_tokens": 4,
    }
    assert done == DONE


def test_usage_that_nobody_counted() -> None:
    """Unknown counts are not passed off as zeros."""
    body = write(START, END, ReplyEnd(), usage=True)

    assert [frame for frame in frames(body) if b'"choices":[]' in frame] == []


@pytest.mark.parametrize(
    "before", [(), (START, BlockStart(0, Text()), TextDelta(0, "a"))]
)
def test_fault(before: tuple[Event, ...]) -> None:
    """A broken reply ends with its error, and with nothing that looks like an end."""
    body = write(*before, Fault(RateLimitExceededError("slow down")), usage=True)

    assert frame_json(frames(body)[-1]) == {
        "error": {
            "message": "slow down",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    }
    assert DONE not in body
    assert b'"finish_reason":"' not in body


def test_lone_surrogate() -> None:
    body = write(START, BlockStart(0, Text()), TextDelta(0, "\ud83d"))

    assert body.count(rb'{"content":"\ud83d"}') == 1


def gathered(body: bytes) -> list[dict[str, Any]]:
    """Return for each choice what a client pieces together."""
    choices: dict[int, dict[str, Any]] = {}
    for frame in frames(body)[:-1]:
        for chunk in frame_json(frame)["choices"]:
            choice = choices.setdefault(chunk["index"], {"calls": {}, "text": {}})
            choice["finish"] = chunk["finish_reason"]
            for name, value in chunk["delta"].items():
                if name == "tool_calls":
                    for call in value:
                        inner = call.get("function") or call["custom"]
                        text = inner.get("arguments") or inner.get("input") or ""
                        earlier = choice["calls"].get(call["index"], "")
                        choice["calls"][call["index"]] = earlier + text
                elif isinstance(value, str) and name != "role":
                    choice["text"][name] = choice["text"].get(name, "") + value
    return [choices[i] for i in sorted(choices)]


def parts_of(reply: Reply, kind: type[Part], name: str) -> list[str]:
    return [
        "".join(getattr(p, name) for p in choice.parts if isinstance(p, kind))
        for choice in reply.choices
    ]


@given(replies)
def test_any_reply(reply: Reply) -> None:
    """What a client pieces together is what the reply says, kind by kind."""
    choices = gathered(write(*unfold(reply)))

    for kind, name in (
        (Text, "content"),
        (Thinking, "reasoning_content"),
        (Refusal, "refusal"),
    ):
        texts = [choice["text"].get(name, "") for choice in choices]
        assert texts == parts_of(reply, kind, "text")
    calls = ["".join(choice["calls"].values()) for choice in choices]
    assert calls == parts_of(reply, ToolCall, "input")
    whole = json.loads(write_reply(reply, created=7))
    finishes = [choice["finish_reason"] for choice in whole["choices"]]
    assert [choice["finish"] for choice in choices] == finishes


@pytest.mark.needs("python:openai")
def test_official_types() -> None:
    """OpenAI's own types find all they need in each chunk."""
    from openai.types.chat import ChatCompletionChunk

    body = write(
        START,
        BlockStart(0, Text()),
        TextDelta(0, "a", (Logprob("a", -1),)),
        BlockEnd(0),
        BlockStart(1, ToolCall("c", "f")),
        ToolInputDelta(1, "{}"),
        BlockEnd(1),
        BlockStart(2, Media("audio", file_id="x")),
        MediaDelta(2, "QQ=="),
        BlockEnd(2),
        ChoiceEnd(Finish(Stop.TOOLS)),
        UsageUpdate(Usage(1, 2, 3, 4, 5)),
        ReplyEnd(),
        usage=True,
    )

    chunks = [frame_json(frame) for frame in frames(body)[:-1]]
    typed = [ChatCompletionChunk.model_validate(chunk) for chunk in chunks]
    assert typed[-1].usage is not None
    assert typed[-2].choices[0].finish_reason == "tool_calls"
