from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.domain.errors import BackendError
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
from gateway.domain.parts import (
    Citation,
    Logprob,
    Media,
    Opaque,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Finish, Stop, Usage
from gateway.fronts.base import Ask, Context
from gateway.fronts.gemini.stream import GeminiWriter
from gateway.fronts.losses import MOST
from gateway.wire.gemini import read_usage
from gateway.wire.seal import seal_bytes
from tests.streams import frame_json, frames

START = ReplyStart("r", "m", 1)
HEAD = {"modelVersion": "m", "responseId": "r"}
END = ChoiceEnd(Finish(Stop.END, "stop"))
COUNTED = UsageUpdate(Usage(3, output=4))
COUNTS = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
SEAL = Signature("anthropic", "c2VhbA==")


def writer(framing: Any = "sse") -> GeminiWriter:
    return GeminiWriter(Context(Ask("m1", True, framing=framing), 1, "x"))


def tell(batches: Iterable[list[Event]], framing: Any = "sse") -> list[Any]:
    """Return the chunks that a client is sent for *batches* of events."""
    telling = writer(framing)
    body = b"".join([telling.feed(batch) for batch in batches])
    if framing == "array":
        found: list[Any] = json.loads(body)
        return found
    body, _, bare = body.rpartition(b"\r\n\r\n")
    found = [frame_json(frame) for frame in frames(body)]
    # An error stands there twice, the second time bare (see test_break_of_events).
    assert not bare or json.loads(bare) == found[-1]
    return found


def part(json_: Any, choice: int = 0) -> dict[str, Any]:
    content = {"parts": [json_], "role": "model"}
    return {"candidates": [{"content": content, "index": choice}], **HEAD}


@pytest.mark.parametrize("framing", ["sse", "array"])
def test_text(framing: str) -> None:
    """
    One chunk a piece; counts and finish come in the last one, with an empty text.

    Google's clients take a chunk without a content for a broken answer, and forget it.
    """
    batches: list[list[Event]] = [
        [START],
        [BlockStart(0, Text())],
        [TextDelta(0, "a")],
        [TextDelta(0, '"b\n')],
        [Ping()],
        [BlockEnd(0)],
        [COUNTED, END],
        [ReplyEnd()],
    ]

    assert tell(batches, framing) == [
        part({"text": "a"}),
        part({"text": '"b\n'}),
        {
            "candidates": [
                {
                    "content": {"parts": [{"text": ""}], "role": "model"},
                    "finishReason": "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": COUNTS,
            **HEAD,
        },
    ]


def test_finish_waits_for_counts() -> None:
    """Google's clients look for both in one chunk; OpenAI's counts come later."""
    batches: list[list[Event]] = [[START], [END], [COUNTED], [ReplyEnd()]]

    (chunk,) = tell(batches)

    assert chunk["candidates"][0]["finishReason"] == "STOP"
    assert chunk["usageMetadata"] == COUNTS


def test_nobody_counts() -> None:
    """Then the end of the reply lets the finish out."""
    assert tell([[START], [END], [ReplyEnd()]]) == [
        {"candidates": [{"finishReason": "STOP", "index": 0}], **HEAD}
    ]


def test_counts_after_the_finish() -> None:
    """Counts that change once more are told once more."""
    later = UsageUpdate(Usage(output=9))

    *_, last = tell([[START], [COUNTED], [END], [later], [ReplyEnd()]])

    assert last == {
        "usageMetadata": {**COUNTS, "candidatesTokenCount": 9, "totalTokenCount": 12},
        **HEAD,
    }


def test_googles_own_counts() -> None:
    """They go out with the piece that they came with, as they are."""
    raw = {"promptTokenCount": 3, "totalTokenCount": 3, "trafficType": "X"}
    own = UsageUpdate(read_usage(raw))
    batches: list[list[Event]] = [
        [START, BlockStart(0, Text()), TextDelta(0, "a"), own],
        [TextDelta(0, "b"), own],
        [TextDelta(0, "c"), COUNTED],
    ]

    first, second, third = tell(batches)

    assert first["usageMetadata"] == second["usageMetadata"] == raw
    assert second["candidates"] == part({"text": "b"})["candidates"]
    assert "usageMetadata" not in third


def test_counts_wait_for_something_to_say() -> None:
    own = UsageUpdate(read_usage({"trafficType": "X"}))

    assert tell([[START], [own]]) == []


def test_several_events_at_once() -> None:
    """They are one chunk, and a block's pieces one part."""
    batch: list[Event] = [
        START,
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "H"),
        ThinkingDelta(0, "m"),
        SignatureDelta(0, SEAL),
        BlockEnd(0),
        BlockStart(1, Text()),
        TextDelta(1, "a"),
        BlockEnd(1),
        BlockStart(2, Text()),
        TextDelta(2, "b"),
    ]

    (chunk,) = tell([batch])

    slot = seal_bytes(SEAL, "gemini")
    assert chunk["candidates"][0]["content"]["parts"] == [
        {"text": "Hm", "thought": True, "thoughtSignature": slot},
        {"text": "a"},
        {"text": "b"},
    ]


def test_thought_and_late_seal() -> None:
    """A seal that comes alone rides on an empty thought, as Google's own do."""
    batches: list[list[Event]] = [
        [START, BlockStart(0, Thinking()), ThinkingDelta(0, "H")],
        [ThinkingDelta(0, "m")],
        [SignatureDelta(0, SEAL)],
        [BlockEnd(0)],
    ]

    _, second, third = tell(batches)

    slot = seal_bytes(SEAL, "gemini")
    assert second == part({"text": "m", "thought": True})
    assert third == part({"text": "", "thought": True, "thoughtSignature": slot})


def test_calls() -> None:
    """A call goes out when it is whole, however its pieces are mixed."""
    batches: list[list[Event]] = [
        [START, BlockStart(0, ToolCall("i", "f")), BlockStart(1, ToolCall("j", "g"))],
        [ToolInputDelta(0, '{"a"'), ToolInputDelta(1, "{}")],
        [ToolInputDelta(0, ":1}"), BlockEnd(1)],
        [SignatureDelta(0, SEAL), BlockEnd(0)],
    ]

    slot = seal_bytes(SEAL, "gemini")
    assert tell(batches) == [
        part({"functionCall": {"name": "g", "args": {}, "id": "j"}}),
        part(
            {
                "functionCall": {"name": "f", "args": {"a": 1}, "id": "i"},
                "thoughtSignature": slot,
            }
        ),
    ]


def test_picture() -> None:
    batch: list[Event] = [
        START,
        BlockStart(0, Media("image", "image/png"), 1),
        MediaDelta(0, "QUJD"),
        MediaDelta(0, "REVG"),
        BlockEnd(0),
    ]

    blob = {"mimeType": "image/png", "data": "QUJDREVG"}
    assert tell([batch]) == [part({"inlineData": blob}, 1)]


def test_parts_of_google() -> None:
    """What only Google understands comes back; what others do does not."""
    own = {"executableCode": {"code": "1"}}
    telling = writer()
    telling.feed([START, BlockStart(0, Opaque("anthropic", {"type": "x"}))])

    nothing = telling.feed([OpaqueDelta(0, {"a": 1}), BlockEnd(0)])
    something = telling.feed([BlockStart(1, Opaque("gemini", own)), BlockEnd(1)])

    assert nothing == b""
    assert frame_json(something) == part(own)
    assert [loss.path for loss in telling.losses] == ["choices[0].parts[0]"]


def test_members_of_google() -> None:
    """Those of a text keep it from being said by a template."""
    head = Text(extras={"gemini": {"partMetadata": {"a": 1}}})
    batches: list[list[Event]] = [
        [START, BlockStart(0, head), TextDelta(0, "a")],
        [TextDelta(0, "b")],
        [Foreign("gemini", "modelStatus", {"x": 1})],
        [Foreign("gemini", "candidates", {"index": 0, "safetyRatings": []})],
    ]

    assert tell(batches) == [
        part({"text": "a", "partMetadata": {"a": 1}}),
        part({"text": "b", "partMetadata": {"a": 1}}),
        {**HEAD, "modelStatus": {"x": 1}},
        {"candidates": [{"index": 0, "safetyRatings": []}], **HEAD},
    ]


def test_refusal() -> None:
    telling = writer()
    telling.feed([START, BlockStart(0, Refusal())])

    chunk = frame_json(telling.feed([RefusalDelta(0, "no")]))

    assert chunk == part({"text": "no"})
    assert [loss.path for loss in telling.losses] == ["choices[0].parts[0]"]


def test_citations() -> None:
    """Google's own go out at once, those of others with the end."""
    source = {"uri": "https://a", "endIndex": 1}
    own = Citation("https://a", extras={"gemini": {"citationSources": source}})
    mark = Citation("https://c", extras={"gemini": {"groundingMetadata": None}})
    batches: list[list[Event]] = [
        [START, COUNTED, BlockStart(0, Text()), TextDelta(0, "é")],
        [
            CitationDelta(0, own),
            CitationDelta(0, Citation("https://b", start=0, end=1)),
        ],
        [CitationDelta(0, mark)],
        [BlockEnd(0), END],
    ]

    _, second, last = tell(batches)

    assert second["candidates"] == [
        {"index": 0, "citationMetadata": {"citationSources": [source]}}
    ]
    metadata = last["candidates"][0]["groundingMetadata"]
    assert metadata["groundingChunks"] == [{"web": {"uri": "https://b", "title": ""}}]
    assert metadata["groundingSupports"][0]["segment"]["endIndex"] == 2


def test_source_that_is_no_page() -> None:
    """A document of another provider's has no URL to show."""
    telling = writer()

    telling.feed([START, BlockStart(0, Text()), TextDelta(0, "a")])
    telling.feed([CitationDelta(0, Citation(title="a.pdf"))])

    assert [loss.path for loss in telling.losses] == ["choices[0].parts[0].citations"]


def test_probabilities() -> None:
    tokens = (Logprob("a", -1.0),)
    own = {"chosenCandidates": [{"token": "a", "tokenId": 5}]}
    batches: list[list[Event]] = [
        [START, BlockStart(0, Text()), TextDelta(0, "a", tokens)],
        [TextDelta(0, "b", tokens)],
        [
            TextDelta(0, "", tokens),
            Foreign("gemini", "candidates", {"index": 0, "logprobsResult": own}),
        ],
    ]

    _, second, third = tell(batches)

    (candidate,) = second["candidates"]
    assert candidate["logprobsResult"]["chosenCandidates"] == [
        {"token": "a", "logProbability": -1.0}
    ]
    assert third["candidates"] == [{"index": 0, "logprobsResult": own}]


@pytest.mark.parametrize("framing", ["sse", "array"])
@pytest.mark.parametrize("begun", [False, True])
def test_fault(framing: str, begun: bool) -> None:
    """An error ends the stream in the dialect's own way; a finish is forgotten."""
    said: list[Event] = [BlockStart(0, Text()), TextDelta(0, "a")] if begun else []

    *before, last = tell([[START, *said], [END], [Fault(BackendError("no"))]], framing)

    assert before == ([part({"text": "a"})] if begun else [])
    assert list(last) == ["error"]
    assert last["error"]["message"] == "no"


def test_empty_array() -> None:
    assert tell([[ReplyEnd()]], "array") == []


def test_blocked_prompt() -> None:
    feedback = {"blockReason": "SAFETY"}
    extras = {"gemini": {"promptFeedback": feedback}}
    end = ChoiceEnd(Finish(Stop.FILTER, "SAFETY"), 0, extras)

    assert tell([[ReplyStart(), end], [ReplyEnd()]]) == [{"promptFeedback": feedback}]


def test_two_candidates() -> None:
    batch: list[Event] = [
        START,
        BlockStart(0, Text(), 0),
        BlockStart(1, Text(), 1),
        TextDelta(1, "b"),
        TextDelta(0, "a"),
    ]

    (chunk,) = tell([batch])

    assert [c["index"] for c in chunk["candidates"]] == [0, 1]


def test_losses() -> None:
    """Members of other dialects, each once, and not without end."""
    telling = writer()
    telling.feed([ReplyStart(extras={"openai_chat": {"system_fingerprint": "x"}})])
    telling.feed([Foreign("anthropic", "container", {"id": 1})])
    telling.feed([Foreign("anthropic", "container", {"id": 1})])
    telling.feed([Foreign("anthropic", "nothing", None)])
    telling.feed([Foreign("anthropic", f"n{i}", 1) for i in range(2 * MOST)])

    paths = [loss.path for loss in telling.losses]
    assert paths[:3] == ["system_fingerprint", "container", "n0"]
    assert len(paths) == MOST


def test_any_iterable() -> None:
    """Events may come as a tuple."""
    assert writer().feed((START,)) == b""
