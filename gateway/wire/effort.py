"""
How much to think: words on one side, tokens on the other.

No provider documents a conversion. The numbers are those that Google's
compatible endpoint gives for OpenAI's words, rounded up where it has none: a
guess, and every use of it is reported as approximate.

Source: https://ai.google.dev/gemini-api/docs/openai#thinking
"""

from __future__ import annotations

BUDGETS = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 32768,
    "max": 65536,
}
_WORDS = ((0, "none"), (2048, "low"), (12288, "medium"))


def budget_of(effort: str) -> int | None:
    """Return tokens for a word; ``None`` for an unknown one."""
    return BUDGETS.get(effort)


def effort_of(budget: int) -> str:
    """Return the nearest of the words that every dialect with words knows."""
    for most, word in _WORDS:
        if budget <= most:
            return word
    return "high"
