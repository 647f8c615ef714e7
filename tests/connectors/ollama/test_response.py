from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.ollama.translator import TRANSLATOR
from gateway.domain.errors import BackendError
from gateway.domain.fold import fold, unfold
from gateway.domain.grammar import check
from gateway.domain.parts import Logprob, Media, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.ollama import WATCHING
from tests import recordings

read_reply = TRANSLATOR.read_reply

ANSWER = {
    "model": "m",
    "created_at": "1970-01-01T00:00:10Z",
    "message": {"role": "assistant", "content": "hi", "thinking": "hm"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 2,
    "eval_duration": 7,
}


def test_answer() -> None:
    reply = read_reply(ANSWER)

    assert (reply.id, reply.model, reply.created) == (None, "m", 10)
    (choice,) = reply.choices
    assert choice.parts == (Thinking("hm"), Text("hi"))
    assert choice.finish == Finish(Stop.END, "stop")
    assert reply.usage == Usage(input=3, output=2)
    assert reply.usage is not None
    assert reply.usage.raw == {
        "prompt_eval_count": 3,
        "eval_count": 2,
        "eval_duration": 7,
    }
    assert reply.extras == {}


def test_everything_else() -> None:
    """Calls, pictures, probabilities, and what we do not know."""
    message = {
        "role": "assistant",
        "content": "x",
        "images": ["aGk="],
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": "ü"}}}],
        "mood": "good",
    }
    tokens = [{"token": "x", "logprob": -1.0}]

    reply = read_reply(
        {**ANSWER, "message": message, "logprobs": tokens, "remote_host": "h"}
    )

    text, image, call = reply.choices[0].parts
    assert text == Text("x", (Logprob("x", -1.0),))
    assert image == Media("image", data="aGk=")
    assert isinstance(call, ToolCall)
    assert (call.name, call.input) == ("f", '{"a":"ü"}')
    assert reply.choices[0].finish == Finish(Stop.TOOLS, "stop")
    assert reply.extras == {"ollama": {"mood": "good", "remote_host": "h"}}


def test_generate() -> None:
    """The older operation has the text outside of a message."""
    reply = read_reply({"model": "m", "response": "hi", "done": True})

    assert reply.choices[0].parts == (Text("hi"),)
    assert reply.usage is None


def test_silence() -> None:
    """No words, no part: a model that only calls, or was only loaded."""
    reply = read_reply({**ANSWER, "message": {"role": "assistant", "content": ""}})

    assert reply.choices[0].parts == ()


def test_error() -> None:
    with pytest.raises(BackendError, match="not found"):
        read_reply({"error": "model 'x' not found"})


@pytest.mark.parametrize(
    "json_value", [None, [], 1, "x", {}, {"message": 1}, {"message": {"content": 1}}]
)
def test_another_shape(json_value: object) -> None:
    """An upstream can answer anything; that is its mistake, not ours."""
    with pytest.raises(BackendError):
        read_reply(json_value)


@pytest.mark.parametrize("count", [True, -1, float("inf"), 1e300, "5", None])
def test_count_that_is_none(count: Any) -> None:
    """A number that no sum of tokens can be is not told."""
    reply = read_reply({**ANSWER, "prompt_eval_count": count})

    assert reply.usage == Usage(output=2)


@pytest.mark.parametrize(
    "data", [b"[]", b'{"done": false}', b'{"message": 1, "done": true}']
)
def test_watching_what_tells_nothing(data: bytes) -> None:
    seen = WATCHING.look(data, "")

    assert seen.usage is None
    assert seen.id is None
    assert seen.fault is None


def test_watching_an_error() -> None:
    fault = WATCHING.look(b'{"error": "no"}', "").fault

    assert fault is not None
    assert fault.message == "no"


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording",
    recordings.select("ollama.chat", tags="non-stream", without="error"),
    ids=str,
)
def test_recorded(recording: recordings.Recording) -> None:
    """A recorded answer says what its JSON says, and streams as itself."""
    body = json.loads(recording.body)

    reply = read_reply(body)

    (choice,) = reply.choices
    texts = [p.text for p in choice.parts if isinstance(p, Text)]
    calls = [p.name for p in choice.parts if isinstance(p, ToolCall)]
    asked = body["message"].get("tool_calls") or []
    assert "".join(texts) == body["message"]["content"]
    assert calls == [call["function"]["name"] for call in asked]
    assert choice.finish == Finish(
        Stop.TOOLS
        if asked
        else {"stop": Stop.END, "length": Stop.LENGTH}[body["done_reason"]],
        body["done_reason"],
    )
    assert reply.extras == {}
    events = list(unfold(reply))
    check(events)
    assert fold(events) == reply
    seen = WATCHING.look(recording.body, "")
    assert seen.finish == {0: choice.finish}
    assert seen.usage == reply.usage


@pytest.mark.recordings
def test_recorded_error() -> None:
    (recording,) = recordings.select("ollama.chat", tags="error")

    with pytest.raises(BackendError, match="not found"):
        read_reply(json.loads(recording.body))
