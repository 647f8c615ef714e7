"""One choice of a chat completion: its deltas, or its message, to events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from connectors.openai_chat.calls import Calls
from connectors.openai_chat.content import read_part
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    MediaDelta,
    RefusalDelta,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
)
from gateway.domain.parts import (
    Media,
    Refusal,
    Text,
    Thinking,
    head_of,
)
from gateway.domain.reply import Finish, Stop
from gateway.wire.openai_chat import extras_of, read_finish
from gateway.wire.openai_chat.parts import (
    read_citation,
    read_logprobs,
    read_signature,
    read_url,
    word,
)
from gateway.wire.openai_chat.thoughts import (
    DETAILS,
    NAMES,
    head_of_item,
    key_of,
    known,
    seal_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from gateway.domain.parts import Extras, Logprob, Part
    from gateway.domain.reply import Json
    from gateway.wire.blocks import Tracker


# A member that says nothing, or no more: Azure's last chunk has empty filters.
NOTHING: tuple[Json, ...] = (None, "", [], {})


class Choice:
    """
    Attributes:
        word: its finish reason, the last that came.
        members: what else it says that is not modelled.
    """

    def __init__(self, index: int, tracker: Tracker, origin: str, name: str) -> None:
        self.word = ""
        self.members: dict[str, Json] = {}
        self._index = index
        self._tracker = tracker
        self._origin = origin
        self._message: dict[str, Json] = {}
        self._calls = Calls(index, tracker, origin, name)
        self._refused = False
        self._audio: int | None = None
        self._sound: dict[str, Json] = {}

    def content(
        self, content: Json, logprobs: tuple[Logprob, ...], events: list[Event]
    ) -> None:
        """Append the events of a ``content``."""
        if type(content) is str or content is None:
            if content or logprobs:
                block = self._tracker.block(self._index, "text")
                if block is None:
                    block = self._block("text", Text(), events)
                events.append(TextDelta(block, content or "", logprobs))
            return
        parts = content if isinstance(content, list) else [content]
        for part in (read_part(json, self._origin) for json in parts):
            self._part(part, logprobs, events)
            logprobs = ()

    def delta(self, delta: dict[str, Any], logprobs: Json, events: list[Event]) -> None:
        """Append the events of a ``delta``, or of a ``message``."""
        # Nearly all say one thing; what else they say is nothing.
        left = {k: v for k, v in delta.items() if v is not None and v != ""}
        if left.get("role") == "assistant":
            del left["role"]
        if len(left) <= 1 and not logprobs and self._single(left, events):
            return
        self._members(left, logprobs, events)

    def _single(self, left: dict[str, Any], events: list[Event]) -> bool:
        """Do it for a delta of one member, if it is one of the usual ones."""
        for name, json in left.items():
            if name == "content":
                self.content(json, (), events)
            elif name == "tool_calls":
                for call in json:
                    self._calls.feed(call, events)
            elif name in NAMES and type(json) is str:
                self._plain(name, json, events)
            else:
                return False
        return True

    def _members(
        self, left: dict[str, Any], logprobs: Json, events: list[Event]
    ) -> None:
        self._thoughts(left, events)
        self.content(left.pop("content", None), self._tokens(logprobs), events)
        if refusal := word(left.pop("refusal", None)):
            self._refused = True
            events.append(
                RefusalDelta(self._block("refusal", Refusal(), events), refusal)
            )
        if (signature := read_signature(left)) is not None:
            block = self._block("text", Text(), events)
            events.append(SignatureDelta(block, signature))
        self._annotations(left.pop("annotations", None), events)
        for call in left.pop("tool_calls", None) or ():
            self._calls.feed(call, events)
        if (call := left.pop("function_call", None)) is not None:
            self._calls.feed_function(call, events)
        self._media(left, events)
        for name, json in left.items():
            if json not in NOTHING:
                self._message[name] = json

    def end(self) -> list[Event]:
        """Return the events that end it."""
        events = self._tracker.end_all(self._index)
        if self._sound:
            extras = extras_of(self._sound, self._origin)
            events = [_ending_with(e, self._audio, extras) for e in events]
        members = dict(self.members)
        sequence = members.get("stop_reason")  # vLLM's, or a token's number
        if isinstance(sequence, str):
            del members["stop_reason"]
        if self._message:
            members["message"] = self._message
        finish = self._finish(sequence if isinstance(sequence, str) else None)
        events.append(ChoiceEnd(finish, self._index, extras_of(members, self._origin)))
        return events

    def _finish(self, sequence: str | None) -> Finish:
        if not self.word:
            return Finish(Stop.OTHER)
        finish = read_finish(self.word)
        if finish.stop is not Stop.END:
            return finish
        # Gemini's endpoint and Ollama call the end of calls a stop, too, and so
        # does OpenAI where the tool was forced.
        if self._calls:
            return evolve(finish, stop=Stop.TOOLS)
        if self._refused:
            return evolve(finish, stop=Stop.REFUSAL)
        if sequence is not None:
            return evolve(finish, stop=Stop.SEQUENCE, sequence=sequence)
        return finish

    def _block(self, key: Hashable, head: Part, events: list[Event]) -> int:
        """Return the open block's number; open it where it is not."""
        block = self._tracker.block(self._index, key)
        if block is not None:
            return block
        # A sound goes on beside the text; others end where the next one begins.
        alone = not isinstance(head, Media)
        events += self._tracker.begin(self._index, key, head, alone=alone)
        return cast("BlockStart", events[-1]).block

    def _thoughts(self, left: dict[str, Any], events: list[Event]) -> None:
        name = next((n for n in NAMES if type(left.get(n)) is str), None)
        plain = left.pop(name) if name is not None else ""
        items = left.get(DETAILS)
        told = None
        if isinstance(items, list) and all(map(known, items)):
            del left[DETAILS]
            told = "".join(map(text_of, items))
            for item in items:
                head = Thinking(
                    extras=head_of_item(item, name if told == plain else None)
                )
                seal = seal_of(item)
                self._thought(key_of(item), Thinking(text_of(item), seal), head, events)
        if plain and plain != told:
            self._plain(name or "", plain, events)

    def _plain(self, name: str, text: str, events: list[Event]) -> None:
        block = self._tracker.block(self._index, name)
        if block is None:
            head = Thinking(extras=extras_of({name: None}, self._origin))
            block = self._block(name, head, events)
        events.append(ThinkingDelta(block, text))

    def _thought(
        self, key: Hashable, thought: Thinking, head: Thinking, events: list[Event]
    ) -> None:
        if thought.text or thought.signature is not None:
            block = self._block(key, head, events)
            if thought.text:
                events.append(ThinkingDelta(block, thought.text))
            if thought.signature is not None:
                events.append(SignatureDelta(block, thought.signature))

    def _part(
        self, part: Part, logprobs: tuple[Logprob, ...], events: list[Event]
    ) -> None:
        match part:
            case Text():
                self.content(part.text, logprobs, events)
            case Thinking():
                self._thought("thought", part, Thinking(extras=part.extras), events)
            case Refusal():
                self._refused = True
                block = self._block("refusal", head_of(part), events)
                events.append(RefusalDelta(block, part.text))
            case _:
                self._whole(part, events)

    def _whole(self, part: Part, events: list[Event]) -> None:
        """Append the events of a part that comes in one piece."""
        block = self._block("whole", head_of(part), events)
        if isinstance(part, Media) and part.data:
            events.append(MediaDelta(block, part.data))
        events.append(self._tracker.end(self._index, "whole"))

    def _tokens(self, json: Json) -> tuple[Logprob, ...]:
        if not json:
            return ()
        if "content" not in json:  # Together's older form
            self.members["logprobs"] = json
            return ()
        if refusal := json.get("refusal"):
            said = self.members.setdefault("logprobs", {"refusal": []})
            said["refusal"] += refusal
        return read_logprobs(json["content"] or ())

    def _annotations(self, json: Json, events: list[Event]) -> None:
        for annotation in json or ():
            citation = read_citation(annotation, self._origin)
            if citation is None:  # OpenRouter's, about a file
                self._message.setdefault("annotations", []).append(annotation)
            else:
                block = self._block("text", Text(), events)
                events.append(CitationDelta(block, citation))

    def _media(self, left: dict[str, Any], events: list[Event]) -> None:
        """Read OpenAI's sound and OpenRouter's pictures."""
        sound = dict(left.pop("audio", None) or {})
        name, data, words = (
            word(sound.pop(name, None)) for name in ("id", "data", "transcript")
        )
        if name or data or words:  # Snowflake sends an empty one
            head = Media("audio", file_id=name or None)
            self._audio = block = self._block("audio", head, events)
            if data or words:
                events.append(MediaDelta(block, data, words))
        if self._audio is not None:
            self._sound.update(sound)
        for picture in left.pop("images", None) or ():
            self._whole(read_url("image", word(picture["image_url"]["url"])), events)


def _ending_with(event: Event, block: int | None, extras: Extras) -> Event:
    if isinstance(event, BlockEnd) and event.block == block:
        return evolve(event, extras=extras)
    return event
