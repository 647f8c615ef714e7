"""Streams as typed events."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from gateway.domain.errors import APIConnectionError
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
from gateway.domain.fold import fold
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
from gateway.fronts.losses import MOST as MOST_LOSSES
from gateway.fronts.openai_responses.front import FRONT
from gateway.wire.openai_responses import PROTOCOL
from tests.gateway.fronts.openai_responses.told import CONTEXT, START, kinds, told

END: tuple[Event, ...] = (ChoiceEnd(Finish(Stop.END, "stop")), ReplyEnd())
SEAL = Signature("anthropic", "A")


def items(*events: Event) -> list[dict[str, Any]]:
    """Return the events between the start and the end."""
    found, losses = told(START, *events, *END)
    assert losses == []
    return found[2:-1]


def test_text() -> None:
    """A message is announced, told in pieces and repeated whole."""
    found = items(
        BlockStart(0, Text()), TextDelta(0, "a"), TextDelta(0, "é"), BlockEnd(0)
    )

    at = {"item_id": "msg_N0", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    message = {"type": "message", "id": "msg_N0", "role": "assistant"}
    assert found == [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**message, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **at, "part": part},
        {"type": "response.output_text.delta", **at, "delta": "a", "logprobs": []},
        {"type": "response.output_text.delta", **at, "delta": "é", "logprobs": []},
        {"type": "response.output_text.done", **at, "text": "aé", "logprobs": []},
        {
            "type": "response.content_part.done",
            **at,
            "part": {**part, "text": "aé"},
        },
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {
                **message,
                "status": "completed",
                "content": [{**part, "text": "aé"}],
            },
        },
    ]


def test_frames_have_names() -> None:
    """Each frame has an event line that says the same as its JSON."""
    body = FRONT.writer(CONTEXT).feed([START, *END])

    assert body.startswith(b'event: response.created\ndata: {"type":"response.created"')


def test_whole_response() -> None:
    """The first and the last event have the response, and it is kept."""
    writer = FRONT.writer(CONTEXT)
    events: list[Event] = [
        START,
        BlockStart(0, Text()),
        TextDelta(0, "a"),
        BlockEnd(0),
        UsageUpdate(Usage(3, output=1)),
        UsageUpdate(Usage(output=2)),
        ChoiceEnd(Finish(Stop.END)),
        ReplyEnd(),
    ]

    writer.feed(events)

    assert writer.result == FRONT.write_reply(fold(events), CONTEXT).json
    assert writer.result["created_at"] == 1_600_000_000
    assert writer.result["usage"]["total_tokens"] == 5


def test_two_texts() -> None:
    """Texts that follow each other are parts of one message."""
    found = items(
        BlockStart(0, Text()), BlockEnd(0), BlockStart(1, Text()), BlockEnd(1)
    )

    assert kinds(found).count("output_item.added") == 1
    assert [e["content_index"] for e in found if "part.added" in e["type"]] == [0, 1]


def test_logprobs_and_sources() -> None:
    """Tokens stand in the text's events, sources in events of their own."""
    token = Logprob("a", -0.5, (97,))
    json = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}

    found = items(
        BlockStart(0, Text()),
        TextDelta(0, "a", (token,)),
        CitationDelta(0, Citation("http://x", "t", None, 0, 1)),
        BlockEnd(0),
    )

    delta, source, done, part = found[2:6]
    assert (delta["delta"], delta["logprobs"]) == ("a", [json])
    assert source["type"] == "response.output_text.annotation.added"
    assert source["annotation_index"] == 0
    assert source["annotation"]["url"] == "http://x"
    assert done["logprobs"] == [json]
    assert part["part"]["annotations"] == [source["annotation"]]
    assert part["part"]["logprobs"] == []
    assert found[6]["item"]["content"][0]["logprobs"] == [json]


def test_refusal() -> None:
    """A refusal has events of its own."""
    found = items(BlockStart(0, Refusal()), RefusalDelta(0, "no"), BlockEnd(0))

    assert kinds(found) == [
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
    ]
    assert found[3]["refusal"] == "no"


def test_thinking() -> None:
    """Thoughts are a summary, and their seal is in the whole item."""
    found = items(
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "t"),
        SignatureDelta(0, SEAL),
        BlockEnd(0),
    )

    assert kinds(found) == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert found[2]["summary_index"] == 0
    assert found[5]["item"]["encrypted_content"] == "anthropic:A"


def test_thought_without_words() -> None:
    """A thought that is only its seal has no parts."""
    found = items(BlockStart(0, Thinking()), SignatureDelta(0, SEAL), BlockEnd(0))

    assert kinds(found) == ["output_item.added", "output_item.done"]
    assert found[1]["item"]["summary"] == []


def test_thoughts() -> None:
    """A sealed thought ends its item."""
    found = items(
        BlockStart(0, Thinking()),
        BlockEnd(0),
        BlockStart(1, Thinking()),
        SignatureDelta(1, SEAL),
        BlockEnd(1),
        BlockStart(2, Thinking()),
        BlockEnd(2),
    )

    assert kinds(found).count("output_item.done") == 2


def test_raw_thoughts() -> None:
    """Thoughts of this dialect that are no summary are told as content."""
    raw = {PROTOCOL: {"form": {"type": "reasoning_text"}}}

    found = items(
        BlockStart(0, Thinking(extras=raw)), ThinkingDelta(0, "t"), BlockEnd(0)
    )

    assert kinds(found)[1:5] == [
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
    ]


@pytest.mark.parametrize(
    ("custom", "kind", "name"),
    [
        (False, "function_call_arguments", "arguments"),
        (True, "custom_tool_call_input", "input"),
    ],
)
def test_calls(custom: bool, kind: str, name: str) -> None:
    """A call is done when its input is; the seal of a call follows it."""
    found = items(
        BlockStart(0, ToolCall("c", "f", custom=custom)),
        ToolInputDelta(0, "{"),
        ToolInputDelta(0, "}"),
        SignatureDelta(0, Signature("gemini", "G")),
        BlockEnd(0),
    )

    assert kinds(found) == [
        "output_item.added",
        f"{kind}.delta",
        f"{kind}.delta",
        f"{kind}.done",
        "output_item.done",
        "output_item.added",
        "output_item.done",
    ]
    assert found[0]["item"][name] == ""
    assert found[3][name] == found[4]["item"][name] == "{}"
    assert found[6]["item"]["encrypted_content"] == "^gemini:G"
    assert found[6]["output_index"] == 1


def test_interleaved_calls() -> None:
    """Calls whose pieces are mixed up come one behind the other."""
    found = items(
        BlockStart(0, ToolCall("c0", "f")),
        BlockStart(1, ToolCall("c1", "f")),
        ToolInputDelta(1, "{"),
        ToolInputDelta(0, "["),
        BlockEnd(0),
        ToolInputDelta(1, "}"),
        BlockEnd(1),
    )

    assert [e["output_index"] for e in found] == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert found[-1]["item"]["arguments"] == "{}"


def test_picture() -> None:
    """A picture is what a hosted tool makes."""
    found = items(
        BlockStart(0, Media("image", "image/png")), MediaDelta(0, "AA"), BlockEnd(0)
    )

    assert found[0]["item"]["result"] is None
    assert found[1]["item"]["result"] == "AA"


def test_of_this_dialect() -> None:
    """Items that we do not model pass with their own events."""
    begun = {"type": "mcp_call", "id": "mcp_1"}
    delta = {"type": "response.mcp_call.in_progress", "item_id": "mcp_1"}
    whole = {**begun, "output": "x"}

    found = items(
        BlockStart(0, Opaque(PROTOCOL, begun)),
        OpaqueDelta(0, delta),
        BlockEnd(0, whole=whole),
        BlockStart(1, Opaque(PROTOCOL, begun)),
        BlockEnd(1),
    )

    assert [e.get("item") for e in found] == [begun, None, whole, begun, begun]
    assert found[1] == delta


def test_own_delta_without_a_type() -> None:
    """What has no name of its own cannot be written as an event."""
    begun = {"type": "mcp_call", "id": "mcp_1"}

    found = items(
        BlockStart(0, Opaque(PROTOCOL, begun)), OpaqueDelta(0, {"x": 1}), BlockEnd(0)
    )

    assert [e.get("item") for e in found] == [begun, begun]


def test_unknown_part_of_a_message() -> None:
    """A part that we do not model stays in its message."""
    inside = {PROTOCOL: {"form": {"inside": True}}}

    found = items(
        BlockStart(0, Opaque(PROTOCOL, {"type": "odd"}, extras=inside)),
        BlockEnd(0, whole={"type": "odd", "a": 1}),
    )

    assert kinds(found) == [
        "output_item.added",
        "content_part.added",
        "content_part.done",
        "output_item.done",
    ]
    assert found[3]["item"]["content"] == [{"type": "odd", "a": 1}]


def test_own_words_at_the_end() -> None:
    """Extras that come with the end of a part join those of its start."""
    ending = {
        PROTOCOL: {"item": {"type": "message", "id": "m", "status": "incomplete"}}
    }

    found = items(BlockStart(0, Text()), BlockEnd(0, ending))

    assert found[-1]["item"]["status"] == "incomplete"


def test_response_of_this_dialect() -> None:
    """News of the response join it; unknown events pass in their place."""
    event = {"type": "response.novelty", "a": 1}
    writer = FRONT.writer(CONTEXT)
    start = ReplyStart("r", "m", 1, {PROTOCOL: {"form": {"temperature": 0.5}}})

    body = writer.feed(
        [
            Ping(),
            Foreign(PROTOCOL, "early", 1),
            start,
            Foreign(PROTOCOL, "response.novelty", event),
            Foreign(PROTOCOL, "form", {"temperature": 0.7}),
            Foreign(PROTOCOL, "service_tier", "flex"),
            *END,
        ]
    )

    assert body.startswith(b": keep-alive\n")
    assert b'event: response.novelty\ndata: {"type":"response.novelty","a":1,' in body
    assert writer.result == {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "output": [],
        "usage": None,
        "temperature": 0.7,
        "service_tier": "flex",
    }


def test_queued() -> None:
    """A response that was put into a queue begins to be worked on later."""
    start = ReplyStart("r", "m", 1, {PROTOCOL: {"form": {"status": "queued"}}})

    found, _ = told(start)

    assert kinds(found) == ["created"]
    assert found[0]["response"]["status"] == "queued"


def test_name_that_breaks_the_frame() -> None:
    """A name with a newline, or of no text, is told in the JSON only."""
    for name in ("a\nb", "\ud800"):
        body = FRONT.writer(CONTEXT).feed([Foreign(PROTOCOL, name, {"type": name})])

        assert body.startswith(b"data: {")


@pytest.mark.parametrize(
    ("finish", "kind", "status"),
    [
        (Finish(Stop.LENGTH), "incomplete", "incomplete"),
        (Finish(Stop.ERROR), "failed", "failed"),
        (Finish(Stop.OTHER, "cancelled"), "incomplete", "cancelled"),
    ],
)
def test_endings(finish: Finish, kind: str, status: str) -> None:
    """The last event says how it ended."""
    found, _ = told(START, ChoiceEnd(finish), ReplyEnd())

    assert kinds(found)[-1] == kind
    assert found[-1]["response"]["status"] == status


def test_losses() -> None:
    """What cannot be said is told, each kind once, and the rest goes on."""
    found, losses = told(
        evolve(START, extras={"anthropic": {"fingerprint": 1}}),
        BlockStart(0, Opaque("anthropic", {})),
        OpaqueDelta(0, {}),
        BlockEnd(0),
        BlockStart(1, Media("audio")),
        MediaDelta(1, "AA"),
        BlockEnd(1),
        BlockStart(2, Text(extras={"anthropic": {"caller": 1}})),
        CitationDelta(2, Citation(quote="q")),
        CitationDelta(2, Citation(quote="r")),
        BlockEnd(2, {"anthropic": {"last": 1}}),
        BlockStart(3, Text(), 1),
        TextDelta(3, "other"),
        BlockEnd(3),
        Foreign("anthropic", "new", 1),
        ChoiceEnd(Finish(Stop.END), 1),
        ChoiceEnd(Finish(Stop.END), extras={"anthropic": {"container": 1}}),
        ReplyEnd(),
    )

    assert kinds(found)[-1] == "completed"
    assert len(found[-1]["response"]["output"]) == 1
    assert [loss.path for loss in losses] == [
        "fingerprint",
        "choices[0].parts[0]",
        "choices[0].parts[1]",
        "choices[0].parts[2].caller",
        "choices[0].parts[2].citations[0]",
        "choices[0].parts[2].citations[1]",
        "choices[0].parts[2].last",
        "new",
        "choices[1]",
        "choices[0].container",
    ]


def test_many_losses() -> None:
    """A stream cannot fill the memory with what cannot be said."""
    events = [Foreign("anthropic", f"new_{n}", 1) for n in range(MOST_LOSSES + 5)]

    _, losses = told(START, *events)

    assert len(losses) == MOST_LOSSES


class TestFault:
    def test_in_a_call(self) -> None:
        """A call that breaks off is not told as done, nor what waited behind it."""
        writer = FRONT.writer(CONTEXT)
        events: list[Event] = [
            START,
            BlockStart(0, Text()),
            BlockEnd(0),
            BlockStart(1, ToolCall("c", "f")),
            ToolInputDelta(1, "{"),
            BlockStart(2, ToolCall("d", "f")),
            ToolInputDelta(2, "{}"),
            BlockEnd(2),
            Fault(APIConnectionError("gone")),
        ]

        found, _ = told(*events)
        writer.feed(events)

        assert kinds(found)[-4:] == [
            "output_item.added",
            "function_call_arguments.delta",
            "error",
            "failed",
        ]
        assert [i["type"] for i in found[-1]["response"]["output"]] == ["message"]
        assert writer.result is None

    def test_at_once(self) -> None:
        """An upstream may fail before it says anything."""
        found, _ = told(Fault(APIConnectionError("gone")))

        assert kinds(found) == ["error", "failed"]
        assert found[1]["response"]["id"] == "resp_N"
