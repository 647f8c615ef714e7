"""Whole answers of Converse, as far as `tests/contract` does not read them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.bedrock.response import read_count, read_reply
from gateway.domain.errors import BackendError
from gateway.domain.parts import Media, Opaque, Signature, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.bedrock import PROTOCOL


def answer(*content: Any, **members: Any) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [*content]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17},
        "metrics": {"latencyMs": 500},
        **members,
    }


def test_blocks() -> None:
    """Each kind of block is a part; what only Bedrock knows stays as it is."""
    server = {"toolUse": {"toolUseId": "s", "name": "n", "type": "server_tool_use"}}
    call = {
        "toolUseId": "a",
        "name": "weather",
        "input": {"n": 1.0},
        "type": "tool_use",
    }
    thought = {"text": "2+2", "signature": "c2VhbA=="}
    reply = read_reply(
        answer(
            {"reasoningContent": {"reasoningText": thought}},
            {"reasoningContent": {"reasoningText": {"text": "So"}}},
            {"reasoningContent": {"redactedContent": "YWJj"}},
            {"text": "Four"},
            {"toolUse": call},
            {"image": {"format": "jpeg", "source": {"bytes": "aWNv"}}},
            {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b"}}}},
            server,
        )
    )

    s3 = {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b"}}}
    assert reply.choices[0].parts == (
        Thinking("2+2", Signature(PROTOCOL, "c2VhbA==")),
        Thinking("So"),
        Thinking("", Signature(PROTOCOL, "redacted:YWJj")),
        Text("Four"),
        ToolCall("a", "weather", '{"n":1.0}'),
        Media("image", "image/jpeg", data="aWNv"),
        Opaque(PROTOCOL, {"image": s3}),
        Opaque(PROTOCOL, server),
    )
    assert reply.usage == Usage(input=12, output=5)
    assert reply.choices[0].finish == Finish(Stop.END, "end_turn")
    assert reply.extras == {}


def test_cited() -> None:
    cited = {
        "content": [{"text": "Rain"}, {"text": "."}],
        "citations": [{"title": "W"}],
    }

    (part,) = read_reply(answer({"citationsContent": cited})).choices[0].parts

    assert isinstance(part, Text)
    assert part.text == "Rain."
    assert [citation.title for citation in part.citations] == ["W"]


def test_members() -> None:
    """What is not modelled stays where it stood; latency is none of it."""
    fields = {"stop_sequence": "END", "x": 1}
    reply = read_reply(
        answer(additionalModelResponseFields=fields, trace={"guardrail": {}})
    )

    assert reply.extras == {PROTOCOL: {"trace": {"guardrail": {}}}}
    assert reply.choices[0].extras == {
        PROTOCOL: {"additionalModelResponseFields": {"x": 1}}
    }
    assert reply.choices[0].finish == Finish(Stop.END, "end_turn", "END")


@pytest.mark.parametrize(
    "json",
    [
        [],
        {},
        {"message": "no"},
        {"error": {"message": "no"}},
        answer({"text": 5}),
        answer("text"),
        answer({"toolUse": {"toolUseId": "a", "name": "", "input": {}}}),
        answer(stopReason=None),
    ],
)
def test_wrong(json: Any) -> None:
    with pytest.raises(BackendError):
        read_reply(json)


def test_count() -> None:
    assert read_count({"inputTokens": 11}) == 11
    wrong: list[Any] = [{}, {"inputTokens": "11"}, [], {"inputTokens": True}]
    for json in wrong:
        with pytest.raises(BackendError):
            read_count(json)
