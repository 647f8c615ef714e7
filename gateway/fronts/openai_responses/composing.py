"""
One item of a streamed response in the making, as frames.

Most frames differ from the one before in nothing but a string and their number.
A block's start therefore prepares its *slot*, the bytes on both sides.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import Factory, define, evolve

from gateway.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from gateway.wire.json import encode
from gateway.wire.openai_responses.items import write_item, write_part
from gateway.wire.openai_responses.leaves import (
    REASONING,
    write_logprobs,
    write_thought,
)
from gateway.wire.openai_responses.names import ITEM, PROTOCOL, form_of, own

if TYPE_CHECKING:
    from gateway.domain.events import TextDelta
    from gateway.domain.parts import Citation, Logprob, Signature
    from gateway.domain.reply import Json


def named(kind: str, json: Json) -> bytes:
    """Return a frame; a name that would break it is told in the JSON only."""
    if not (kind.isascii() and kind.isprintable()):
        return b"data: %b\n\n" % encode(json)
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(json))


class Frames:
    """Writes events with their running number."""

    def __init__(self) -> None:
        self.number = 0

    def write(self, kind: str, members: dict[str, Json]) -> bytes:
        json = {"type": kind, **members, "sequence_number": self.number}
        self.number += 1
        return named(kind, json)


@define
class Block:
    """
    A part in the making.

    Attributes:
        begun: its first frame has been written.
        at: which of its item's parts it is, as members of an event.
        sources: how many there were, of which not all can be said.
    """

    item: Item
    part: Part
    kind: str
    at: dict[str, Json]
    before: bytes
    after: bytes
    begun: bool = False
    sources: int = 0
    texts: list[str] = Factory(list)
    logprobs: list[Logprob] = Factory(list)
    citations: list[Citation] = Factory(list)
    signature: Signature | None = None

    def whole(self, extras: dict[str, Json], json: Json) -> Part:
        """Return the part, now that it is complete."""
        part, text = self.part, "".join(self.texts)
        joined = {**own(part.extras), **extras}
        if joined:
            part = evolve(part, extras={**part.extras, PROTOCOL: joined})
        match part:
            case Text():
                tokens, sources = tuple(self.logprobs), tuple(self.citations)
                return evolve(
                    part,
                    text=text,
                    logprobs=tokens,
                    citations=sources,
                    signature=self.signature,
                )
            case Thinking():
                return evolve(part, text=text, signature=self.signature)
            case Refusal():
                return evolve(part, text=text)
            case ToolCall():
                return evolve(part, input=text, signature=self.signature)
            case Media():
                return evolve(part, data=text)
            case Opaque() if json is not None:
                return evolve(part, json=json)
            case _:
                return part


class Item:
    """
    Args:
        label: what its id is made of, if it has none.
    """

    def __init__(self, frames: Frames, index: int, first: Part, label: str) -> None:
        self.parts: list[Part] = []
        self._frames = frames
        self._label = label
        self._index = index
        self._begun = _begin(first, label)
        name = self._begun.get("id") or f"item_{label}"
        self._at = {"item_id": name, "output_index": index}
        self._counts = {"summary": 0, "content": 0}

    def added(self) -> bytes:
        members = {"output_index": self._index, "item": self._begun}
        return self._frames.write("response.output_item.added", members)

    def done(self) -> tuple[bytes, dict[str, Json]]:
        """Return the last frame, and the whole item."""
        json = write_item(self.parts, self._label)
        members = {"output_index": self._index, "item": json}
        return self._frames.write("response.output_item.done", members), json

    def open(self, part: Part) -> tuple[Block, bytes]:
        """Return the block of a part that begins, and its first frame."""
        place, kind = _place(part)
        at = dict(self._at)
        if place is not None:
            at["summary_index" if place == "summary" else "content_index"] = (
                self._counts[place]
            )
            self._counts[place] += 1
        head = {"type": f"response.{kind}.delta", **at}
        before = b"event: response.%b.delta\ndata: %b," % (
            kind.encode(),
            encode(head)[:-1],
        )
        after = b',"logprobs":[]' if isinstance(part, Text) else b""
        block = Block(self, part, kind, at, before + b'"delta":', after)
        # A thought may turn out to be nothing but its seal.
        late = isinstance(part, Thinking) or form_of(part.extras).get("empty")
        return block, b"" if late else self.begin(block)

    def begin(self, block: Block) -> bytes:
        """Return the frame that announces a part, where parts are announced."""
        block.begun = True
        announced = _announced(block.part)
        if announced is None:
            return b""
        members = {**block.at, "part": announced}
        return self._frames.write(f"response.{_announce(block)}.added", members)

    def delta(self, block: Block, text: str) -> bytes:
        opening = b"" if block.begun else self.begin(block)
        block.texts.append(text)
        number = self._frames.number
        self._frames.number = number + 1
        return opening + b'%b%b%b,"sequence_number":%d}\n\n' % (
            block.before,
            encode(text),
            block.after,
            number,
        )

    def deltas(self, block: Block, texts: list[str]) -> bytes:
        """Return the frames of several."""
        first, *rest = texts
        opening = self.delta(block, first)
        block.texts += rest
        number = self._frames.number
        self._frames.number = number + len(rest)
        before, between = block.before, block.after + b',"sequence_number":%d}\n\n'
        return opening + b"".join(
            [
                before + encode(text) + between % n
                for n, text in enumerate(rest, start=number)
            ]
        )

    def text(self, block: Block, event: TextDelta) -> bytes:
        """Do the same for a text with logprobs."""
        block.texts.append(event.text)
        block.logprobs += event.logprobs
        logprobs = write_logprobs(event.logprobs)
        members = {**block.at, "delta": event.text, "logprobs": logprobs}
        return self._frames.write("response.output_text.delta", members)

    def citation(self, block: Block, citation: Citation, json: Json) -> bytes:
        place = {"annotation_index": len(block.citations), "annotation": json}
        block.citations.append(citation)
        members = {**block.at, **place}
        return self._frames.write("response.output_text.annotation.added", members)

    def close(self, block: Block, extras: dict[str, Json], json: Json) -> bytes:
        """Return the frames that end a part."""
        part = block.whole(extras, json)
        self.parts.append(part)
        if not block.begun:
            return b""
        frames = b""
        if (done := _done(part)) is not None:
            members = {**block.at, **done}
            frames = self._frames.write(f"response.{block.kind}.done", members)
        if (announced := _announced(part)) is not None:
            # As OpenAI does: logprobs are in the text's own events, and its item.
            if announced.get("logprobs"):
                announced = {**announced, "logprobs": []}
            members = {**block.at, "part": announced}
            frames += self._frames.write(f"response.{_announce(block)}.done", members)
        return frames


def _begin(first: Part, label: str) -> dict[str, Json]:
    """Return the item as it is announced."""
    json = write_item([first], label)
    ours = ITEM not in own(first.extras) and not isinstance(first, Opaque)
    if ours and "status" in json:
        json["status"] = "in_progress"
    if json.get("role") == "assistant" and "content" in json:
        json["content"] = []
    if isinstance(first, Media):
        json["result"] = None
    return json


def _place(part: Part) -> tuple[str | None, str]:
    """Return in which list of its item *part* stands, and how its events are called."""
    match part:
        case Text():
            return "content", "output_text"
        case Refusal():
            return "content", "refusal"
        case Thinking():
            if form_of(part.extras).get("type") == REASONING["content"]:
                return "content", "reasoning_text"
            return "summary", "reasoning_summary_text"
        case ToolCall(custom=custom):
            kind = "custom_tool_call_input" if custom else "function_call_arguments"
            return None, kind
        case Opaque() if form_of(part.extras).get("inside"):
            return "content", "content_part"
        case _:
            return None, ""


def _announce(block: Block) -> str:
    return "reasoning_summary_part" if "summary_index" in block.at else "content_part"


def _announced(part: Part) -> Json:
    """Return a part as it stands in its item, if it stands there as one."""
    match part:
        case Thinking():
            return write_thought(part)
        case Text() | Refusal():
            return write_part(part)
        case Opaque() if form_of(part.extras).get("inside"):
            return part.json
        case _:
            return None


def _done(part: Part) -> dict[str, Json] | None:
    """Return what the event says that ends the deltas of *part*."""
    match part:
        case Text():
            return {"text": part.text, "logprobs": write_logprobs(part.logprobs)}
        case Thinking():
            return {"text": part.text}
        case Refusal():
            return {"refusal": part.text}
        case ToolCall(custom=True):
            return {"input": part.input}
        case ToolCall():
            return {"arguments": part.input}
        case _:
            return None
