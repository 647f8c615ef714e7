"""What an event holds is of the declared types, or its author is told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.events import (
    BlockStart,
    ChoiceEnd,
    Ping,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.members import check_members
from gateway.domain.parts import Signature, Text, ToolCall
from gateway.domain.reply import Finish, Stop, Usage

ANY: Any = b"planted-secret"


@pytest.mark.parametrize(
    "event",
    [
        ReplyStart(),
        ReplyStart("r-1", "m", 5),
        BlockStart(0, Text()),
        BlockStart(0, ToolCall("call-1", "tool")),
        TextDelta(0, "words"),
        SignatureDelta(0, Signature("gemini", "seal")),
        UsageUpdate(Usage(1, output=2)),
        ChoiceEnd(Finish(Stop.END, "stop")),
        Ping(),
    ],
    ids=repr,
)
def test_as_declared(event: object) -> None:
    check_members(event)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (ReplyStart(model=ANY), r"model of a ReplyStart is a bytes, not str \| None"),
        (BlockStart(0, ANY), "part of a BlockStart is a bytes"),
        (BlockStart(0, ToolCall(ANY, "tool")), "id of a ToolCall is a bytes, not str"),
        (TextDelta(0, ANY), "text of a TextDelta is a bytes, not str"),
        (UsageUpdate(ANY), "usage of a UsageUpdate is a bytes, not Usage"),
        (UsageUpdate(Usage(output=ANY)), "output of a Usage is a bytes"),
        (ChoiceEnd(Finish(ANY)), "stop of a Finish is a bytes, not Stop"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_not_as_declared(event: object, said: str) -> None:
    """The member and both types are named, and the value is not shown."""
    with pytest.raises(TypeError, match=said) as caught:
        check_members(event)

    assert "planted" not in str(caught.value)
