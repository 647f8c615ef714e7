"""The blocks of a stream: one behind the other, as clients' types want them."""

from __future__ import annotations

import json
from typing import Any

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    CitationDelta,
    OpaqueDelta,
    Ping,
    RefusalDelta,
    ReplyEnd,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
)
from gateway.domain.parts import (
    Citation,
    Logprob,
    Opaque,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from tests.gateway.fronts.anthropic.told import (
    END,
    SEAL,
    START,
    blocks,
    delta,
    start,
    stop,
    told,
)


def test_overlapping_blocks() -> None:
    """Blocks stand one behind the other, and their numbers have no gaps."""
    found, _ = blocks(
        BlockStart(4, ToolCall("a", "f")),
        BlockStart(7, ToolCall("b", "g")),
        ToolInputDelta(7, '{"y"'),
        ToolInputDelta(4, '{"x": 1}'),
        ToolInputDelta(7, ": 2}"),
        BlockEnd(7),
        BlockEnd(4),
    )

    assert found == [
        start(0, type="tool_use", id="a", name="f", input={}),
        delta(0, "input_json_delta", partial_json='{"x": 1}'),
        stop(0),
        start(1, type="tool_use", id="b", name="g", input={}),
        delta(1, "input_json_delta", partial_json='{"y"'),
        delta(1, "input_json_delta", partial_json=": 2}"),
        stop(1),
    ]


def test_thought() -> None:
    """A thought begins with an empty seal, and another's stands sealed."""
    found, _ = blocks(
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "a"),
        ThinkingDelta(0, "b"),
        SignatureDelta(0, SEAL),
        BlockEnd(0),
        BlockStart(1, Thinking()),
        BlockEnd(1),
    )

    assert found == [
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="a"),
        delta(0, "thinking_delta", thinking="b"),
        delta(0, "signature_delta", signature="gemini:x"),
        stop(0),
        start(1, type="thinking", thinking="", signature=""),
        stop(1),
    ]


def test_redacted_thought() -> None:
    """It stands whole in the start of its block, however the events come."""
    gone = Signature("anthropic", "redacted_thinking:d")
    events = (BlockStart(0, Thinking()), SignatureDelta(0, gone), BlockEnd(0))
    expected = [start(0, type="redacted_thinking", data="d"), stop(0)]

    assert blocks(*events)[0] == expected
    assert blocks(*events, at_once=True)[0] == expected


def test_redacted_late() -> None:
    """After words, its mark stays in the seal, and comes back."""
    gone = Signature("anthropic", "redacted_thinking:d")
    found, _ = blocks(
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "a"),
        SignatureDelta(0, gone),
        BlockEnd(0),
    )

    assert found[2] == delta(0, "signature_delta", signature="redacted_thinking:d")


def test_ping_in_a_thought() -> None:
    found, _ = blocks(BlockStart(0, Thinking()), Ping(), BlockEnd(0))

    assert [one["type"] for one in found] == [
        "content_block_start",
        "ping",
        "content_block_stop",
    ]


def carrier(index: int, signature: str) -> list[dict[str, Any]]:
    return [
        start(index, type="thinking", thinking="", signature=""),
        delta(index, "signature_delta", signature=signature),
        stop(index),
    ]


def test_seal_of_a_call() -> None:
    """It stands in a thought before, if it is known by then, and else behind."""
    events = (
        BlockStart(0, ToolCall("a", "f")),
        ToolInputDelta(0, '{"x": 1}'),
        SignatureDelta(0, SEAL),
        BlockEnd(0),
    )

    at_once, losses = blocks(*events, at_once=True)
    assert at_once[:3] == carrier(0, "next:gemini:x")
    assert [one["index"] for one in at_once[3:]] == [1, 1, 1]
    one_by_one, _ = blocks(*events)
    assert one_by_one[3:] == carrier(1, "prev:gemini:x")
    assert losses == []


def test_no_seal_in_the_piece() -> None:
    """The seal of another block is not taken for this one's."""
    found, _ = blocks(
        BlockStart(0, Text()),
        TextDelta(0, "a"),
        BlockEnd(0),
        BlockStart(1, Thinking()),
        SignatureDelta(1, SEAL),
        BlockEnd(1),
        at_once=True,
    )

    assert found[0] == start(0, type="text", text="")


def test_call_without_input() -> None:
    """What readers say for it has no delta here; empty pieces stay."""
    found, _ = blocks(
        BlockStart(0, ToolCall("a", "f")),
        ToolInputDelta(0, ""),
        ToolInputDelta(0, "{}"),
        BlockEnd(0),
    )

    assert found[1:] == [delta(0, "input_json_delta", partial_json=""), stop(0)]


def test_inputs_that_are_no_objects() -> None:
    """They are wrapped, and reported."""
    found, losses = blocks(
        BlockStart(0, ToolCall("a", "f", custom=True)),
        ToolInputDelta(0, 'say "'),
        ToolInputDelta(0, 'hi"\n'),
        BlockEnd(0),
        BlockStart(1, ToolCall("b", "f")),
        ToolInputDelta(1, "{}"),
        ToolInputDelta(1, "{"),
        BlockEnd(1),
        BlockStart(2, ToolCall("c", "f")),
        ToolInputDelta(2, " "),
        ToolInputDelta(2, "[1"),
        ToolInputDelta(2, "]"),
        BlockEnd(2),
    )

    def heard(index: int) -> str:
        mine = (
            one["delta"] for one in found if one["index"] == index and "delta" in one
        )
        return "".join(one["partial_json"] for one in mine)

    assert json.loads(heard(0)) == {"input": 'say "hi"\n'}
    assert heard(1) == "{}{"
    assert json.loads(heard(2)) == {"INVALID_JSON": "[1]"}
    assert losses == ["choices[0].parts[0].custom", "choices[0].parts[2].input"]


def test_citations() -> None:
    found, losses = blocks(
        BlockStart(0, Text()),
        CitationDelta(0, Citation("https://e.org", "E", "q")),
        CitationDelta(0, Citation(title="a book")),
        BlockEnd(0),
    )

    assert found[1]["delta"]["citation"]["url"] == "https://e.org"
    assert len(found) == 3
    assert losses == ["choices[0].parts[0].citations"]


def test_logprobs() -> None:
    """Their words are told without them."""
    found, losses = blocks(
        BlockStart(0, Text()), TextDelta(0, "a", (Logprob("a", -1.0),)), BlockEnd(0)
    )

    assert found[1] == delta(0, "text_delta", text="a")
    assert losses == ["choices[0].parts[0].logprobs"]


def test_refusal() -> None:
    found, losses = told(
        START,
        BlockStart(0, Refusal()),
        RefusalDelta(0, "No."),
        BlockEnd(0),
        END,
        ReplyEnd(),
    )

    assert found[2] == delta(0, "text_delta", text="No.")
    assert found[-2]["delta"]["stop_reason"] == "refusal"
    assert losses == ["choices[0].parts[0]"]


def test_own_opaque_block() -> None:
    use = {"type": "server_tool_use", "id": "s"}
    piece = {"type": "input_json_delta", "partial_json": "{}"}
    found, losses = blocks(
        BlockStart(0, Opaque("anthropic", use)), OpaqueDelta(0, piece), BlockEnd(0)
    )

    assert found == [
        start(0, **use),
        delta(0, type_=piece["type"], partial_json="{}"),
        stop(0),
    ]
    assert losses == []
