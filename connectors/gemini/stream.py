"""
A streamed answer, from Gemini's chunks to events.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import Factory, define

from connectors.gemini.partial import Arguments
from connectors.gemini.response import FEEDBACK, is_blocked
from gateway.domain.events import (
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Media, Text, Thinking, ToolCall, head_of
from gateway.wire.blocks import Tracker
from gateway.wire.faults import fault_in
from gateway.wire.gemini import (
    PROTOCOL,
    extras_of,
    is_finish,
    read_block,
    read_finish,
    read_part,
    read_usage,
    text_of,
)
from gateway.wire.gemini.candidates import (
    LOGPROBS,
    created_of,
    index_of,
    rest_of,
    take_citations,
)
from gateway.wire.gemini.sources import read_logprobs
from gateway.wire.ids import make_id
from gateway.wire.json import encode, loads
from gateway.wire.jsonarray import CUT
from gateway.wire.reading import Guarded, truncated
from gateway.wire.seal import unseal_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.domain.parts import Part
    from gateway.domain.reply import Json
    from gateway.wire.reading import Reader
    from gateway.wire.sse import Frame

TEXT, THOUGHT, CALL, WHOLE = "text", "thought", "call", "whole"


def reader() -> Reader:
    """Return the reader of one stream."""
    return Guarded(GeminiReader())


@define
class _Choice:
    """
    What must be remembered of a candidate.

    Attributes:
        texts: all of its text, which sources point into.
        calls: how many tools it called.
        sealed: the open text has its seal; what follows is another part.
        partial: the arguments of the call that is still coming.
        held: the end that a chunk said which may not have been the last.
        ended: nothing more of it counts.
    """

    texts: list[str] = Factory(list)
    calls: int = 0
    sealed: bool = False
    partial: Arguments | None = None
    held: ChoiceEnd | None = None
    ended: bool = False


class GeminiReader:
    """
    Reads one stream; wrapped by `Guarded`, it may raise.

    A chunk without text, or with an empty one, begins no block. Older models say
    ``STOP`` in every chunk and count tokens only in the last: an end without
    counts is held until another chunk or the end of the stream.
    """

    def __init__(self) -> None:
        self._tracker = Tracker()
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Json] | None = None
        self._seed: object = None

    def read(self, frame: Frame) -> Iterable[Event]:
        chunk = _object(frame)
        if "error" in chunk and (fault := fault_in(chunk)) is not None:
            return [*self._release(), Fault(fault)]
        candidates = chunk.pop("candidates", None)
        usage = chunk.pop("usageMetadata", None)
        if (
            chunk == self._head
            and (type(usage) is dict or not usage)
            and (delta := self._plain(candidates)) is not None
        ):
            return [delta, UsageUpdate(read_usage(usage))] if usage else [delta]
        return self._chunk(chunk, candidates, usage, frame)

    def _chunk(
        self, chunk: dict[str, Json], candidates: Json, usage: Json, frame: Frame
    ) -> Iterator[Event]:
        feedback = chunk.pop(FEEDBACK, None)
        if chunk != self._head:
            yield from self._heads(chunk, frame)
        ends: list[Event] = []
        for place, candidate in enumerate(candidates or ()):
            yield from self._candidate(place, candidate, ends, counted=bool(usage))
        if usage:
            yield UsageUpdate(read_usage(usage))
        yield from ends
        if feedback:
            yield from self._feedback(feedback)

    def _plain(self, candidates: Json) -> TextDelta | None:
        """Return the piece of text that a chunk is, as most are; else ``None``."""
        if not candidates or len(candidates) != 1:
            return None
        candidate = candidates[0]
        choice = self._choices.get(candidate.get("index", 0))
        if choice is None or choice.ended or choice.sealed:
            return None
        content = candidate.get("content")
        if not content or not _SIMPLE.issuperset(candidate):
            return None
        parts = content.get("parts")
        if not parts or len(parts) != 1 or len(parts[0]) != 1:
            return None
        text = parts[0].get("text")
        block = self._tracker.block(candidate.get("index", 0), TEXT)
        if block is None or not text or type(text) is not str:
            return None
        choice.texts.append(text)
        return TextDelta(block, text)

    def end(self) -> Iterator[Event]:
        yield from self._release()
        if self._choices and all(choice.ended for choice in self._choices.values()):
            yield ReplyEnd()

    def _heads(self, members: dict[str, Json], frame: Frame) -> Iterator[Event]:
        """Yield what each chunk repeats: the start, or what has changed since."""
        if self._head is None:
            self._head = members
            named = ("responseId", "modelVersion")
            reply_id, model = (text_of(members, name) for name in named)
            self._seed = reply_id or frame.data
            created = created_of(members.get("createTime"))
            rest = {name: json for name, json in members.items() if name not in named}
            yield ReplyStart(reply_id, model, created, extras_of(rest))
            return
        for name, json in members.items():
            if self._head.get(name) != json:
                yield Foreign(PROTOCOL, name, json)

    def _feedback(self, feedback: dict[str, Json]) -> Iterator[Event]:
        if self._choices or not is_blocked({FEEDBACK: feedback}):
            yield Foreign(PROTOCOL, FEEDBACK, feedback)
            return
        self._choices[0] = _Choice(ended=True)
        finish = read_block(feedback["blockReason"])
        yield ChoiceEnd(finish, 0, extras_of({FEEDBACK: feedback}))

    def _candidate(
        self, place: int, json: dict[str, Json], ends: list[Event], *, counted: bool
    ) -> Iterator[Event]:
        index = index_of(json, place)
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        elif choice.ended:
            yield Foreign(PROTOCOL, "candidates", json)
            return
        content = json.get("content")
        if content:
            for part in content.get("parts") or ():
                text = part.get("text")
                if len(part) == 1 and text and type(text) is str:
                    yield from self._text(index, choice, text)
                else:
                    yield from self._part(index, choice, part)
        word = json.get("finishReason")
        rest = {} if _USUAL.issuperset(json) else rest_of(json)
        if rest:
            yield from self._sources(index, choice, rest)
        if is_finish(word):
            finish = read_finish(word, calls=choice.calls > 0)
            choice.held = ChoiceEnd(finish, index, extras_of(rest))
            if counted:
                ends += self._end_choice(choice, choice.held)
        elif rest:
            yield Foreign(PROTOCOL, "candidates", {"index": index, **rest})

    def _text(self, index: int, choice: _Choice, text: str) -> Iterator[Event]:
        block = None if choice.sealed else self._tracker.block(index, TEXT)
        if block is None:
            choice.sealed = False
            yield from self._tracker.begin(index, TEXT, Text())
            block = self._tracker.block(index, TEXT) or 0
        choice.texts.append(text)
        yield TextDelta(block, text)

    def _part(
        self, index: int, choice: _Choice, json: dict[str, Json]
    ) -> Iterator[Event]:
        if "text" in json and _PLAIN.issuperset(json):
            yield from self._sealed_text(index, choice, json)
        elif "functionCall" in json:
            yield from self._call(index, choice, json)
        else:
            yield from self._whole(index, choice, json)

    def _sealed_text(
        self, index: int, choice: _Choice, json: dict[str, Json]
    ) -> Iterator[Event]:
        """Read a text or a thought; a seal goes to the one that is open."""
        text, seal = text_of(json, "text") or "", text_of(json, "thoughtSignature")
        if not text and seal is None:
            return
        key = THOUGHT if json.get("thought") else TEXT
        block = None if choice.sealed else self._tracker.block(index, key)
        if block is None:
            choice.sealed = False
            head = Text() if key is TEXT else Thinking()
            yield from self._tracker.begin(index, key, head)
            block = self._tracker.block(index, key) or 0
        if key is TEXT:
            choice.texts.append(text)
        if text:
            yield TextDelta(block, text) if key is TEXT else ThinkingDelta(block, text)
        if seal is not None:
            choice.sealed = True
            yield SignatureDelta(block, unseal_bytes(seal, PROTOCOL))

    def _call(
        self, index: int, choice: _Choice, json: dict[str, Json]
    ) -> Iterator[Event]:
        call = json["functionCall"]
        if choice.partial is not None and call.get("name"):
            yield from self._end_call(index, choice)
        pieces = call.get("partialArgs") or ()
        if choice.partial is None and not pieces and not call.get("willContinue"):
            choice.calls += 1
            yield from self._whole(index, choice, json)
            return
        if choice.partial is None:
            choice.calls += 1
            choice.partial = Arguments()
            name = text_of(call, "name")
            if not name:
                raise KeyError("name")
            call_id = text_of(call, "id") or self._id(index, choice, name)
            head = ToolCall(call_id, name)
            yield from self._tracker.begin(index, CALL, head, alone=False)
        for piece in pieces:
            choice.partial.add(piece)
        if (seal := text_of(json, "thoughtSignature")) is not None:
            block = self._tracker.block(index, CALL) or 0
            yield SignatureDelta(block, unseal_bytes(seal, PROTOCOL))
        if not call.get("willContinue"):
            yield from self._end_call(index, choice)

    def _end_call(self, index: int, choice: _Choice) -> Iterator[Event]:
        if choice.partial is not None:
            text = encode(choice.partial.json).decode()
            yield ToolInputDelta(self._tracker.block(index, CALL) or 0, text)
            yield self._tracker.end(index, CALL)
            choice.partial = None

    def _whole(
        self, index: int, choice: _Choice, json: dict[str, Json]
    ) -> Iterator[Event]:
        """Read a part that comes in one piece."""
        part = read_part(json, lambda name: self._id(index, choice, name))
        if isinstance(part, Text):
            choice.texts.append(part.text)
        choice.sealed = False
        yield from self._tracker.begin(index, WHOLE, head_of(part))
        yield from _deltas(self._tracker.block(index, WHOLE) or 0, part)
        yield self._tracker.end(index, WHOLE)

    def _id(self, index: int, choice: _Choice, name: str) -> str:
        return make_id(self._seed, index, choice.calls, name)

    def _sources(
        self, index: int, choice: _Choice, rest: dict[str, Json]
    ) -> Iterator[Event]:
        block = self._tracker.block(index, TEXT)
        if block is None:
            return
        if LOGPROBS in rest:
            yield TextDelta(block, "", read_logprobs(rest[LOGPROBS]))
        for citation in take_citations(rest, "".join(choice.texts)):
            yield CitationDelta(block, citation)

    def _end_choice(self, choice: _Choice, end: ChoiceEnd) -> list[Event]:
        choice.ended = True
        return [
            *self._end_call(end.choice, choice),
            *self._tracker.end_all(end.choice),
            end,
        ]

    def _release(self) -> Iterator[Event]:
        """Yield the ends that were held."""
        for choice in self._choices.values():
            if choice.held is not None and not choice.ended:
                yield from self._end_choice(choice, choice.held)


def _object(frame: Frame) -> dict[str, Json]:
    if frame.event == CUT:
        raise truncated()
    chunk = loads(frame.data)
    if type(chunk) is not dict:
        raise TypeError("a chunk that is no object")
    return chunk


_SIMPLE = frozenset({"content", "index"})
_USUAL = frozenset({"content", "index", "finishReason"})
_PLAIN = frozenset({"text", "thought", "thoughtSignature"})


def _deltas(block: int, part: Part) -> Iterator[Event]:
    match part:
        case Text(text=text) if text:
            yield TextDelta(block, text)
        case Thinking(text=text) if text:
            yield ThinkingDelta(block, text)
        case ToolCall(input=text):
            yield ToolInputDelta(block, text)
        case Media(data=data) if data:
            yield MediaDelta(block, data)
    signature = getattr(part, "signature", None)
    if signature is not None:
        yield SignatureDelta(block, signature)
