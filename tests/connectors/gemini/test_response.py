from __future__ import annotations

from typing import Any

import pytest

from connectors.gemini.response import read_count, read_reply
from gateway.domain.errors import BackendError
from gateway.domain.parts import Citation, Logprob, Text, ToolCall
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage


def candidate(*parts: Any, **members: Any) -> dict[str, Any]:
    content = {"parts": list(parts), "role": "model"}
    return {"content": content, "finishReason": "STOP", **members}


def test_reply() -> None:
    assert read_reply(
        {
            "candidates": [candidate({"text": "hello"}, index=0)],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
            "modelVersion": "m",
            "responseId": "r",
            "createTime": "1970-01-01T00:00:05Z",
        }
    ) == Reply(
        "r",
        "m",
        5,
        (Choice((Text("hello"),), Finish(Stop.END, "STOP")),),
        Usage(3, output=4),
        {"gemini": {"createTime": "1970-01-01T00:00:05Z"}},
    )


def test_calls() -> None:
    """Calls without an id get one each, and the finish word stands for them."""
    call = {"functionCall": {"name": "f", "args": {}}}
    json = {"candidates": [candidate(call, call)], "responseId": "r"}

    (choice,) = read_reply(json).choices

    assert choice.finish == Finish(Stop.TOOLS, "STOP")
    ids = [part.id for part in choice.parts if isinstance(part, ToolCall)]
    assert len({*ids}) == 2
    assert read_reply(json).choices == (choice,)


def test_calls_of_two_answers() -> None:
    """No two calls of a conversation share an id, though their answer has none."""
    call = candidate({"functionCall": {"name": "f"}})
    answers = [
        read_reply({"candidates": [call], "usageMetadata": {"promptTokenCount": n}})
        for n in (1, 2)
    ]

    assert answers[0].choices[0].parts != answers[1].choices[0].parts


def test_order_of_candidates() -> None:
    json = {
        "candidates": [
            candidate({"text": "b"}, index=1),
            candidate({"text": "a"}, index=0),
        ]
    }

    assert [c.parts for c in read_reply(json).choices] == [(Text("a"),), (Text("b"),)]


def test_sources() -> None:
    """They hang on the last text; the members of Google's own stay."""
    metadata = {
        "groundingChunks": [{"web": {"uri": "u"}}],
        "groundingSupports": [
            {"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}
        ],
    }
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]}
    json = candidate(
        {"text": "a"}, groundingMetadata=metadata, logprobsResult=result, avgLogprobs=-1
    )

    (choice,) = read_reply({"candidates": [json]}).choices

    (text,) = choice.parts
    assert isinstance(text, Text)
    assert text.logprobs == (Logprob("a", -1.0),)
    (citation,) = text.citations
    assert isinstance(citation, Citation)
    assert (citation.url, citation.end) == ("u", 1)
    assert choice.extras["gemini"].keys() == {
        "groundingMetadata",
        "logprobsResult",
        "avgLogprobs",
    }


def test_no_content() -> None:
    """A filter or a malformed call leaves nothing but its name."""
    json = {"finishReason": "SAFETY", "safetyRatings": []}

    assert read_reply({"candidates": [json, {}]}).choices == (
        Choice((), Finish(Stop.FILTER, "SAFETY"), {"gemini": {"safetyRatings": []}}),
        Choice(),
    )


def test_blocked_prompt() -> None:
    feedback = {"blockReason": "OTHER"}

    (choice,) = read_reply({"promptFeedback": feedback}).choices

    assert choice.finish == Finish(Stop.FILTER, "OTHER")
    assert choice.extras == {"gemini": {"promptFeedback": feedback}}


@pytest.mark.parametrize(
    "json",
    [
        {},
        {"candidates": 5},
        {"candidates": ["a"]},
        {"candidates": [candidate({"text": 5})]},
        {"candidates": [candidate(index="0")]},
        {"candidates": [candidate()], "modelVersion": 5},
        {"promptFeedback": {}},
        [],
        "a",
    ],
)
def test_another_shape(json: Any) -> None:
    with pytest.raises(BackendError) as caught:
        read_reply(json)

    assert caught.value.code == "upstream_invalid_reply"


def test_error() -> None:
    with pytest.raises(BackendError) as caught:
        read_reply([{"error": {"code": 503, "message": "busy"}}])

    assert caught.value.status_code == 503


def test_count() -> None:
    assert read_count({"totalTokens": 11}) == 11
    for json in ({}, {"error": {"code": 400}}):
        with pytest.raises(BackendError):
            read_count(json)
