"""What a ledger can see of the dialect in answers that pass untouched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gateway.wire import jsonsplice
from gateway.wire.faults import read_fault
from gateway.wire.json import decode
from gateway.wire.openai_chat.names import read_finish
from gateway.wire.openai_chat.usage import read_usage
from gateway.wire.watching import Seen, Watching

if TYPE_CHECKING:
    from gateway.domain.reply import Finish, Usage


class SniffedChoice(Struct):
    """The members of a choice that a ledger wants."""

    index: Any = None
    finish_reason: Any = None


class Sniffed(Struct):
    """The members of a chunk or reply that a ledger wants; all may lie."""

    id: Any = None
    object: Any = None
    model: Any = None
    choices: list[SniffedChoice] | None = None
    usage: Any = None
    error: Any = None
    type: Any = None
    x_groq: Any = None

    def finishes(self) -> dict[int, Finish]:
        """Return how choices ended, by their index; Snowflake writes ``""``."""
        return {
            c.index if isinstance(c.index, int) else i: read_finish(c.finish_reason)
            for i, c in enumerate(self.choices or ())
            if c.finish_reason and isinstance(c.finish_reason, str)
        }

    def tokens(self) -> Usage | None:
        """Return the token counts, which Groq hides in a member of its own."""
        usage = self.usage
        if not usage and isinstance(self.x_groq, dict):
            usage = self.x_groq.get("usage")
        return read_usage(usage) if usage and isinstance(usage, dict) else None


_SNIFFED = msgspec.json.Decoder(Sniffed)


def sniff(data: bytes) -> Sniffed | None:
    """
    Read the few members of *data* (one JSON object) that a ledger wants.

    ``None``: it is JSON, but no object of this dialect.

    Raises:
        msgspec.DecodeError: not JSON.
    """
    try:
        return decode(_SNIFFED, data)
    except msgspec.ValidationError:
        return None


_FINISH = re.compile(rb'"finish_reason"\s*+:\s*+"')
_USAGE = re.compile(rb'"usage"\s*+:\s*+\{')
_MARKS = (_FINISH, _USAGE, re.compile(rb'"error"'), re.compile(rb"\[DONE\]"))


def spots(data: bytes) -> Sequence[int]:
    """
    Return where in *data* something stands that a ledger may want.

    Quotes inside a JSON string are escaped, so a text cannot look like a
    member; a nested member can, which costs a needless look.
    """
    # One pattern for all would be several times slower than these four.
    found: list[int] = []
    for mark in _MARKS:
        if (first := mark.search(data)) is not None:
            found += [m.start() for m in mark.finditer(data, first.start())]
    return sorted(found) if found else ()


ALARM = b'"error"'
_NO_FINISH = b'"finish_reason":null'
# What follows the finish reason; longer, and events hardly end alike.
_LONGEST_ENDING = 200


def ending(data: bytes) -> bytes:
    """
    Return how the last event of *data* ends, if that is with no finish reason.

    With one choice an event, whatever ends so tells a ledger nothing, unless
    there is an error in it.
    """
    at = data.rfind(_NO_FINISH)
    if at < 0 or len(data) - at > _LONGEST_ENDING or _USAGE.search(data, at):
        return b""
    return data[at:]


def look(data: bytes, event: str = "") -> Seen:
    """
    Return what a ledger wants of one event's *data*, or of a whole answer.

    Raises:
        msgspec.DecodeError: it is neither JSON nor ``[DONE]``.
    """
    if data.strip() == b"[DONE]":
        return Seen(last=True)
    seen = sniff(data)
    if seen is None:
        return Seen(fault=read_fault(data, event))
    fault = None
    if seen.error or "error" in (event, seen.object, seen.type):
        fault = read_fault(data, event)
    return Seen(
        _word(seen.id),
        _word(seen.model),
        {} if fault else seen.finishes(),
        seen.tokens(),
        fault,
    )


def _word(json: Any) -> str | None:
    return json if json and isinstance(json, str) else None


# Servers without ``[DONE]`` are many: a finish reason for each choice will do.
WATCHING = Watching(look, spots, ending, ALARM, finishes=True)


def asking_for_usage(body: bytes) -> bytes:
    """Return the request *body*, asking for token counts at the stream's end."""
    options = b"{}"
    for name, _, (start, end) in jsonsplice.members(body):
        if name == "stream_options":
            options = body[start:end] if body.startswith(b"{", start) else b"{}"
    options = jsonsplice.replace(options, "include_usage", b"true")
    return jsonsplice.replace(body, "stream_options", options)
