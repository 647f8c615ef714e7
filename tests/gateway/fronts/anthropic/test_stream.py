"""Streams in Anthropic's form: its events, in its order."""

from __future__ import annotations

from gateway.domain.errors import BackendError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Fault,
    Foreign,
    MediaDelta,
    OpaqueDelta,
    Ping,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import (
    Logprob,
    Media,
    Opaque,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Finish, Stop, Usage
from gateway.fronts.anthropic.front import FRONT
from gateway.fronts.losses import MOST as MOST_LOSSES
from tests.gateway.fronts.anthropic.told import (
    CONTEXT,
    END,
    START,
    blocks,
    delta,
    start,
    stop,
    told,
)


def test_message() -> None:
    """The counts at the start are those known then, the last ones are at the end."""
    found, losses = told(
        START,
        UsageUpdate(Usage(input=5)),
        BlockStart(0, Text()),
        TextDelta(0, "Hi"),
        Ping(),
        BlockEnd(0),
        ChoiceEnd(Finish(Stop.SEQUENCE, "stop", "X")),
        UsageUpdate(Usage(input=6, cache_read=2)),
        UsageUpdate(Usage(output=3)),
        ReplyEnd(),
    )

    assert found == [
        {
            "type": "message_start",
            "message": {
                "id": "r",
                "type": "message",
                "role": "assistant",
                "model": "x",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 5,
                    "cache_creation_input_tokens": None,
                    "cache_read_input_tokens": None,
                    "output_tokens": 0,
                },
            },
        },
        start(0, type="text", text=""),
        delta(0, "text_delta", text="Hi"),
        {"type": "ping"},
        stop(0),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "stop_sequence", "stop_sequence": "X"},
            "usage": {
                "input_tokens": 6,
                "cache_read_input_tokens": 2,
                "output_tokens": 3,
            },
        },
        {"type": "message_stop"},
    ]
    assert losses == []


def test_no_counts() -> None:
    """Nobody counted: clients' types need a number, and it is none."""
    found, _ = told(ReplyStart(), END, ReplyEnd())

    assert found[0]["message"]["id"] == "msg_abc"
    assert found[0]["message"]["usage"]["input_tokens"] == 0
    assert found[1]["usage"] == {"output_tokens": 0}


def test_what_has_no_place() -> None:
    """Media, another's blocks and events, and a second choice are left out."""
    found, losses = told(
        START,
        BlockStart(0, Media("audio")),
        MediaDelta(0, "AAAA"),
        BlockEnd(0),
        BlockStart(1, Opaque("gemini", {})),
        OpaqueDelta(1, {}),
        BlockEnd(1),
        BlockStart(2, Text(), choice=1),
        TextDelta(2, "b", (Logprob("b", -1.0),)),
        BlockEnd(2),
        ChoiceEnd(Finish(Stop.END), choice=1),
        Foreign("gemini", "groundingMetadata", {}),
        END,
        ReplyEnd(),
    )

    assert [one["type"] for one in found] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    assert losses == ["choices[0].parts[0]", "choices[1]", "groundingMetadata"]


def test_silent_deltas() -> None:
    """Deltas of a kind that the block's own has no slot for say nothing."""
    found, _ = blocks(BlockStart(0, Text()), MediaDelta(0, "AAAA"), BlockEnd(0))

    assert len(found) == 2


def test_own_events() -> None:
    """Events of kinds to come pass, on one line, also behind the end."""
    found, _ = told(
        START,
        BlockStart(0, Thinking()),
        Foreign("anthropic", "odd\nname", {"type": "odd name", "a": 1}),
        BlockEnd(0),
        END,
        Foreign("anthropic", "late", {"type": "late"}),
        ReplyEnd(),
    )

    assert [one["type"] for one in found] == [
        "message_start",
        "content_block_start",
        "odd name",
        "content_block_stop",
        "message_delta",
        "late",
        "message_stop",
    ]


def test_members() -> None:
    """What is of this dialect stands where it stood; the rest is reported."""
    foreign = {"openai_chat": {"system_fingerprint": "f"}}
    found, losses = told(
        ReplyStart("r", "x", extras={"anthropic": {"stop_details": None}, **foreign}),
        BlockStart(0, Text(extras={"gemini": {"a": 1}})),
        BlockEnd(0),
        ChoiceEnd(
            Finish(Stop.END),
            extras={
                "anthropic": {"container": 1, "context_management": 2},
                "gemini": {"b": 1},
            },
        ),
        ReplyEnd(),
    )

    assert found[0]["message"]["stop_details"] is None
    assert found[-2]["delta"]["container"] == 1
    assert found[-2]["context_management"] == 2
    assert losses == [
        "system_fingerprint",
        "choices[0].parts[0].a",
        "choices[0].b",
    ]


def test_fault() -> None:
    """The last word is the error, and a call that broke off is not ended."""
    found, _ = told(
        START,
        BlockStart(0, ToolCall("a", "f")),
        ToolInputDelta(0, '{"x"'),
        BlockStart(1, ToolCall("b", "g")),
        Fault(BackendError("gone")),
        ToolInputDelta(0, ": 1}"),
        BlockEnd(0),
        ReplyEnd(),
    )

    assert [one["type"] for one in found] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "error",
    ]
    gone = {"type": "api_error", "message": "gone", "code": "provider_error"}
    assert found[-1]["error"] == gone


def test_fault_before_anything() -> None:
    for events in ((Fault(BackendError("gone")),), (START, Fault(BackendError("x")))):
        assert [one["type"] for one in told(*events)[0]] == ["error"]


def test_fault_behind_the_end() -> None:
    """An end that nothing confirmed is not told."""
    found, _ = told(START, END, Fault(BackendError("gone")))

    assert [one["type"] for one in found] == ["message_start", "error"]


def test_end_without_a_choice() -> None:
    """The grammar forbids it; nothing is made up all the same."""
    assert [one["type"] for one in told(START, ReplyEnd())[0]] == [
        "message_start",
        "message_stop",
    ]


def test_many_losses() -> None:
    """Losses are bounded; more kinds nobody reads."""
    many = [Foreign("gemini", str(n), {}) for n in range(MOST_LOSSES + 5)]

    assert len(told(START, *many, *many)[1]) == MOST_LOSSES


def test_no_result() -> None:
    """This dialect's clients cannot ask for an answer again."""
    assert FRONT.writer(CONTEXT).result is None
