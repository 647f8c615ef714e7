"""
Whether an answer is what the upstream said: a proxy that loses something cannot win.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from bench import canned, speech

if TYPE_CHECKING:
    from bench.plan import Plan

# What finds fault with an answer, and says ``None`` if there is none.
Check: TypeAlias = Callable[[bytes], "str | None"]

_TELLTALE = canned.WORDS[-1].encode()  # said once in as many words
_ENDS = {
    "openai_chat": b"[DONE]",
    "anthropic": b'"message_stop"',
    "openai_responses": b'"response.completed"',
}


def checker(plan: Plan) -> Check:
    """Return the strictest check that *plan* allows."""
    kind, *more = plan.script.split()
    if kind != "burst":
        return _Exact(canned.reply()) if plan.exact else _worded(b"}", 13)
    if plan.dialect is None and plan.exact:
        return _Exact(b"".join(canned.events(int(more[0]))))
    dialect = plan.dialect or "openai_chat"
    words = plan.words or int(more[0]) - 4
    strange = _worded(_ENDS[dialect], words // len(canned.WORDS))
    return _Translated(dialect, words, strange) if plan.exact else strange


class _Exact:
    def __init__(self, said: bytes) -> None:
        self._said = said

    def __call__(self, got: bytes) -> str | None:
        if got == self._said:
            return None
        return f"expected {len(self._said)} bytes, got {len(got)}: {got[-200:]!r}"


def _worded(end: bytes, telltales: int) -> Check:
    """Accept other gateways' own words, if they say all of it and end as one must."""

    def find_fault(got: bytes) -> str | None:
        if end in got[-6000:] and got.count(_TELLTALE) >= telltales:
            return None
        return f"expected a whole answer, got {len(got)} bytes: {got[-200:]!r}"

    return find_fault


class _Translated:
    """
    Reads the first answer word by word; of the others the events and words are counted.

    To read them all would cost the load generator more than a gateway needs.
    """

    def __init__(self, dialect: str, words: int, worded: Check) -> None:
        self._dialect = dialect
        self._text = "".join(speech.spoken(words))
        self._worded = worded
        self._events = 0

    def __call__(self, got: bytes) -> str | None:
        events = got.count(b"data: ")
        if not self._events:
            text = text_of(self._dialect, got)
            if text != self._text:
                return f"expected {self._text[-80:]!r} at last, got {text[-80:]!r}"
            self._events = events
        if events != self._events:
            return f"expected {self._events} events, got {events}"
        return self._worded(got)


def text_of(dialect: str, stream: bytes) -> str:
    """Return the words of a whole stream in the client's *dialect*."""
    pieces = []
    for line in stream.splitlines():
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line.removeprefix(b"data: "))
        match dialect, event:
            case "openai_chat", {"choices": [{"delta": {"content": str(text)}}]}:
                pieces.append(text)
            case "anthropic", {"delta": {"type": "text_delta", "text": text}}:
                pieces.append(text)
            case "openai_responses", {
                "type": "response.output_text.delta",
                "delta": text,
            }:
                pieces.append(text)
    return "".join(pieces)
