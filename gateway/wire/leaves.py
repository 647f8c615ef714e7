"""Members that may be of any type, read as what they should be or not at all."""

from __future__ import annotations

from typing import Any

# A float, as which some count, holds no larger number exactly.
_MOST = 2**53


def name_of(json: Any, member: str) -> str | None:
    """Return a text that is not empty, or ``None``."""
    value = json.get(member) if isinstance(json, dict) else None
    return value if isinstance(value, str) and value else None


def count_of(json: Any, member: str) -> int | None:
    """Return a number of tokens or characters, or ``None``."""
    value = json.get(member) if isinstance(json, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < _MOST else None


def text_of(value: Any) -> str:
    """
    Return a text as it is.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def word_of(value: Any) -> str:
    """
    Return a text that says something: nobody can run a tool without a name.

    Raises:
        TypeError: it is none.
    """
    if not value:
        raise TypeError("no word")
    return text_of(value)
