"""
A streamed response, from the provider's events to ours.

The status of the last event, with what is in the output, tells how the answer
ended. A stream that just stops, or says ``[DONE]`` before that, is cut.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from connectors.openai_responses.blocks import Item, Object, Place, emptied
from connectors.openai_responses.response import read_created
from gateway.domain.errors import BackendError
from gateway.domain.events import (
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    Ping,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.reply import Finish, Stop
from gateway.wire.faults import fault_in
from gateway.wire.json import loads
from gateway.wire.openai_responses.leaves import a_text, text_or_none
from gateway.wire.openai_responses.names import FORM, PROTOCOL
from gateway.wire.openai_responses.outcome import read_failure, read_finish
from gateway.wire.openai_responses.response import beside_output, reply_extras
from gateway.wire.openai_responses.usage import read_usage
from gateway.wire.reading import Guarded, none

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.wire.reading import Reader
    from gateway.wire.sse import Frame

Handler: TypeAlias = Callable[["ResponsesFrames", Object], Iterable[Event]]

_MISSING = object()


_HOLDS = {
    "output_text": ("type", "text"),
    "refusal": ("type", "refusal"),
    "summary_text": ("type", "text"),
    "reasoning_text": ("type", "text"),
}


def _place(json: Object, kind: str) -> Place:
    if kind == "summary_text":
        return "summary", json.get("summary_index", 0)
    return "content", json.get("content_index", 0)


def _unnumbered(json: Object) -> Object:
    return {k: v for k, v in json.items() if k != "sequence_number"}


def _as(handler: Callable[..., Iterator[Event]], kind: str) -> Handler:
    return lambda frames, json: handler(frames, json, kind)


def reader() -> Reader:
    return Guarded(ResponsesFrames())


class ResponsesFrames:
    """One instance per reply; may raise, see `gateway.wire.reading.Guarded`."""

    def __init__(self) -> None:
        self._members: Object | None = None
        self._number = itertools.count()
        self._items: list[Item] = []
        self._by_index: dict[int, Item] = {}
        self._by_name: dict[str, Item] = {}
        self._texts: dict[Place, Item] = {}

    def read(self, frame: Frame) -> Iterable[Event]:
        if frame.data == b"[DONE]":
            return ()  # OpenRouter, when all is said
        json = loads(frame.data)
        kind = a_text(json.get("type") or frame.event)
        if kind == "response.output_text.delta":
            return self._text(json)
        handler = self._HANDLERS.get(kind)
        if handler is not None:
            return handler(self, json)
        return self._other(kind, json)

    def end(self) -> Iterator[Event]:
        return none()

    def _text(self, json: Object) -> Iterable[Event]:
        # Nearly all events are these: what `_part` and `Item.text` do, quickly.
        item = self._by_index.get(json.get("output_index", -1))
        if (
            item is not None
            and item.place == ("content", json.get("content_index"))
            and not json.get("logprobs")
        ):
            item.heard = True
            # A part that has a place is open.
            return (TextDelta(item.block, a_text(json["delta"])),)  # type: ignore[arg-type]
        return self._first_text(json)

    def _first_text(self, json: Object) -> Iterator[Event]:
        item, opening = self._part(json, "output_text")
        yield from opening
        yield item.text(json)

    # The response

    def _created(self, json: Object) -> Iterator[Event]:
        if self._members is None:
            yield self._start(json["response"])
        elif "status" in self._members[FORM]:  # it was queued, and goes on now
            yield Foreign(PROTOCOL, json["type"], _unnumbered(json))

    def _start(self, response: Object) -> ReplyStart:
        extras = reply_extras(response)
        members: Object = extras[PROTOCOL]
        if response.get("status") == "queued":
            members[FORM]["status"] = "queued"
        self._members = members
        name, model = (text_or_none(response.get(k)) for k in ("id", "model"))
        return ReplyStart(name, model, read_created(response), extras)

    def _ended(self, json: Object) -> Iterator[Event]:
        response = json["response"]
        if self._members is None:
            yield self._start(response)
        output = response.get("output") or []
        if not self._items:
            for item in output:
                yield from self._whole(item)
        for i, item in enumerate(self._items):
            if not item.ended and item.block is not None:
                yield from item.done(output[i])
        yield from self._news(response)
        usage = response.get("usage")
        if usage:
            yield UsageUpdate(read_usage(usage))
        yield ChoiceEnd(self._finish(response))
        yield ReplyEnd()

    def _news(self, response: Object) -> Iterator[Event]:
        """Yield the members that the response did not have when it began."""
        before = self._members or {}
        after = beside_output(response)
        old = {k: v for k, v in before.get(FORM, {}).items() if k != "status"}
        if after[FORM] != old:
            yield Foreign(PROTOCOL, FORM, after[FORM])
        for name, json in after.items():
            if name != FORM and before.get(name, _MISSING) != json:
                yield Foreign(PROTOCOL, name, json)

    def _finish(self, response: Object) -> Finish:
        finish = read_finish(response) or Finish(Stop.OTHER)
        # Some send their last event without the output.
        if finish.stop is Stop.END and any(item.calls for item in self._items):
            return Finish(Stop.TOOLS, finish.raw)
        return finish

    def _failed(self, json: Object) -> Iterator[Event]:
        yield Fault(read_failure(json["response"]))

    def _error(self, json: Object) -> Iterator[Event]:
        fault = fault_in(json, "error")
        yield Fault(fault or BackendError("the upstream reported an error"))

    def _ping(self, _: Object) -> Iterator[Event]:
        yield Ping()

    # Items and their parts

    def _added(self, json: Object) -> Iterator[Event]:
        item = self._add(json["item"], json.get("output_index"))
        yield from self._begun()
        yield from item.begin()

    def _add(self, json: Object, index: int | None) -> Item:
        item = Item(json, len(self._items), self._number.__next__)
        self._items.append(item)
        self._by_index[len(self._by_index) if index is None else index] = item
        if isinstance(name := json.get("id"), str):
            self._by_name[name] = item
        return item

    def _begun(self) -> Iterator[Event]:
        """Yield the start of a reply that a careless server has not announced."""
        if self._members is None:
            yield self._start({})

    def _whole(self, json: Object, index: int | None = None) -> Iterator[Event]:
        item = self._add(json, index)
        yield from self._begun()
        yield from item.begin()
        yield from item.done(json)

    def _item_done(self, json: Object) -> Iterator[Event]:
        item = self._find(json, json["item"].get("id"))
        if item is None:
            yield from self._whole(json["item"], json.get("output_index"))
        elif not item.ended:
            yield from item.done(json["item"])

    def _find(self, json: Object, name: Json = None) -> Item | None:
        """Return the item that an event speaks of: by its place, or by its name."""
        # Copilot gives an item another id in each event; llama.cpp gives no place.
        index = json.get("output_index")
        if index is not None:
            return self._by_index.get(index)
        name = json.get("item_id") or name
        if name is not None:
            return self._by_name.get(name)
        return self._items[-1] if self._items else None

    def _part(self, json: Object, kind: str) -> tuple[Item, Iterator[Event]]:
        """Return the item, and what opens the part that the event speaks of."""
        item = self._find(json)
        opening: list[Event] = []
        if item is None:
            holder = "message" if kind in ("output_text", "refusal") else "reasoning"
            begun: Object = {"type": holder}
            if isinstance(json.get("item_id"), str):
                begun["id"] = json["item_id"]
            item = self._add(begun, json.get("output_index"))
            opening += self._begun()
        empty: Object = {"type": kind, "text": "", "refusal": ""}
        shown = json.get("part", {k: empty[k] for k in _HOLDS[kind]})
        opening += item.part(_place(json, kind), shown)
        return item, iter(opening)

    def _part_added(self, json: Object) -> Iterator[Event]:
        yield from self._part(json, json["part"]["type"])[1]

    def _part_done(self, json: Object) -> Iterator[Event]:
        part = json["part"]
        announced = {**json, "part": emptied(part)}
        item, opening = self._part(announced, part["type"])
        yield from opening
        yield from item.part_done(part)

    def _delta(self, json: Object, kind: str) -> Iterator[Event]:
        item, opening = self._part(json, kind)
        yield from opening
        yield item.delta(json["delta"])

    def _done(self, json: Object, kind: str) -> Iterator[Event]:
        item, opening = self._part(json, kind)
        yield from opening
        name = "refusal" if kind == "refusal" else "text"
        yield from item.whole(json.get(name), json.get("logprobs"))

    def _source(self, json: Object) -> Iterator[Event]:
        item, opening = self._part(json, "output_text")
        yield from opening
        yield from item.source(json["annotation"])

    def _input(self, json: Object) -> Iterator[Event]:
        yield self._needed(json).delta(json["delta"])

    def _input_done(self, json: Object) -> Iterator[Event]:
        yield from self._needed(json).whole(json.get("arguments") or json.get("input"))

    def _needed(self, json: Object) -> Item:
        item = self._find(json)
        if item is None or not item.calls:
            raise KeyError("no such tool call")
        return item

    def _other(self, kind: str, json: Object) -> Iterator[Event]:
        """Yield what we do not model: of an item, or of the response as a whole."""
        item = self._find(json) if "output_index" in json or "item_id" in json else None
        told = {**_unnumbered(json), "type": kind}
        if item is not None and item.block is not None and item.opaque:
            yield item.opaque_delta(told)
        else:
            yield from self._begun()
            yield Foreign(PROTOCOL, kind, told)

    _HANDLERS: ClassVar[dict[str, Handler]] = {
        "error": _error,
        "keepalive": _ping,
        "response.completed": _ended,
        "response.content_part.added": _part_added,
        "response.content_part.done": _part_done,
        "response.created": _created,
        "response.custom_tool_call_input.delta": _input,
        "response.custom_tool_call_input.done": _input_done,
        "response.failed": _failed,
        "response.function_call_arguments.delta": _input,
        "response.function_call_arguments.done": _input_done,
        "response.in_progress": _created,
        "response.incomplete": _ended,
        "response.output_item.added": _added,
        "response.output_item.done": _item_done,
        "response.output_text.annotation.added": _source,
        "response.output_text.done": _as(_done, "output_text"),
        "response.queued": _created,
        "response.reasoning_summary_part.added": _part_added,
        "response.reasoning_summary_part.done": _part_done,
        "response.reasoning_summary_text.delta": _as(_delta, "summary_text"),
        "response.reasoning_summary_text.done": _as(_done, "summary_text"),
        "response.reasoning_text.delta": _as(_delta, "reasoning_text"),
        "response.reasoning_text.done": _as(_done, "reasoning_text"),
        "response.refusal.delta": _as(_delta, "refusal"),
        "response.refusal.done": _as(_done, "refusal"),
    }
