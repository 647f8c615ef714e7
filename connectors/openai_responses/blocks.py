"""
One item of a streamed response as it comes, in events.

Servers differ in what they announce: some send deltas of parts that were never
added, some send only whole items, some only the last response. Whatever is told
more than once counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    CitationDelta,
    Event,
    OpaqueDelta,
    RefusalDelta,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
)
from gateway.domain.parts import (
    Extras,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    head_of,
)
from gateway.wire.openai_responses.items import (
    CALLS,
    beside,
    call_extras,
    empty,
    kind_of,
    with_own,
    words,
)
from gateway.wire.openai_responses.leaves import (
    a_text,
    read_citation,
    read_logprobs,
    read_refusal,
    read_text,
    read_thought,
    text_or_none,
)
from gateway.wire.openai_responses.names import FORM, ITEM, PROTOCOL, extras_of
from gateway.wire.openai_responses.seals import read_seal

if TYPE_CHECKING:
    from gateway.domain.reply import Json

Object: TypeAlias = "dict[str, Json]"
# Numbers the blocks of a reply.
Next: TypeAlias = Callable[[], int]
# In which list of its item a part stands, and where there.
Place: TypeAlias = tuple[str, int]


class Item:
    """
    Args:
        json: the item as it began.
        group: its place among the items of the reply.
        number: gives the next block's number.

    Attributes:
        ended: it has been told as done.
        calls: it asks for a tool.
        block: that of the part that is open; it stays open until another part
            begins or the item is done, because the item's seal belongs to its last
            part.
    """

    def __init__(self, json: Object, group: int, number: Next) -> None:
        kind = kind_of(json)
        spoken = kind != "message" or json.get("role", "assistant") == "assistant"
        self.kind = kind if spoken else "message of another"
        self.group = group
        self.ended = False
        self.calls = self.kind in CALLS
        self.block: int | None = None
        self._begun = json
        self._number = number
        self.place: Place | None = None
        self._what: type = Opaque
        self._parts = 0
        self.heard = False
        self._sources = 0

    @property
    def opaque(self) -> bool:
        return self.kind not in ("message", "reasoning") and not self.calls

    def begin(self) -> Iterator[Event]:
        """Yield what is known at once: calls and what we do not model begin so."""
        if self.calls:
            json = self._begun
            head = ToolCall(
                a_text(json["call_id"]),
                a_text(json["name"]),
                custom=self.kind == "custom_tool_call",
                group=self.group,
                extras=call_extras(json),
            )
            yield self._start(head)
        elif self.opaque:
            yield self._start(Opaque(PROTOCOL, self._begun, group=self.group))

    def part(self, place: Place, json: Object) -> Iterator[Event]:
        """Yield the events that open the part at *place*, unless it is open."""
        if self.place == place:
            return
        yield from self._leave()
        head = head_of(_read_part(json, self.group))
        self.place = place
        yield self._start(head if self._parts else self._first(head))

    def delta(self, text: str) -> Event:
        """Return the event for a fragment of the part that is open."""
        if type(text) is not str:
            raise TypeError("a string was promised")
        self.heard = True
        block = self._open()
        return _DELTAS[self._what](block, text)

    def text(self, json: Object) -> Event:
        """Do the same for a text, which may have logprobs."""
        self.heard = True
        logprobs = json.get("logprobs")
        tokens = read_logprobs(logprobs) if logprobs else ()
        return TextDelta(self._open(), a_text(json["delta"]), tokens)

    def whole(self, text: Json, logprobs: Json = None) -> Iterator[Event]:
        """Yield the text of the open part, if no delta has."""
        text = "" if text is None else a_text(text)
        if text and not self.heard:
            self.heard = True
            if self._what is Text:
                yield TextDelta(self._open(), text, read_logprobs(logprobs or ()))
            else:
                yield _DELTAS[self._what](self._open(), text)

    def source(self, json: Object) -> Iterator[Event]:
        self._sources += 1
        yield CitationDelta(self._open(), read_citation(json))

    def part_done(self, json: Object) -> Iterator[Event]:
        """Yield what of a whole part was not told before; it stays open."""
        name = "refusal" if self._what is Refusal else "text"
        if self._what is not Opaque:
            yield from self.whole(json.get(name), json.get("logprobs"))
        annotations: list[Json] = json.get("annotations") or []
        for annotation in annotations[self._sources :]:
            yield from self.source(annotation)

    def opaque_delta(self, json: Object) -> Event:
        return OpaqueDelta(self._open(), json)

    def done(self, json: Object) -> Iterator[Event]:
        """Yield what is left of the item, which is *json* now that it is whole."""
        self.ended = True
        if self.calls:
            yield from self.whole(json.get(CALLS[self.kind]))
            yield self._end(call_extras(json))
        elif self.opaque:
            yield self._end({}, json)
        elif self.block is None:
            yield from self._all(json)
        else:
            yield from self._last(json)

    def _all(self, json: Object) -> Iterator[Event]:
        """Yield an item of which no part was announced."""
        lists = ("content",) if self.kind == "message" else ("summary", "content")
        for name in lists:
            for i, part in enumerate(json.get(name) or ()):
                yield from self.part((name, i), emptied(part))
                yield from self.part_done(part)
        if not self._parts:
            bare: Part = Thinking(group=self.group)
            if self.kind == "message":
                bare = empty(self.group)
            yield self._start(self._first(bare))
        yield from self._last(json)

    def _last(self, json: Object) -> Iterator[Event]:
        """Yield the end of the last part, and with it that of the item."""
        content = json.get("content") or ()
        if self.kind == "message" and content and len(content) == self._parts:
            yield from self.part_done(content[-1])
        seal = json.get("encrypted_content")
        if self.kind == "reasoning" and isinstance(seal, str):
            name = text_or_none(json.get("id"))
            yield SignatureDelta(self._open(), read_seal(seal, name))
        said_now = {ITEM: beside(json)}
        if self._parts == 1:
            said_now |= words(json)
        yield self._end(extras_of(said_now))

    def _leave(self) -> Iterator[Event]:
        """Yield the end of a part behind which another begins."""
        if self.block is None:
            return
        known = {k: v for k, v in beside(self._begun).items() if k != "status"}
        yield self._end(extras_of({ITEM: known}) if self._parts == 1 else {})

    def _first(self, head: Part) -> Part:
        """Return the first part of the item with what is known of that."""
        return with_own(head, {ITEM: beside(self._begun), **words(self._begun)})

    def _start(self, head: Part) -> BlockStart:
        self.block = self._number()
        self._what = type(head)
        self._parts += 1
        self.heard, self._sources = False, 0
        return BlockStart(self.block, head)

    def _end(self, extras: Extras, json: Json = None) -> BlockEnd:
        block = self._open()
        self.block = self.place = None
        return BlockEnd(block, extras, json)

    def _open(self) -> int:
        if self.block is None:
            raise KeyError("no part of the item is open")
        return self.block


_DELTAS: dict[type, Callable[[int, str], Event]] = {
    Text: TextDelta,
    Thinking: ThinkingDelta,
    Refusal: RefusalDelta,
    ToolCall: ToolInputDelta,
}


def emptied(part: Object) -> Object:
    """Return a part as it is announced, before its deltas."""
    return {k: "" if k in ("text", "refusal") else v for k, v in part.items()}


def _read_part(json: Object, group: int) -> Part:
    match json["type"]:
        case "output_text":
            return read_text(json, group)
        case "refusal":
            return read_refusal(json, group)
        case "summary_text" | "reasoning_text":
            return read_thought(json, group)
        case _:
            extras = extras_of({FORM: {"inside": True}})
            return Opaque(PROTOCOL, json, group=group, extras=extras)
