"""
Custom tools that the model was offered as functions: its calls, as they were meant.

Backends that know functions only are told of a custom tool as a function with one
argument (see `gateway.domain.custom`), and answer with calls of it. Who offered a
custom tool waits for the text. Where none was offered, nothing of this runs.

Source: https://platform.openai.com/docs/guides/function-calling#custom-tools
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.custom import FREE_TEXT
from gateway.domain.events import BlockEnd, BlockStart, Event, ToolInputDelta
from gateway.domain.parts import ToolCall
from gateway.domain.request import Tool
from gateway.wire.json import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from gateway.domain.parts import Part
    from gateway.domain.reply import Json, Reply
    from gateway.fronts.base import Context, Rendered, Writer

_SPACE = r"[ \t\r\n]*"
_NAME = rf'"{FREE_TEXT}"'


def _any_beginning(text: str) -> str:
    """Return a pattern for whatever *text* may begin with."""
    pattern = ""
    for char in reversed(text):
        pattern = f"(?:{re.escape(char)}{pattern})?"
    return pattern


# How the arguments begin where the text is their first member, and how they may
# have begun so far.
_BEGIN = re.compile(rf'{_SPACE}\{{{_SPACE}{_NAME}{_SPACE}:{_SPACE}"')
_MAY_BEGIN = re.compile(
    rf"{_SPACE}(?:\{{{_SPACE}(?:{_NAME}{_SPACE}(?::{_SPACE})?|{_any_beginning(_NAME)}))?"
)
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_TOKEN = re.compile(
    rf'[^"\\]+|{_HIGH}{_LOW}|\\u[0-9a-fA-F]{{4}}|\\.',
    re.DOTALL,
)
# What may still become an escape, or the other half of a pair.
_HALF = re.compile(rf"(?:{_HIGH})?\\(?:u[0-9a-fA-F]{{0,3}})?|{_HIGH}")
_NAMED = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))


class _At(Enum):
    """Where in the arguments we are; ``ELSEWHERE``: they do not begin as told."""

    BEGINNING = "beginning"
    TEXT = "text"
    END = "end"
    ELSEWHERE = "elsewhere"


class Unwrapping:
    """
    Takes the text out of a function's arguments while they come.

    Arguments that begin otherwise than with the text are gathered and read at
    their end; if they hold none, they are the text as they came. What has been
    told cannot be taken back: of two texts the first counts, and an escape that
    JSON does not have stays as the model wrote it.
    """

    def __init__(self) -> None:
        self._at = _At.BEGINNING
        self._held = ""
        self._gathered: list[str] = []

    def feed(self, piece: str) -> str:
        """Return what of the text *piece* brings."""
        match self._at:
            case _At.TEXT:
                return self._text(self._held + piece)
            case _At.BEGINNING:
                return self._beginning(self._held + piece)
            case _At.ELSEWHERE:
                self._gathered.append(piece)
        return ""

    def end(self) -> str:
        """
        Return the rest, now that the arguments are complete.

        Half an escape says nothing: then the model was stopped.
        """
        if self._at in (_At.TEXT, _At.END):
            return ""
        return _found("".join((self._held, *self._gathered)))

    def _beginning(self, begun: str) -> str:
        found = _BEGIN.match(begun)
        if found is not None:
            self._at = _At.TEXT
            return self._text(begun[found.end() :])
        self._held = begun
        if _MAY_BEGIN.fullmatch(begun) is None:
            self._at = _At.ELSEWHERE
        return ""

    def _text(self, json: str) -> str:
        texts, at = [], 0
        while (token := _TOKEN.match(json, at)) and not _HALF.fullmatch(json, at):
            texts.append(_unescaped(token.group()))
            at = token.end()
        self._held = json[at:]
        if self._held.startswith('"'):
            self._at = _At.END
        return "".join(texts)


def _unescaped(token: str) -> str:
    if token[0] != "\\":
        return token
    if len(token) == len(r"\n"):
        return _NAMED.get(token[1], token)
    first, *rest = (int(unit, 16) for unit in token[2:].split(r"\u"))
    if not rest:
        return chr(first)
    return chr(0x10000 + ((first - 0xD800) << 10) + (rest[0] - 0xDC00))


def _found(arguments: str) -> str:
    try:
        json: Json = loads(arguments)
    except ValueError:
        return arguments
    text = json.get(FREE_TEXT) if isinstance(json, dict) else None
    return text if isinstance(text, str) else arguments


def unwrapped(arguments: str) -> str:
    """Return the text that whole *arguments* hold, just as a stream brings it."""
    unwrapping = Unwrapping()
    return unwrapping.feed(arguments) + unwrapping.end()


def names_of(context: Context) -> frozenset[str]:
    """Return the names of the custom tools that the client offered."""
    if context.request is None:
        return frozenset()
    tools = [tool for tool in context.request.tools if isinstance(tool, Tool)]
    functions = {tool.name for tool in tools if not tool.custom}
    return frozenset(tool.name for tool in tools if tool.custom) - functions


def _is_meant(part: Part, names: Collection[str]) -> bool:
    return isinstance(part, ToolCall) and part.name in names and not part.custom


# -- whole answers


def writing(
    write: Callable[[Reply, Context], Rendered],
) -> Callable[[Reply, Context], Rendered]:
    """Return *write* for answers that may call custom tools as functions."""

    def write_reply(reply: Reply, context: Context) -> Rendered:
        names = names_of(context)
        return write(_reply(reply, names) if names else reply, context)

    return write_reply


def _reply(reply: Reply, names: Collection[str]) -> Reply:
    choices = (
        evolve(choice, parts=tuple(_part(part, names) for part in choice.parts))
        for choice in reply.choices
    )
    return evolve(reply, choices=tuple(choices))


def _part(part: Part, names: Collection[str]) -> Part:
    if isinstance(part, ToolCall) and _is_meant(part, names):
        return evolve(part, custom=True, input=unwrapped(part.input))
    return part


# -- streams


def streaming(make: Callable[[Context], Writer]) -> Callable[[Context], Writer]:
    """Return *make* for streams that may call custom tools as functions."""

    def writer(context: Context) -> Writer:
        names = names_of(context)
        return CustomWriter(make(context), names) if names else make(context)

    return writer


class CustomWriter:
    """A `gateway.fronts.base.Writer` that hands on what another one writes."""

    def __init__(self, writer: Writer, names: Collection[str]) -> None:
        self.losses = writer.losses
        self.result = writer.result
        self._writer = writer
        self._names = names
        self._open: dict[int, Unwrapping] = {}

    def feed(self, events: Iterable[Event]) -> bytes:
        frames = self._writer.feed(self._meant(events))
        self.result = self._writer.result
        return frames

    def _meant(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            match event:
                case BlockStart(part=ToolCall() as call) if _is_meant(
                    call, self._names
                ):
                    self._open[event.block] = Unwrapping()
                    yield evolve(event, part=evolve(call, custom=True))
                case ToolInputDelta(block=block) if block in self._open:
                    yield from _delta(block, self._open[block].feed(event.text))
                case BlockEnd(block=block) if block in self._open:
                    yield from _delta(block, self._open.pop(block).end())
                    yield event
                case _:
                    yield event


def _delta(block: int, text: str) -> Iterator[Event]:
    if text:
        yield ToolInputDelta(block, text)
