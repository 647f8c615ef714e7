from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.cohere.translator import TRANSLATOR
from gateway.domain.errors import BackendError
from gateway.domain.fold import fold, unfold
from gateway.domain.grammar import check
from gateway.domain.parts import Logprob, Opaque, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.cohere import WATCHING
from tests import recordings

read_reply = TRANSLATOR.read_reply


def answer(**message: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "message": {"role": "assistant", **message},
        "finish_reason": "COMPLETE",
    }


TEXT = {"type": "text", "text": "ab"}


def test_everything() -> None:
    """Thoughts of both kinds, words, calls, and what we do not know."""
    call = {"id": "c1", "type": "function", "function": {"name": "f"}}
    sound = {"type": "sound"}
    json_value = answer(
        tool_plan="plan",
        content=[{"type": "thinking", "thinking": "hm"}, TEXT, TEXT, sound],
        tool_calls=[call],
        mood="good",
    )
    tokens = [{"text": "ab", "token_ids": [1], "logprobs": [-1.0]}]

    reply = read_reply({**json_value, "logprobs": tokens, "new": 1})

    assert reply.id == "r1"
    (choice,) = reply.choices
    assert choice.parts == (
        Thinking("plan"),
        Thinking("hm"),
        Text("ab", (Logprob("ab", -1.0),)),
        Text("ab"),
        Opaque("cohere", sound),
        ToolCall("c1", "f", "{}"),
    )
    assert reply.usage is None
    assert reply.extras == {"cohere": {"mood": "good", "new": 1}}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"tokens": {"input_tokens": 5}, "cached_tokens": 9}, Usage(0, 9)),
        ({"billed_units": {"input_tokens": 5, "output_tokens": 2}}, Usage(5, output=2)),
        (
            {"tokens": {"output_tokens": 2, "reasoning_tokens": 1}},
            Usage(output=2, reasoning=1),
        ),
        ({"tokens": {}}, None),
        (None, None),
    ],
)
def test_usage(usage: Any, expected: Usage | None) -> None:
    """Cached tokens are inside of the input; zero is not unknown."""
    assert read_reply({**answer(content=[TEXT]), "usage": usage}).usage == expected


def test_citations() -> None:
    """They go to the text they are of; those of a plan or a thought are kept apart."""
    of_text: dict[str, Any] = {"start": 0, "end": 1, "content_index": 1}
    of_plan = {"start": 0, "end": 1, "type": "PLAN"}
    of_thought = {"start": 0, "end": 1, "content_index": 0}
    beyond = {"start": 0, "content_index": 9}
    thought = {"type": "thinking", "thinking": "hm"}

    reply = read_reply(
        answer(
            content=[thought, TEXT],
            citations=[of_text, of_plan, of_thought, beyond],
        )
    )

    text = reply.choices[0].parts[1]
    assert isinstance(text, Text)
    assert [c.extras for c in text.citations] == [{"cohere": of_text}]
    assert reply.extras == {"cohere": {"citations": [of_plan, of_thought, beyond]}}


@pytest.mark.parametrize(
    "json_value",
    [
        None,
        [],
        1,
        {},
        {"message": None, "finish_reason": "COMPLETE"},
        {"message": {}},
        answer(content=[{}]),
        answer(content=[{"type": "text", "text": 1}]),
        answer(tool_calls=[{"id": 1, "function": {"name": "f"}}]),
        answer(tool_calls=[{"id": "c", "function": {"name": ""}}]),
        answer(tool_calls=[{"id": "", "function": {"name": "f"}}]),
        answer(tool_plan=1),
        {**answer(content=[TEXT]), "logprobs": [{"logprobs": ["a"]}]},
    ],
)
def test_another_shape(json_value: object) -> None:
    """An upstream can answer anything; that is its mistake, not ours."""
    with pytest.raises(BackendError):
        read_reply(json_value)


@pytest.mark.parametrize(
    ("word", "status", "message"),
    [
        ("ERROR", 502, "the upstream failed while it answered"),
        ("TIMEOUT", 504, "the upstream took too long to answer"),
    ],
)
def test_answer_that_failed(word: str, status: int, message: str) -> None:
    """Its reason says so; what it has got is not what it would have been."""
    json_value = {**answer(content=[TEXT]), "finish_reason": word}

    with pytest.raises(BackendError, match=message) as caught:
        read_reply(json_value)

    assert caught.value.status_code == status
    seen = WATCHING.look(json.dumps(json_value).encode(), "")
    assert seen.fault is not None
    assert (seen.fault.message, seen.id) == (message, "r1")


def test_text_of_a_logprob_that_is_none() -> None:
    """What is no text counts as untold."""
    tokens = [{"text": ["a"], "logprobs": [-1.0]}]

    reply = read_reply({**answer(content=[TEXT]), "logprobs": tokens})

    assert reply.choices[0].parts == (Text("ab", (Logprob("", -1.0),)),)


@pytest.mark.parametrize("count", [True, -1, float("inf"), 1e300, "5", None])
def test_count_that_is_none(count: Any) -> None:
    """A number that no sum of tokens can be is not told."""
    usage = {"tokens": {"input_tokens": count, "output_tokens": 2}}

    reply = read_reply({**answer(content=[TEXT]), "usage": usage})

    assert reply.usage == Usage(output=2)


@pytest.mark.parametrize("data", [b"[]", b"{}", b'{"type": "message-end"}'])
def test_watching_what_tells_nothing(data: bytes) -> None:
    seen = WATCHING.look(data, "")

    assert (seen.finish, seen.usage, seen.fault, seen.last) == ({}, None, None, False)


def test_watching_the_last_word() -> None:
    assert WATCHING.look(b"[DONE]", "").last


@pytest.mark.parametrize(
    "data",
    [
        b'{"message": "no"}',
        b'{"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "no"}}',
    ],
)
def test_watching_an_error(data: bytes) -> None:
    seen = WATCHING.look(data, "")

    assert seen.fault is not None
    assert seen.fault.message == "no"
    assert seen.finish == {}


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording",
    recordings.select("cohere.chat.v2", tags="non-stream", without="error"),
    ids=str,
)
def test_recorded(recording: recordings.Recording) -> None:
    """A recorded answer says what its JSON says, and streams as itself."""
    body = json.loads(recording.body)
    message = body["message"]

    reply = read_reply(body)

    (choice,) = reply.choices
    assert [p.text for p in choice.parts if isinstance(p, Text)] == [
        block["text"] for block in message.get("content", ()) if "text" in block
    ]
    plans = [message["tool_plan"]] if "tool_plan" in message else []
    assert [p.text for p in choice.parts if isinstance(p, Thinking)] == plans + [
        block["thinking"] for block in message.get("content", ()) if "thinking" in block
    ]
    assert [
        {
            "id": p.id,
            "type": "function",
            "function": {"name": p.name, "arguments": p.input},
        }
        for p in choice.parts
        if isinstance(p, ToolCall)
    ] == message.get("tool_calls", [])
    cited = [c for p in choice.parts if isinstance(p, Text) for c in p.citations]
    assert len(cited) == sum(len(c["sources"]) for c in message.get("citations", ()))
    assert choice.finish is not None
    assert choice.finish.raw == body["finish_reason"]
    assert choice.finish.stop is not Stop.OTHER
    assert reply.extras == {}
    assert reply.usage is not None
    assert reply.usage.input_total == body["usage"]["tokens"]["input_tokens"]
    events = list(unfold(reply))
    check(events)
    assert fold(events) == reply
    seen = WATCHING.look(recording.body, "")
    assert (seen.id, seen.finish) == (reply.id, {0: choice.finish})
    assert seen.usage == reply.usage
    assert seen.last


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording", recordings.select("cohere.chat.v2", tags="error"), ids=str
)
def test_recorded_error(recording: recordings.Recording) -> None:
    """Whatever the status said, the message is the provider's."""
    body = json.loads(recording.body)

    with pytest.raises(BackendError) as caught:
        read_reply(body)

    assert caught.value.message == body["message"]


def test_finish_is_kept() -> None:
    reply = read_reply({**answer(content=[TEXT]), "finish_reason": "NEW"})

    assert reply.choices[0].finish == Finish(Stop.OTHER, "NEW")
