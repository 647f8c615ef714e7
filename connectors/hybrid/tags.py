"""
Finds marks in a text that comes in pieces, such as ``</think>``.

Models that are served without a parser of their own write their thoughts into the
answer: between tags that their chat templates teach them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = ("think", "thinking", "thought", "reasoning")
OPENING = tuple(f"<{name}>" for name in _NAMES)
CLOSING = tuple(f"</{name}>" for name in _NAMES)


class Scanner:
    """
    Cuts text at marks, in whatever case they are written.

    Args:
        marks: one at least, none of them empty.
    """

    def __init__(self, marks: Iterable[str]) -> None:
        self._marks = tuple(mark.lower() for mark in marks)
        longest_first = sorted(self._marks, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(pattern, re.IGNORECASE)
        self._longest = len(longest_first[0])
        self._held = ""

    def feed(self, text: str) -> Iterator[tuple[str, str]]:
        """
        Yield pairs of text and the mark that follows it, in small letters.

        The mark is empty where none follows yet. What may be the beginning of one
        is kept back.
        """
        text, self._held = self._held + text, ""
        at = 0
        for found in self._pattern.finditer(text):
            yield text[at : found.start()], found[0].lower()
            at = found.end()
        kept = self._beginning(text[at:])
        end = len(text) - kept
        self._held = text[end:]
        if at < end:
            yield text[at:end], ""

    def flush(self) -> str:
        """Return what was kept back, where nothing follows."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """Return how many of the last characters may begin a mark."""
        for size in range(min(len(text), self._longest - 1), 0, -1):
            tail = text[-size:].lower()
            if any(mark.startswith(tail) for mark in self._marks):
                return size
        return 0
