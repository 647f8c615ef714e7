"""
A streamed reply, from events to the client's ``chat.completion.chunk`` frames.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from attrs import evolve

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
from gateway.domain.fold import fold
from gateway.domain.parts import Media, Refusal, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Reply, Stop, Usage, latest
from gateway.fronts.losses import Losses
from gateway.fronts.openai_chat.errors import write_error_frame
from gateway.fronts.openai_chat.losses import part_losses, unsealed
from gateway.fronts.openai_chat.response import (
    is_legacy,
    write_end,
    write_head,
    write_picture,
)
from gateway.wire.json import encode
from gateway.wire.openai_chat import DONE, PROTOCOL, own, write_usage
from gateway.wire.openai_chat.parts import (
    joined,
    write_citation,
    write_logprobs,
    write_signature,
    write_tool_call,
)
from gateway.wire.openai_chat.thoughts import DETAILS, TEXTS, name_of, write_item
from gateway.wire.repeats import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.fronts.base import Context
    from gateway.wire.repeats import Told

KEEP_ALIVE = b": keep-alive\n"  # a blank line after it would be an empty event
OPEN = b',"logprobs":null,"finish_reason":null}]'

_NO_ARGUMENTS: dict[str, Json] = {"function": {"arguments": ""}}

Slot: TypeAlias = tuple[bytes, ...]


class ChatWriter:
    """
    One instance per reply.

    Most frames differ from the one before in nothing but a string. A block's
    start therefore prepares its *slot*, the bytes around each place where that
    string is written.

    Attributes:
        losses: see `gateway.fronts.base.Writer`.
        result: nobody asks for a chat completion again.
    """

    takes_runs = True

    def __init__(self, context: Context) -> None:
        self._losses = Losses(PROTOCOL)
        self.losses: list[Loss] = self._losses.found
        self.result: Json = None
        self._context = context
        self._include_usage = include_usage = context.ask.wants_usage
        self._usage: Usage | None = None
        self._head = b""
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        # Members of the next chunk that is no mere delta.
        self._pending: dict[str, Json] = {}
        self._slots: dict[int, Slot] = {}
        self._open: dict[int, tuple[BlockStart, str]] = {}
        # By choice: how many parts, calls and sealed thoughts it has had.
        self._parts: dict[int, int] = {}
        self._calls: dict[int, int] = {}
        self._seals: dict[int, int] = {}
        # By block: a call's index; thoughts whose seal may come; media.
        self._indexes: dict[int, int] = {}
        self._thoughts: dict[int, list[str]] = {}
        self._pictures: dict[int, list[Event]] = {}

    def feed(self, events: Iterable[Told]) -> bytes:
        """
        Return the frames of *events*, joined.

        A reply ends with ``[DONE]``; a broken one with its error, and without.
        """
        coming = [*events]
        if len(coming) == 1:
            return self._write(coming[0])
        coming = _sealed_at_once(coming)
        return b"".join([self._write(event) for event in coming])

    def _write(self, event: Told) -> bytes:  # noqa: C901, PLR0912 - a flat table
        match event:
            case Run():
                return self._run(event)
            case TextDelta() if event.logprobs:
                return self._text(event)
            case TextDelta() | ToolInputDelta() | RefusalDelta():
                return encode(event.text).join(self._slots[event.block])
            case ThinkingDelta():
                if (texts := self._thoughts.get(event.block)) is not None:
                    texts.append(event.text)
                return encode(event.text).join(self._slots[event.block])
            case UsageUpdate(usage=usage):
                self._usage = latest(self._usage, usage)
            case BlockStart():
                return self._begin(event.choice) + self._start_block(event)
            case BlockEnd():
                return self._end_block(event)
            case SignatureDelta():
                return self._seal(event)
            case CitationDelta(block=block, citation=citation):
                return self._of(block, {"annotations": [write_citation(citation)]})
            case MediaDelta():
                return self._media(event)
            case ReplyStart():
                return self._start(event)
            case ChoiceEnd():
                return self._end(event)
            case Foreign():
                self._foreign(event)
            case ReplyEnd():
                return self._last() + DONE
            case Fault(error=error):
                return write_error_frame(error)
            case Ping():
                return KEEP_ALIVE
        return b""

    def _run(self, run: Run) -> bytes:
        block = run.like.block
        if (texts := self._thoughts.get(block)) is not None:
            texts += run.texts
        slot = self._slots[block]
        if len(slot) != 2 or len(run.texts) == 1:
            return b"".join([encode(text).join(slot) for text in run.texts])
        before, after = slot
        return before + (after + before).join(map(encode, run.texts)) + after

    def _start(self, event: ReplyStart) -> bytes:
        known = Reply(event.id, event.model, event.created)
        json = write_head("chat.completion.chunk", known, self._context)
        for name, value in own(event.extras).items():
            # What is long, such as a list of sources, is said once.
            place = self._pending if isinstance(value, dict | list) else json
            place[name] = value
        self._losses.members("", event.extras)
        self._head = b"data: " + encode(json)[:-1] + b',"choices":['
        return self._begin(0)

    def _begin(self, choice: int) -> bytes:
        if choice in self._parts:
            return b""
        self._parts[choice] = 0
        return self._delta(choice, {"role": "assistant", "content": ""})

    def _start_block(self, event: BlockStart) -> bytes:
        block, part, choice = event.block, event.part, event.choice
        path = f"choices[{choice}].parts[{self._parts[choice]}]"
        self._parts[choice] += 1
        self._open[block] = event, path
        if not isinstance(part, Thinking):  # a thought's extras go with its seal
            self._losses.note(*part_losses(path, part))
        match part:
            case Text():
                self._slots[block] = self._slot(choice, b'"content":')
            case Thinking():
                self._slots[block] = self._thought(event, part)
            case Refusal():
                self._slots[block] = self._slot(choice, b'"refusal":')
            case ToolCall() if is_legacy(part):
                self._slots[block] = self._slot(
                    choice, b'"function_call":{"arguments":', b"}"
                )
                named = {"name": part.name, "arguments": ""}
                return self._delta(choice, {"function_call": named})
            case ToolCall():
                return self._start_call(block, part, choice)
            case Media(kind="audio", file_id=name):
                self._slots[block] = self._slot(choice, b'"audio":')
                if name is not None:
                    return self._delta(choice, {"audio": {"id": name}})
            case Media(kind="image"):
                self._pictures[block] = [evolve(event, choice=0)]
        return b""

    def _start_call(self, block: int, call: ToolCall, choice: int) -> bytes:
        index = self._calls.get(choice, 0)
        self._calls[choice] = index + 1
        self._indexes[block] = index
        kind, text = ("custom", "input") if call.custom else ("function", "arguments")
        self._slots[block] = self._slot(
            choice,
            f'"tool_calls":[{{"index":{index},"{kind}":{{"{text}":'.encode(),
            b"}}]",
        )
        json = write_tool_call(call, index=index)
        return self._delta(choice, {"tool_calls": [json]})

    def _thought(self, event: BlockStart, thought: Thinking) -> Slot:
        """Return the slot; the words stand in it twice if they did so upstream."""
        item = own(thought.extras).get(DETAILS)
        name = name_of([thought])
        plain = b"" if name is None else f'"{name}":'.encode()
        if item is None:
            self._thoughts[event.block] = []
            return self._slot(event.choice, plain)
        if item.get("type") not in TEXTS:  # encrypted: there will be no words
            return ()
        said = f',"{TEXTS[item["type"]]}":'.encode()
        details = b'"%b":[%b%b' % (DETAILS.encode(), encode(item)[:-1], said)
        before, after = self._slot(event.choice, b"", b"}]")
        if not plain:
            return before + details, after
        return before + plain, b"," + details, after

    def _seal(self, event: SignatureDelta) -> bytes:
        start, path = self._open[event.block]
        match start.part:
            case Thinking() as thought:
                text = "".join(self._thoughts.pop(event.block, ()))
                sealed = evolve(thought, text=text, signature=event.signature)
                index = self._seals.get(start.choice, 0)
                self._seals[start.choice] = index + 1
                return self._of(event.block, {DETAILS: [write_item(sealed, index)]})
            case Text():
                return self._of(event.block, write_signature(event.signature))
            case ToolCall(custom=custom) if event.block in self._indexes:
                # Clients look for the text in each piece of a call.
                piece = {"custom": {"input": ""}} if custom else _NO_ARGUMENTS
                call = {"index": self._indexes[event.block]} | piece
                call |= write_signature(event.signature)
                return self._of(event.block, {"tool_calls": [call]})
        self._losses.note(unsealed(path))
        return b""

    def _end_block(self, event: BlockEnd) -> bytes:
        start, path = self._open.pop(event.block)
        self._slots.pop(event.block, None)
        self._indexes.pop(event.block, None)
        if self._thoughts.pop(event.block, None) is not None:
            self._losses.members(path, start.part.extras)
        self._losses.members(path, event.extras)
        if (events := self._pictures.pop(event.block, None)) is not None:
            picture = _folded([*events, event])
            return self._delta(start.choice, {"images": [write_picture(picture)]})
        if isinstance(start.part, Media) and (more := own(event.extras)):
            return self._delta(start.choice, {"audio": more})
        return b""

    def _slot(self, choice: int, before: bytes, after: bytes = b"") -> Slot:
        begin = b'%b{"index":%d,"delta":{' % (self._head, choice)
        return begin + before, after + b"}" + OPEN + self._tail

    def _of(self, block: int, delta: Json) -> bytes:
        return self._delta(self._open[block][0].choice, delta)

    def _delta(self, choice: int, delta: Json) -> bytes:
        return self._choice(
            {
                "index": choice,
                "delta": delta,
                "logprobs": None,
                "finish_reason": None,
            }
        )

    def _text(self, event: TextDelta) -> bytes:
        return self._choice(
            {
                "index": self._open[event.block][0].choice,
                "delta": {"content": event.text},
                "logprobs": write_logprobs(event.logprobs),
                "finish_reason": None,
            }
        )

    def _media(self, event: MediaDelta) -> bytes:
        if (events := self._pictures.get(event.block)) is not None:
            events.append(event)
        if event.block not in self._slots:
            return b""
        audio = {"data": event.data, "transcript": event.transcript}
        said = {name: text for name, text in audio.items() if text}
        return encode(said).join(self._slots[event.block])

    def _foreign(self, event: Foreign) -> None:
        if event.origin == PROTOCOL:
            self._pending[event.name] = event.json
        else:
            self._losses.event(event)

    def _end(self, event: ChoiceEnd) -> bytes:
        begun = self._begin(event.choice)
        self._losses.members(f"choices[{event.choice}]", event.extras)
        members = dict(own(event.extras))
        json = {
            "index": event.choice,
            "delta": members.pop("message", {}),
            "logprobs": None,
            **write_end(event.finish),
        }
        return begun + self._choice(joined(json, members))

    def _choice(self, json: Json) -> bytes:
        return self._head + encode(json) + b"]" + self._rest() + self._tail

    def _rest(self) -> bytes:
        if not self._pending:
            return b""
        rest = b"," + encode(self._pending)[1:-1]
        self._pending.clear()
        return rest

    def _last(self) -> bytes:
        """Return no counts where nobody counted: made-up zeros would be a lie."""
        if not self._include_usage or self._usage is None:
            # Clients break on a chunk without choices that they did not ask for.
            return self._delta(0, {}) if self._pending else b""
        counts = encode(write_usage(self._usage))
        return self._head + b"]" + self._rest() + b',"usage":' + counts + b"}\n\n"


def _folded(events: list[Event]) -> Media:
    """Return the picture that the *events* of its block amount to."""
    end = ChoiceEnd(Finish(Stop.END))
    reply = fold([ReplyStart(), *events, end, ReplyEnd()])
    return cast("Media", reply.choices[0].parts[0])


def _sealed_at_once(events: list[Told]) -> list[Told]:
    """
    Put the seal of a call into its beginning, where both are known by now.

    Gemini says both at once, and so does its own endpoint of this dialect: clients
    such as Vercel's AI SDK look for the seal in the piece that has the name.
    """
    seals = {e.block: e.signature for e in events if isinstance(e, SignatureDelta)}
    if not seals:
        return events
    found: list[Told] = []
    for event in events:
        match event:
            case BlockStart(block=block, part=ToolCall() as call) if (
                block in seals and not is_legacy(call)
            ):
                sealed = evolve(call, signature=seals.pop(block))
                found.append(evolve(event, part=sealed))
            case SignatureDelta(block=block) if block not in seals:
                pass
            case _:
                found.append(event)
    return found
