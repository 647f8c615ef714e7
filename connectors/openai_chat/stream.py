"""
Chunks of a Chat Completions stream, to events.

One reader for all who speak the dialect: it takes what is there, in any of the
ways in which servers write it. Whole answers are read by the same code, as a
stream of one chunk, so that the two cannot differ.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.openai_chat.calls import name_of
from connectors.openai_chat.choice import NOTHING, Choice
from gateway.domain.errors import BackendError
from gateway.domain.events import (
    Event,
    Fault,
    Foreign,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    UsageUpdate,
)
from gateway.wire.blocks import Tracker
from gateway.wire.faults import fault_in
from gateway.wire.json import loads
from gateway.wire.openai_chat import PROTOCOL, extras_of, read_usage
from gateway.wire.openai_chat.thoughts import NAMES
from gateway.wire.reading import Guarded

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.reply import Json, Usage
    from gateway.wire.reading import Reader
    from gateway.wire.repeats import Delta
    from gateway.wire.sse import Frame

# What is read, and what stands for nothing: the kind of the object, and padding
# against those who measure lengths (OpenAI's ``obfuscation``, Mistral's ``p``).
_TOP = frozenset(
    {
        *("id", "object", "created", "model", "choices", "usage"),
        *("obfuscation", "p"),
    }
)
_TEXTS = frozenset({"content", *NAMES})
_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "logprobs"})
# That padding as it is written: the last member, after something else.
_PADDING = (b',"obfuscation":"', b',"p":"')
# An answer has a handful of choices; nobody shall make us count to a milliard.
_MOST_CHOICES = 128


def reader() -> Reader:
    """Return the reader of one stream."""
    return Guarded(ChatFrames())


class ChatFrames:
    """
    Reads one stream, carelessly; `Guarded` makes faults of what it raises.

    How choices end is told at the very end, since some servers go on after a
    finish reason, or write one on each chunk.

    Args:
        origin: the dialect, in the extras of what it alone knows.
    """

    def __init__(self, origin: str = PROTOCOL) -> None:
        self._origin = origin
        self._tracker = Tracker()
        self._choices: dict[int, Choice] = {}
        self._started = False
        self._name = ""
        self._said: dict[str, Json] = {}

    def read(self, frame: Frame) -> list[Event]:
        """
        Return the events of *frame*.

        Raises:
            ValueError, TypeError, ...: it is no chunk.
        """
        data = frame.data
        if data[:1] == b"[" and data.strip() == b"[DONE]":
            return self.done()
        return self.chunk(loads(data), frame.event)

    def chunk(self, chunk: Json, event: str = "") -> list[Event]:
        """Return those of a chunk, or for a whole answer."""
        if _alarming(chunk, event) and (fault := fault_in(chunk, event)) is not None:
            return self._failed(fault)
        if (delta := self._plain(chunk)) is not None:
            return [delta]
        choices = chunk.get("choices") or ()
        events: list[Event] = []
        self._members(chunk, events)
        if not self._started and not self._start(chunk, events):
            return events
        for place, choice in enumerate(choices):
            self._choice(choice, place, events)
        if (chunk.get("usage") or "x_groq" in chunk) and (usage := _usage(chunk)):
            events.append(UsageUpdate(usage))
        return events

    def bare(self, data: bytes) -> bytes:
        if data[-2:] == b'"}':
            for name in _PADDING:
                at = data.rfind(name) + len(name)
                if at >= len(name) and data[at:-2].isalnum():
                    return data[:at] + b'"}'
        return data

    def plain(self, frame: Frame) -> Delta | None:
        chunk = loads(frame.data)
        return None if _alarming(chunk, frame.event) else self._plain(chunk)

    def _plain(self, chunk: dict[str, Any]) -> Delta | None:
        """Return the piece of text that a chunk is, as most are; else ``None``."""
        choices = chunk.get("choices")
        if type(choices) is not list or len(choices) != 1 or chunk.get("usage"):
            return None
        choice = choices[0]
        delta = choice.get("delta")
        if not delta or choice.get("finish_reason") or choice.get("logprobs"):
            return None
        name, index = _only(delta), choice.get("index")
        if name is None or type(text := delta[name]) is not str:
            return None
        if type(index) is not int:
            return None
        block = self._tracker.block(index, "text" if name == "content" else name)
        if block is None:
            return None
        if not _CHOICE.issuperset(choice) and any(
            choice[member] not in NOTHING for member in choice.keys() - _CHOICE
        ):
            return None
        for member in chunk.keys() - _TOP:  # what each chunk repeats
            if member not in self._said or self._said[member] != chunk[member]:
                return None
        kind = TextDelta if name == "content" else ThinkingDelta
        return kind(block, text)

    def done(self) -> list[Event]:
        """Return the events of ``[DONE]``, or of the end of a whole answer."""
        if not self._choices:
            raise BackendError(
                "the upstream's answer has no choices", code="upstream_empty"
            )
        events: list[Event] = []
        for index in range(max(self._choices) + 1):
            events += self._at(index).end()
        events.append(ReplyEnd())
        return events

    def end(self) -> list[Event]:
        """
        Return the same for the end of the stream.

        Alibaba, Perplexity and others say no ``[DONE]``: a finish reason for each
        choice that has begun will do.
        """
        if self._choices and all(c.word for c in self._choices.values()):
            return self.done()
        return []

    def _failed(self, fault: LLMProxyError) -> list[Event]:
        """Return the ends of choices that have one, and the fault."""
        ended = [choice for choice in self._choices.values() if choice.word]
        return [*(event for choice in ended for event in choice.end()), Fault(fault)]

    def _start(self, chunk: dict[str, Any], events: list[Event]) -> bool:
        name, model, created = (chunk.get(n) for n in ("id", "model", "created"))
        if not (name or model or chunk.get("choices")):
            return False  # Azure's first chunk tells of the prompt's filters only
        self._started = True
        self._name = name_of(name)
        extras = extras_of(dict(self._said), self._origin)
        events.append(
            ReplyStart(
                self._name or None,
                model if model and isinstance(model, str) else None,
                created if type(created) is int else None,
                extras,
            )
        )
        return True

    def _members(self, chunk: dict[str, Any], events: list[Event]) -> None:
        """Note what else the chunk says, unless it was said before."""
        said = self._said
        for name, json in chunk.items():
            if name not in _TOP and said.get(name) != json:
                said[name] = json
                if self._started:
                    events.append(Foreign(self._origin, name, json))

    def _choice(self, json: dict[str, Any], place: int, events: list[Event]) -> None:
        index = json.get("index")
        if type(index) is not int:
            index = place
        choice = self._choices.get(index) or self._at(index)
        # Perplexity repeats all of the message so far beside the delta.
        delta = json.get("delta") or json.get("message") or {}
        choice.delta(delta, json.get("logprobs"), events)
        if (word := json.get("finish_reason")) and isinstance(word, str):
            choice.word = word
        for name, value in json.items():
            if name not in _CHOICE and value not in NOTHING:
                choice.members[name] = value

    def _at(self, index: int) -> Choice:
        choice = self._choices.get(index)
        if choice is None:
            if not 0 <= index < _MOST_CHOICES:
                raise ValueError("the choice's index is out of bounds")
            choice = Choice(index, self._tracker, self._origin, self._name)
            self._choices[index] = choice
        return choice


def _only(delta: dict[str, Any]) -> str | None:
    """Return the name of the text that is all *delta* says; see `Choice.delta`."""
    found = None
    for name, value in delta.items():
        if value is None or value == "" or (name == "role" and value == "assistant"):
            continue
        if found is not None or name not in _TEXTS:
            return None
        found = name
    return found


def _alarming(chunk: Json, event: str) -> bool:
    """Tell whether a chunk may be an error; most are not."""
    return (
        "error" in chunk
        or event == "error"
        or type(chunk) is not dict
        or "error" in (chunk.get("object"), chunk.get("type"))
    )


def _usage(chunk: dict[str, Any]) -> Usage | None:
    """Return token counts, which Groq puts in a member of its own as well."""
    json = chunk.get("usage")
    if not json:
        more = chunk.get("x_groq")
        json = more.get("usage") if isinstance(more, dict) else None
        if not json:
            return None
    usage = read_usage(json)
    # Databricks says on each chunk that it does not know yet.
    known = (usage.input, usage.cache_read, usage.output, usage.reasoning)
    return None if known == (None, None, None, None) else usage
