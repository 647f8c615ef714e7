"""
A streamed reply, from events to the client's typed events.

Items stand one behind the other; what overlaps waits (`Sequencer`). A message is
done when something else begins, because until then it may get another part.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    Ping,
    RefusalDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.loss import dropped
from gateway.domain.parts import Media, Opaque, Refusal, Text, Thinking
from gateway.domain.reply import Finish, Stop, latest
from gateway.fronts.losses import Losses
from gateway.fronts.openai_responses.composing import Block, Frames, Item
from gateway.fronts.openai_responses.errors import write_fault
from gateway.fronts.openai_responses.response import (
    finished,
    head,
    spaces_of,
    unsayable,
)
from gateway.wire.blocks import Sequencer
from gateway.wire.openai_responses.items import sealed_behind, shares
from gateway.wire.openai_responses.leaves import write_citation
from gateway.wire.openai_responses.names import FORM, PROTOCOL, form_of, own
from gateway.wire.openai_responses.namespaces import apart
from gateway.wire.openai_responses.usage import write_usage
from gateway.wire.repeats import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.errors import LLMProxyError
    from gateway.domain.events import Delta
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json, Usage
    from gateway.fronts.base import Context
    from gateway.wire.repeats import Told

KEEP_ALIVE = b": keep-alive\n"  # a blank line after it would be an empty event


class ResponsesWriter:
    """One instance per reply; see `gateway.fronts.base.Writer`."""

    takes_runs = True

    def __init__(self, context: Context) -> None:
        self._losses = Losses(PROTOCOL)
        self.losses: list[Loss] = self._losses.found
        self.result: Json = None
        self._context = context
        self._spaces = spaces_of(context)
        self._frames = Frames()
        self._sequencer = Sequencer()
        self._json: dict[str, Json] | None = None
        self._own = False
        self._output: list[Json] = []
        self._item: Item | None = None
        self._blocks: dict[int, Block] = {}
        self._parts = 0
        self._path = ""
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def feed(self, events: Iterable[Told]) -> bytes:
        """Return the frames of *events*, joined."""
        written = []
        for event in events:
            # A block that is open here is the one that the sequencer lets pass.
            if type(event) is TextDelta and not event.logprobs:
                block = self._blocks.get(event.block)
                if block is not None:
                    written.append(block.item.delta(block, event.text))
                    continue
            if isinstance(event, Run):
                block = self._blocks.get(event.like.block)
                if block is None or type(event.like) is not TextDelta:
                    written.append(self.feed(event.events()))
                else:
                    written.append(block.item.deltas(block, event.texts))
                continue
            if type(event) is UsageUpdate:  # Gemini counts in every chunk
                self._count(event.usage)
                continue
            written += [self._write(ready) for ready in self._sequencer.feed((event,))]
        return b"".join(written)

    def _write(self, event: Event) -> bytes:
        match event:
            case ReplyStart():
                return self._start(event)
            case BlockStart():
                return self._open(event)
            case ChoiceEnd():
                return self._end_choice(event)
            case Foreign():
                return self._foreign(event)
            case Ping():
                return KEEP_ALIVE
            case ReplyEnd():
                return self._end()
            case Fault(error=error):
                return self._fail(error)
            case BlockEnd():
                return self._close(event)
            case _:  # usage is counted before it comes here
                delta = cast("Delta", event)
                block = self._blocks.get(delta.block)
                return b"" if block is None else self._inside(delta, block)

    def _inside(self, event: Delta, block: Block) -> bytes:
        item = block.item
        match event:
            case TextDelta() if event.logprobs:
                return item.text(block, event)
            case TextDelta() | ThinkingDelta() | RefusalDelta() | ToolInputDelta():
                return item.delta(block, event.text)
            case SignatureDelta(signature=signature):
                block.signature = signature
            case CitationDelta(citation=citation):
                block.sources += 1
                if (json := write_citation(citation)) is not None:
                    return item.citation(block, citation, json)
                path = f"{self._path}.citations[{block.sources - 1}]"
                self._losses.note(dropped(path, "annotations need a URL"))
            case MediaDelta(data=data):
                block.texts.append(data)
            case _:
                kind = event.json.get("type")  # some upstreams name the frame only
                return self._frames.write(kind, event.json) if kind else b""
        return b""

    def _start(self, event: ReplyStart) -> bytes:
        words = own(event.extras)
        self._own = PROTOCOL in event.extras
        json = head(self._context, event.id, event.model, event.created, words)
        self._json = json
        self._losses.members("", event.extras)
        status = form_of(event.extras).get("status")
        if status is not None:  # in the background; the rest comes as `Foreign`
            json = {**json, "status": status}
            return self._frames.write("response.created", {"response": json})
        return self._frames.write(
            "response.created", {"response": json}
        ) + self._frames.write("response.in_progress", {"response": json})

    def _open(self, event: BlockStart) -> bytes:
        part = apart(event.part, self._spaces)
        if self._blocks:
            return b""  # the stream breaks off, and what waited behind it is let go
        why = None if isinstance(part, Media) else unsayable(part)
        if isinstance(part, Media) and part.kind != "image":
            why = f"no item of a response holds {part.kind}"
        if event.choice:
            return b""
        self._parts += 1
        self._path = f"choices[0].parts[{self._parts - 1}]"
        if why is not None:
            self._losses.note(dropped(self._path, why))
            return b""
        self._losses.members(self._path, part.extras)
        frames = b""
        item = self._item
        if item is not None and not shares(item.parts, part):
            frames, item = self._close_item(), None
        if item is None:
            item = Item(self._frames, len(self._output), part, self._label())
            self._item = item
            frames += item.added()
        self._blocks[event.block], opening = item.open(part)
        return frames + opening

    def _label(self) -> str:
        return f"{self._context.name}{len(self._output)}"

    def _close(self, event: BlockEnd) -> bytes:
        block = self._blocks.pop(event.block, None)
        if block is None:
            return b""
        self._losses.members(self._path, event.extras)
        frames = block.item.close(block, own(event.extras), event.whole)
        if isinstance(block.part, Text | Refusal | Thinking):
            return frames
        inside = isinstance(block.part, Opaque) and form_of(block.part.extras)
        return frames if inside else frames + self._close_item()

    def _close_item(self) -> bytes:
        item = self._item
        if item is None:
            return b""
        self._item = None
        frames, json = item.done()
        self._output.append(json)
        behind = sealed_behind(item.parts[-1], self._label())
        return frames if behind is None else frames + self._whole_item(behind)

    def _whole_item(self, json: dict[str, Json]) -> bytes:
        members = {"output_index": len(self._output), "item": json}
        self._output.append(json)
        return self._frames.write(
            "response.output_item.added", members
        ) + self._frames.write("response.output_item.done", members)

    def _foreign(self, event: Foreign) -> bytes:
        name, json = event.name, event.json
        if event.origin != PROTOCOL:
            self._losses.event(event)
        elif isinstance(json, dict) and json.get("type") == name:
            return self._frames.write(name, json)
        elif self._json is not None:
            self._json |= json if name == FORM else {name: json}
        return b""

    def _count(self, usage: Usage) -> None:
        self._usage = latest(self._usage, usage)

    def _end_choice(self, event: ChoiceEnd) -> bytes:
        path = f"choices[{event.choice}]"
        if event.choice:
            self._losses.note(dropped(path, "a response has one choice"))
            return b""
        self._losses.members(path, event.extras)
        self._finish = event.finish
        return self._close_item()

    def _end(self) -> bytes:
        json = {**self._begun(), "output": self._output}
        json["usage"] = None if self._usage is None else write_usage(self._usage)
        finished(json, self._finish or Finish(Stop.OTHER), own_words=self._own)
        self.result = json
        status = json["status"]
        kind = status if status in ("completed", "failed") else "incomplete"
        return self._frames.write(f"response.{kind}", {"response": json})

    def _fail(self, error: LLMProxyError) -> bytes:
        # What is open stays open: half a call must not look whole.
        json = {**self._begun(), "output": self._output}
        return write_fault(error, self._frames.number, json)[0]

    def _begun(self) -> dict[str, Json]:
        if self._json is None:
            self._json = head(self._context, None, None, None, {})
        return self._json
