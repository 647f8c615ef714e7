"""What the writer makes of events, frame by frame."""

from __future__ import annotations

import json
from typing import Any

from gateway.domain.events import (
    ChoiceEnd,
    Event,
    ReplyEnd,
    ReplyStart,
)
from gateway.domain.parts import (
    Signature,
)
from gateway.domain.reply import Finish, Stop
from gateway.fronts.anthropic.front import FRONT
from gateway.fronts.base import Ask, Context
from gateway.wire.sse import parse
from tests.streams import frames

CONTEXT = Context(Ask("m", stream=True), created=1, name="abc")
START, END = ReplyStart("r", "x"), ChoiceEnd(Finish(Stop.END, "stop"))
SEAL = Signature("gemini", "x")


def told(*events: Event, at_once: bool = False) -> tuple[list[Any], list[str]]:
    """Return the frames' JSON, and the paths of the losses."""
    writer = FRONT.writer(CONTEXT)
    if at_once:
        body = writer.feed(iter(events))
    else:
        body = b"".join([writer.feed([event]) for event in events])
    found = []
    for piece in frames(body):
        frame = parse(piece)
        assert frame is not None
        data = json.loads(frame.data)
        assert data["type"] == frame.event
        found.append(data)
    return found, [loss.path for loss in writer.losses]


def blocks(*events: Event, at_once: bool = False) -> tuple[list[Any], list[str]]:
    """Return what is between the start of the message and its end."""
    found, losses = told(START, *events, END, ReplyEnd(), at_once=at_once)
    assert found[0]["type"] == "message_start"
    assert [one["type"] for one in found[-2:]] == ["message_delta", "message_stop"]
    return found[1:-2], losses


def start(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index: int, type_: str, **members: Any) -> dict[str, Any]:
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": type_, **members},
    }


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}
