"""
Events to a whole reply, and back: ``fold(unfold(reply)) == reply``.

Where only one side of an exchange streams, this closes the gap.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, evolve

from gateway.domain.errors import APIConnectionError, LLMProxyError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Delta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    OpaqueDelta,
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
from gateway.domain.parts import (
    Citation,
    Extras,
    Logprob,
    Media,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    head_of,
)
from gateway.domain.reply import Choice, Finish, Json, Reply, Stop, Usage, latest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def fold(events: Iterable[Event]) -> Reply:
    """
    Return the reply that *events* amount to.

    Raises:
        LLMProxyError: the error of a `Fault` among them, or
            `APIConnectionError` because they stop before their `ReplyEnd`. Half
            an answer is not passed off as a whole one.
    """
    folding = Fold()
    for event in events:
        folding.feed(event)
    return folding.reply()


def unfold(reply: Reply) -> Iterator[Event]:
    """Yield the events of *reply*, one delta for each thing that a part holds."""
    yield ReplyStart(reply.id, reply.model, reply.created, reply.extras)
    block = 0
    for number, choice in enumerate(reply.choices):
        for part in choice.parts:
            yield BlockStart(block, head_of(part), number)
            yield from _deltas(block, part)
            yield BlockEnd(block)
            block += 1
        # A stream has to end each choice; of some we are not told how.
        finish = choice.finish or Finish(Stop.OTHER)
        yield ChoiceEnd(finish, number, choice.extras)
    if reply.usage is not None:
        yield UsageUpdate(reply.usage)
    yield ReplyEnd()


class Fold:
    """Gathers the events of one reply; ask for the `reply` after the last one."""

    def __init__(self) -> None:
        self._start = ReplyStart()
        self._blocks: dict[int, _Block] = {}
        self._ends: dict[int, ChoiceEnd] = {}
        self._usage: Usage | None = None
        self._foreign: Extras = {}
        self._error: LLMProxyError | None = APIConnectionError(
            "the answer ended before it was complete", code="upstream_truncated"
        )

    def feed(self, event: Event) -> None:
        match event:
            case BlockStart():
                self._blocks[event.block] = _Block(event.choice, event.part)
            case ReplyStart():
                self._start = event
            case ChoiceEnd():
                self._ends[event.choice] = event
            case UsageUpdate(usage=usage):
                self._usage = latest(self._usage, usage)
            case Foreign():
                named = {event.origin: {event.name: event.json}}
                self._foreign = _joined(self._foreign, named)
            case Ping():
                pass
            case ReplyEnd():
                self._error = None
            case Fault(error=error):
                self._error = error
            case _:
                self._blocks[event.block].feed(event)

    def reply(self) -> Reply:
        """
        Return the whole reply.

        Foreign events are in its ``extras`` by their names, the last of each.

        Raises:
            LLMProxyError: as `fold` says.
        """
        if self._error is not None:
            raise self._error
        choices = {block.choice for block in self._blocks.values()} | {*self._ends}
        return Reply(
            self._start.id,
            self._start.model,
            self._start.created,
            tuple(self._choice(n) for n in range(max(choices, default=-1) + 1)),
            self._usage,
            _joined(self._start.extras, self._foreign),
        )

    def _choice(self, number: int) -> Choice:
        blocks = self._blocks.values()
        parts = tuple(block.part() for block in blocks if block.choice == number)
        end = self._ends.get(number)
        return Choice(parts, end.finish, end.extras) if end else Choice(parts)


@define
class _Block:
    """A part in the making."""

    choice: int
    head: Part
    texts: list[str] = Factory(list)
    data: list[str] = Factory(list)
    logprobs: list[Logprob] = Factory(list)
    citations: list[Citation] = Factory(list)
    opaque: list[Json] = Factory(list)
    signature: Signature | None = None
    media_type: str | None = None
    extras: Extras = Factory(dict)
    whole: Json = None

    def feed(self, event: Delta | BlockEnd) -> None:
        match event:
            case TextDelta():
                self.texts.append(event.text)
                self.logprobs += event.logprobs
            case ThinkingDelta() | RefusalDelta() | ToolInputDelta():
                self.texts.append(event.text)
            case SignatureDelta():
                self.signature = event.signature
            case CitationDelta():
                self.citations.append(event.citation)
            case MediaDelta():
                self.data.append(event.data)
                self.texts.append(event.transcript)
                self.media_type = event.media_type or self.media_type
            case OpaqueDelta():
                self.opaque.append(event.json)
            case _:
                self.extras = event.extras
                self.whole = event.whole

    def part(self) -> Part:
        head, text = self.head, "".join(self.texts)
        changes: dict[str, Any] = {"extras": _joined(head.extras, self.extras)}
        match head:
            case Text():
                changes["text"] = text
                changes["logprobs"] = tuple(self.logprobs)
                changes["citations"] = tuple(self.citations)
            case Thinking() | Refusal():
                changes["text"] = text
            case ToolCall():
                changes["input"] = text
            case Media():
                changes["data"] = _base64_joined(self.data)
                changes["transcript"] = text
                changes["media_type"] = self.media_type or head.media_type
            case Opaque() if self.whole is not None:
                changes["json"] = self.whole
            case Opaque():
                changes["deltas"] = tuple(self.opaque)
        if self.signature is not None:
            changes["signature"] = self.signature
        return evolve(head, **changes)


def _deltas(block: int, part: Part) -> Iterator[Delta]:
    match part:
        case Text():
            yield from _text_deltas(block, part)
        case Thinking() if part.text:
            yield ThinkingDelta(block, part.text)
        case Refusal() if part.text:
            yield RefusalDelta(block, part.text)
        case ToolCall() if part.input:
            yield ToolInputDelta(block, part.input)
        case Media() if part.data or part.transcript:
            yield MediaDelta(block, part.data, part.transcript)
        case Opaque():
            for json in part.deltas:
                yield OpaqueDelta(block, json)
    signature = getattr(part, "signature", None)
    if signature is not None:
        yield SignatureDelta(block, signature)


def _text_deltas(block: int, part: Text) -> Iterator[Delta]:
    if part.text or part.logprobs:
        yield TextDelta(block, part.text, part.logprobs)
    for citation in part.citations:
        yield CitationDelta(block, citation)


def _joined(extras: Extras, later: Extras) -> Extras:
    """Return both, ``{dialect: {member: json}}``; the later wins."""
    if not later:
        return extras
    joined = dict(extras)
    for dialect, members in later.items():
        joined[dialect] = {**joined.get(dialect, {}), **members}
    return joined


def _base64_joined(pieces: list[str]) -> str:
    """
    Return *pieces* as one base64 text.

    Some servers encode the whole and cut the text, others cut the sound and
    encode each piece: then there is padding inside, which decoders reject.
    """
    joined = "".join(pieces)
    if "=" not in joined.rstrip("="):
        return joined
    try:
        sound = b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except ValueError:
        return joined  # it never was base64; whoever reads it will say so
    return base64.b64encode(sound).decode()
