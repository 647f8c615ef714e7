"""Requests to the demo, and its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from connectors.demo import DemoBackend
from gateway.domain.parts import Part, Text, ToolResult
from gateway.domain.request import Request, Role, Tool, Turn
from gateway.plugin import ResponseEnvelope, StreamingResponseEnvelope

if TYPE_CHECKING:
    from gateway.domain.events import Event
    from gateway.domain.reply import Reply

WEATHER = Tool(
    "get_weather",
    schema={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
)
MATHS = Tool("maths", custom=True)


def ask(text: str = "Hello you", **members: Any) -> Request:
    return Request("any", (Turn(Role.USER, (Text(text),)),), **members)


def after_result(*parts: Part, **members: Any) -> Request:
    """Return a request that brings the result of a tool."""
    result = ToolResult("c", parts, **members)
    turns = (*ask("get_weather please").turns, Turn(Role.TOOL, (result,)))
    return Request("any", turns, tools=(WEATHER,))


async def streamed(model: str, request: Request | None = None) -> list[Event]:
    """Return the events of an answer, as fast as possible."""
    envelope = await open_stream(model, request)
    return [event async for piece in envelope.content for event in piece.content]


async def open_stream(
    model: str, request: Request | None = None
) -> StreamingResponseEnvelope:
    envelope = await DemoBackend(None, None, None).chat_completions(
        evolve(request or ask(), stream=True), [], model
    )
    assert isinstance(envelope, StreamingResponseEnvelope)
    return envelope


async def whole(model: str, request: Request | None = None) -> Reply:
    envelope = await DemoBackend(None, None, None).chat_completions(
        request or ask(), [], model
    )
    assert isinstance(envelope, ResponseEnvelope)
    return envelope.content


def words_of(reply: Reply, choice: int = 0) -> str:
    """Return the text of one choice."""
    parts = reply.choices[choice].parts
    return "".join(part.text for part in parts if isinstance(part, Text))
