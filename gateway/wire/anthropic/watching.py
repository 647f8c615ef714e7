"""
What a ledger can see of answers that pass untouched.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gateway.wire.anthropic.finish import read_finish
from gateway.wire.anthropic.usage import read_usage
from gateway.wire.faults import read_fault
from gateway.wire.json import decode
from gateway.wire.watching import Seen, Watching

if TYPE_CHECKING:
    from gateway.domain.reply import Usage


class _Message(Struct):
    """The members of a message that a ledger wants; all may lie."""

    id: Any = None
    model: Any = None
    stop_reason: Any = None
    stop_sequence: Any = None
    usage: Any = None


class _Event(_Message):
    type: Any = None
    message: _Message | None = None
    delta: _Message | None = None
    error: Any = None


_EVENT = msgspec.json.Decoder(_Event)


def look(data: bytes, event: str = "") -> Seen:
    """
    Read one event's data, or a whole message.

    Raises:
        msgspec.DecodeError: it is no JSON.
    """
    try:
        json = decode(_EVENT, data)
    except msgspec.ValidationError:
        return _fault(data, event)
    if json.error or "error" in (event, json.type):
        return _fault(data, event)
    if json.type == "message_stop":
        return Seen(last=True)
    message = json.message or json
    ending = json.delta or message
    usage = message.usage or json.usage
    word = ending.stop_reason
    return Seen(
        id=message.id if isinstance(message.id, str) else None,
        model=message.model if isinstance(message.model, str) else None,
        finish=(
            {0: read_finish(word, ending.stop_sequence)}
            if word and isinstance(word, str)
            else {}
        ),
        usage=_usage(usage),
    )


def _fault(data: bytes, event: str) -> Seen:
    fault = read_fault(data, event)
    return Seen(fault=fault, last=fault is not None)


def _usage(json: Any) -> Usage | None:
    return read_usage(json) if json and isinstance(json, dict) else None


# With their quotes: inside a JSON string the second one is escaped, so that no
# text can look like one of them.
_MARKS = (b'"message_start"', b'"message_delta"', b'"message_stop"', b'"error"')
_COMMON = b'"message_'


def spots(data: bytes) -> Sequence[int]:
    """Return where in *data* something stands that a ledger may want."""
    # Nearly all events are none of these, which two searches tell.
    if data.find(_COMMON) < 0 and data.find(_MARKS[-1]) < 0:
        return ()
    found: list[int] = []
    for mark in _MARKS:
        at = data.find(mark)
        while at >= 0:
            found.append(at)
            at = data.find(mark, at + len(mark))
    return sorted(found)


WATCHING = Watching(look=look, spots=spots)
