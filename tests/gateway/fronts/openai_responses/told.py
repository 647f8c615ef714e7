"""What a client of the Responses is told, event by event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.domain.events import Event, ReplyStart
from gateway.domain.parts import Text
from gateway.domain.request import Request, Role, Turn
from gateway.fronts.base import Ask, Context
from gateway.fronts.openai_responses.front import FRONT
from tests.streams import frame_json, frames

if TYPE_CHECKING:
    from gateway.domain.loss import Loss

ASK = Ask("m", stream=True, wants_usage=True)
CONTEXT = Context(ASK, 1_700_000_000, "N")
START = ReplyStart("up_1", "model-1", 1_600_000_000)


def ask(body: Any) -> Request:
    return FRONT.read_request(json.dumps(body).encode(), ASK)


def turn(request: Request) -> Turn:
    (only,) = request.turns
    return only


def told(
    *events: Event, context: Context = CONTEXT
) -> tuple[list[dict[str, Any]], list[Loss]]:
    """Return the events' JSON, told one by one, without the numbers; and losses."""
    writer = FRONT.writer(context)
    body = b"".join(writer.feed([event]) for event in events)
    assert body == FRONT.writer(context).feed(events)
    found = [frame_json(frame) for frame in frames(body) if b"data:" in frame]
    assert [json.pop("sequence_number") for json in found] == [*range(len(found))]
    return found, writer.losses


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [json["type"].removeprefix("response.") for json in found]


def user(text: str) -> Turn:
    return Turn(Role.USER, (Text(text),))
