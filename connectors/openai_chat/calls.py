"""
Tool calls of one choice, whose fragments servers tell apart in several ways.

OpenAI numbers them (``index``). Gemini's and Mistral's endpoints and Ollama's send
each whole, some of them without a number; others number all of them 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from attrs import define

from gateway.domain.events import BlockStart, Event, SignatureDelta, ToolInputDelta
from gateway.domain.parts import ToolCall
from gateway.wire.ids import make_id
from gateway.wire.openai_chat import extras_of
from gateway.wire.openai_chat.parts import input_of, read_signature, word

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.wire.blocks import Tracker


@define
class _Call:
    block: int
    index: int | None
    id: str


class Calls:
    """
    Args:
        name: of the answer, for the ids of calls that have none.
    """

    def __init__(self, choice: int, tracker: Tracker, origin: str, name: str) -> None:
        self._choice = choice
        self._tracker = tracker
        self._origin = origin
        self._name = name
        self._known: list[_Call] = []

    def __bool__(self) -> bool:
        return bool(self._known)

    def feed(self, json: dict[str, Any], events: list[Event]) -> None:
        """Append the events of one item of ``tool_calls``."""
        custom = "custom" in json
        inner = json.get("custom" if custom else "function") or {}
        call_id, name = name_of(json.get("id")), word(inner.get("name"))
        call = self._continued(json.get("index"), call_id, name)
        if call is None and not name:
            raise ValueError("a tool call begins without its name")
        if call is None:
            left = {k: v for k, v in json.items() if v and k not in _READ}
            left.pop("custom" if custom else "function", None)
            signature = read_signature(left)
            head = ToolCall(call_id, name, custom=custom)
            call = self._begin(head, json.get("index"), left, events)
        else:
            signature = read_signature(dict(json)) if "extra_content" in json else None
        if text := input_of(inner.get("input" if custom else "arguments")):
            events.append(ToolInputDelta(call.block, text))
        if signature is not None:
            events.append(SignatureDelta(call.block, signature))

    def feed_function(self, json: dict[str, Any], events: list[Event]) -> None:
        """Append those of a ``function_call``, the deprecated form."""
        name, text = word(json.get("name")), input_of(json.get("arguments"))
        call = self._known[-1] if self._known else None
        if call is None and name:
            head = ToolCall("", name)
            call = self._begin(head, None, {"function_call": None}, events)
        if call is not None and text:
            events.append(ToolInputDelta(call.block, text))

    def _continued(self, index: Json, call_id: str, name: str) -> _Call | None:
        if type(index) is int:
            for call in reversed(self._known):
                if call.index == index:
                    # Or else another call, with the same number.
                    same = not name or not call_id or call_id == call.id
                    return call if same else None
            return None
        if call_id:
            return next((c for c in self._known if c.id == call_id), None)
        return self._known[-1] if self._known and not name else None

    def _begin(
        self,
        head: ToolCall,
        index: Json,
        left: dict[str, Json],
        events: list[Event],
    ) -> _Call:
        place = len(self._known)
        call_id = head.id or make_id(self._name, self._choice, place)
        part = ToolCall(
            call_id,
            head.name,
            custom=head.custom,
            extras=extras_of(left, self._origin),
        )
        key = ("call", place)
        # The next number is that of the block's start.
        events += self._tracker.begin(self._choice, key, part, alone=False)
        block = cast("BlockStart", events[-1]).block
        call = _Call(block, index if type(index) is int else None, head.id)
        self._known.append(call)
        return call


def name_of(json: Json) -> str:
    """Return an id; some servers number what they name."""
    return str(json) if type(json) is int else word(json)


_READ = frozenset({"id", "type", "index"})
