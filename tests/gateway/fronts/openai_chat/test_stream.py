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
from gateway.fronts.base import Ask, Context
from gateway.fronts.openai_chat.response import write_reply
from gateway.fronts.openai_chat.stream import ChatWriter
from tests.gateway.domain.strategies import replies
from tests.streams import DONE, frame_json, frames

START = ReplyStart("r1", "m1", 1234)
END = ChoiceEnd(Finish(Stop.END))
ROLE = {"role": "assistant", "content": ""}


def context(usage: bool = False) -> Context:
    return Context(Ask("m", True, wants_usage=usage), 7, "abc")


def write(*events: Event, usage: bool = False) -> bytes:
    return ChatWriter(context(usage)).feed(events)


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
        "id": "chatcmpl-abc",
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
    writer = ChatWriter(context())

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
    ) == [
        {"reasoning_content": "hm"},
        {
            "reasoning_details": [
                {
                    "type": "reasoning.text",
                    "format": "unknown",
                    "index": 0,
                    "text": "hm",
                    "signature": "o:v",
                }
            ]
        },
        {"refusal": "no"},
    ]


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
    whole = json.loads(write_reply(reply, context()).body)
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


def own(**members: Any) -> dict[str, Any]:
    return {"openai_chat": members}


def told(*events: Event, usage: bool = False) -> tuple[list[Any], list[str]]:
    """Return the chunks, and the paths of what was lost."""
    writer = ChatWriter(context(usage))
    body = writer.feed(events)
    chunks = [frame_json(frame) for frame in frames(body)]
    return [c for c in chunks if c is not None], [loss.path for loss in writer.losses]


def test_thoughts_as_upstream_said_them() -> None:
    """By the same name, and twice if their details were there, too."""
    item = {"type": "reasoning.text", "index": 0}
    hidden = {"type": "reasoning.encrypted", "id": "r"}
    summary = {"type": "reasoning.summary"}
    chunks, losses = told(
        START,
        BlockStart(0, Thinking(extras=own(reasoning=None))),
        ThinkingDelta(0, "a"),
        BlockEnd(0),
        BlockStart(1, Thinking(extras=own(reasoning=None, reasoning_details=item))),
        ThinkingDelta(1, 'b"'),
        SignatureDelta(1, Signature("openai_chat", "QQ==")),
        BlockEnd(1),
        BlockStart(2, Thinking(extras=own(reasoning_details=hidden))),
        SignatureDelta(2, Signature("openai_chat", "Wg==")),
        BlockEnd(2),
        BlockStart(3, Thinking(extras=own(reasoning_details=summary))),
        ThinkingDelta(3, "c"),
        BlockEnd(3),
    )

    assert [chunk["choices"][0]["delta"] for chunk in chunks[1:]] == [
        {"reasoning": "a"},
        {"reasoning": 'b"', "reasoning_details": [{**item, "text": 'b"'}]},
        {"reasoning_details": [{**item, "text": "", "signature": "QQ=="}]},
        {"reasoning_details": [{**hidden, "data": "Wg=="}]},
        {"reasoning_details": [{**summary, "summary": "c"}]},
    ]
    assert losses == []


def test_seals_of_others() -> None:
    """They are carried to the client and back, with what their issuer needs."""
    chunks, losses = told(
        START,
        BlockStart(0, Thinking(extras={"anthropic": {"x": 1}})),
        ThinkingDelta(0, "a"),
        ThinkingDelta(0, "b"),
        SignatureDelta(0, Signature("anthropic", "QQ==")),
        BlockEnd(0),
        BlockStart(1, Thinking()),
        SignatureDelta(1, Signature("anthropic", "Wg==")),
        BlockEnd(1),
        BlockStart(2, Text()),
        SignatureDelta(2, Signature("gemini", "QQ==")),
        BlockEnd(2),
        BlockStart(3, ToolCall("c", "t", custom=True)),
        SignatureDelta(3, Signature("gemini", "QQ==")),
        BlockEnd(3),
        BlockStart(4, ToolCall("c", "f")),
        SignatureDelta(4, Signature("gemini", "QQ==")),
        BlockEnd(4),
        BlockStart(5, Media("image")),
        SignatureDelta(5, Signature("gemini", "QQ==")),
        MediaDelta(5, "QQ=="),
        BlockEnd(5),
    )

    sealed = {"extra_content": {"google": {"thought_signature": "gemini:QQ=="}}}
    said = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert said[3] == {
        "reasoning_details": [
            {
                "type": "reasoning.text",
                "format": "unknown",
                "index": 0,
                "sealed": {"x": 1},
                "text": "ab",
                "signature": "anthropic:QQ==",
            }
        ]
    }
    assert said[4]["reasoning_details"][0] == {
        "type": "reasoning.encrypted",
        "format": "unknown",
        "index": 1,
        "data": "anthropic:Wg==",
    }
    assert said[5] == sealed
    assert [call for delta in said[6:] for call in delta.get("tool_calls", ())] == [
        {
            "index": 0,
            "id": "c",
            "type": "custom",
            "custom": {"name": "t", "input": ""},
            **sealed,
        },
        {
            "index": 1,
            "id": "c",
            "type": "function",
            "function": {"name": "f", "arguments": ""},
            **sealed,
        },
    ]
    assert losses == ["choices[0].parts[5].signature"]


@pytest.mark.parametrize(
    ("custom", "empty"),
    [(False, {"function": {"arguments": ""}}), (True, {"custom": {"input": ""}})],
)
def test_late_seal_of_a_call(custom: bool, empty: dict[str, Any]) -> None:
    """One that comes after the call's beginning is a piece of its own."""
    writer = ChatWriter(context())
    writer.feed([START, BlockStart(0, ToolCall("c", "f", custom=custom))])

    body = writer.feed([SignatureDelta(0, Signature("gemini", "QQ=="))])

    sealed = {"extra_content": {"google": {"thought_signature": "gemini:QQ=="}}}
    delta = frame_json(body)["choices"][0]["delta"]
    assert delta == {"tool_calls": [{"index": 0, **empty, **sealed}]}


def test_deprecated_call() -> None:
    """A call that came as ``function_call`` goes on so."""
    chunks, _ = told(
        START,
        BlockStart(0, ToolCall("x", "f", extras=own(function_call=None))),
        ToolInputDelta(0, "{}"),
        SignatureDelta(0, Signature("gemini", "QQ==")),
        BlockEnd(0),
    )

    assert [chunk["choices"][0]["delta"] for chunk in chunks[1:]] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]


def test_pictures() -> None:
    """They go out whole, as OpenRouter's do."""
    chunks, losses = told(
        START,
        BlockStart(0, Media("image", "image/png"), 1),
        MediaDelta(0, "QU"),
        MediaDelta(0, "JD"),
        BlockEnd(0),
    )

    assert chunks[-1]["choices"][0]["index"] == 1
    assert chunks[-1]["choices"][0]["delta"] == {
        "images": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
        ]
    }
    assert losses == []


def test_until_when_a_sound_is_kept() -> None:
    chunks, _ = told(
        START,
        BlockStart(0, Media("audio", file_id="a")),
        MediaDelta(0, "QQ=="),
        BlockEnd(0, own(expires_at=9)),
    )

    assert [chunk["choices"][0]["delta"] for chunk in chunks[1:]] == [
        {"audio": {"id": "a"}},
        {"audio": {"data": "QQ=="}},
        {"audio": {"expires_at": 9}},
    ]


def test_members_that_are_not_modelled() -> None:
    """Short ones of the head are on each chunk; the others are said once."""
    chunks, _ = told(
        ReplyStart("r", "m", 1, own(provider="p", sources=[1])),
        Foreign("openai_chat", "timings", {"n": 1}),
        ChoiceEnd(
            Finish(Stop.SEQUENCE, "stop", "END"), 0, own(seed=4, message={"x": 1})
        ),
        Foreign("openai_chat", "late", 1),
        ReplyEnd(),
    )

    assert [chunk["provider"] for chunk in chunks] == ["p"] * 3
    assert [chunk.get("sources") for chunk in chunks] == [[1], None, None]
    assert chunks[1]["timings"] == {"n": 1}
    assert chunks[1]["choices"] == [
        {
            "index": 0,
            "delta": {"x": 1},
            "logprobs": None,
            "finish_reason": "stop",
            "stop_reason": "END",
            "seed": 4,
        }
    ]
    assert chunks[2]["late"] == 1
    assert chunks[2]["choices"][0]["delta"] == {}


def test_late_members_beside_counts() -> None:
    """Where there is a chunk for counts, they go with it."""
    chunks, _ = told(
        START,
        END,
        UsageUpdate(Usage(3, output=1)),
        Foreign("openai_chat", "late", 1),
        ReplyEnd(),
        usage=True,
    )

    assert chunks[-1]["choices"] == []
    assert chunks[-1]["late"] == 1
    assert chunks[-1]["usage"]["prompt_tokens"] == 3


def test_losses() -> None:
    """Each that cannot be told is named, once; a thought's go with its seal."""
    other = {"anthropic": {"a": 1, "b": None}}
    _, losses = told(
        ReplyStart("r", extras=other),
        Foreign("anthropic", "event", {}),
        Foreign("anthropic", "event", {}),
        Foreign("openai_responses", "form", {}),
        BlockStart(0, Opaque("anthropic", {"type": "x"})),
        OpaqueDelta(0, {}),
        BlockEnd(0),
        BlockStart(1, Text(extras=other)),
        BlockEnd(1, {"gemini": {"late": 1}}),
        BlockStart(2, Thinking(extras=other)),
        BlockEnd(2),
        BlockStart(3, Media("video")),
        MediaDelta(3, "QQ=="),
        BlockEnd(3),
        ChoiceEnd(Finish(Stop.END), 0, other),
        ReplyEnd(),
    )

    assert losses == [
        "a",
        "event",
        "choices[0].parts[0]",
        "choices[0].parts[1].a",
        "choices[0].parts[1].late",
        "choices[0].parts[2].a",
        "choices[0].parts[3]",
        "choices[0].a",
    ]


def test_losses_are_bounded() -> None:
    writer = ChatWriter(context())
    writer.feed([START, *(Foreign("x", f"e{n}", 1) for n in range(300))])

    assert len(writer.losses) == 100
    assert writer.result is None
