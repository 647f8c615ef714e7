from __future__ import annotations

from typing import Any

from gateway.domain.loss import Grade
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
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage
from gateway.fronts.base import Ask, Context, Rendered
from gateway.fronts.gemini.response import write_reply
from gateway.wire.ids import make_id
from gateway.wire.seal import seal_bytes

CONTEXT = Context(Ask("m1", False), 1, "x")
END = Finish(Stop.END, "stop")


def rendered(*parts: Part, **members: Any) -> Rendered:
    reply = Reply("r", "m", 1, (Choice(parts, END),), **members)
    return write_reply(reply, CONTEXT)


def parts_of(*parts: Part) -> list[Any]:
    found: list[Any] = rendered(*parts).json["candidates"][0]["content"]["parts"]
    return found


def test_reply() -> None:
    told = rendered(Text("hello"), usage=Usage(3, output=4))

    assert told.json == {
        "candidates": [
            {
                "content": {"parts": [{"text": "hello"}], "role": "model"},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 3,
            "candidatesTokenCount": 4,
            "totalTokenCount": 7,
        },
        "modelVersion": "m",
        "responseId": "r",
    }
    assert told.losses == ()


def test_least() -> None:
    """What nobody knows is not made up."""
    assert write_reply(Reply(), CONTEXT).json == {}
    assert write_reply(Reply(choices=(Choice(),)), CONTEXT).json == {
        "candidates": [{"index": 0}]
    }


def test_thoughts_and_calls() -> None:
    """Seals of others go into the slot; ids of our own making stay out."""
    seal = Signature("anthropic", "c2VhbA==")

    assert parts_of(
        Thinking("Hm.", seal),
        ToolCall("toolu_1", "f", '{"a":1}'),
        ToolCall(make_id("x"), "f", ""),
    ) == [
        {
            "text": "Hm.",
            "thought": True,
            "thoughtSignature": seal_bytes(seal, "gemini"),
        },
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "toolu_1"}},
        {"functionCall": {"name": "f", "args": {}}},
    ]


def test_losses() -> None:
    """What has no word here is told, part by part."""
    told = rendered(
        Refusal("no"),
        Opaque("anthropic", {"type": "x"}),
        ToolCall("i", "f", "ls", custom=True),
        Media("audio", "audio/wav", "QQ==", transcript="hi"),
        Text("a", extras={"anthropic": {"new": 1}}),
    )

    assert [(loss.path, loss.grade) for loss in told.losses] == [
        ("choices[0].parts[4].new", Grade.DROPPED),
        ("choices[0].parts[0]", Grade.APPROXIMATE),
        ("choices[0].parts[1]", Grade.DROPPED),
        ("choices[0].parts[2].input", Grade.APPROXIMATE),
        ("choices[0].parts[3].transcript", Grade.DROPPED),
    ]
    assert len(told.json["candidates"][0]["content"]["parts"]) == 4


def test_sources_and_probabilities() -> None:
    text = Text(
        "abc", (Logprob("abc", -1.0),), (Citation("https://a", "A", start=0, end=3),)
    )

    (candidate,) = rendered(text).json["candidates"]

    assert candidate["groundingMetadata"]["groundingChunks"] == [
        {"web": {"uri": "https://a", "title": "A"}}
    ]
    assert candidate["logprobsResult"]["chosenCandidates"] == [
        {"token": "abc", "logProbability": -1.0}
    ]


def test_googles_own_members() -> None:
    """They win over what was read out of them."""
    choice = Choice(
        (Text("abc", (Logprob("abc", -1.0),)),),
        END,
        {"gemini": {"logprobsResult": {"own": 1}}},
    )

    (candidate,) = write_reply(Reply(choices=(choice,)), CONTEXT).json["candidates"]

    assert candidate["logprobsResult"] == {"own": 1}


def test_blocked_prompt() -> None:
    """It is no candidate's."""
    feedback = {"blockReason": "SAFETY"}
    extras = {"gemini": {"promptFeedback": feedback}}
    choice = Choice((), Finish(Stop.FILTER, "SAFETY"), extras)

    assert write_reply(Reply(choices=(choice,)), CONTEXT).json == {
        "promptFeedback": feedback
    }
