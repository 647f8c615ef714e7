"""
What the models of one generation take and those of another do not.

Only the name tells; a name that says nothing counts as the newest.
"""

from __future__ import annotations

import re

_GEMINI = re.compile(r"gemini-(?:[a-z-]+-)?([0-9]+)(?:\.([0-9]+))?")
_NEWEST = (99, 0)


def generation(model: str) -> tuple[int, int]:
    """Return such as ``(2, 5)``; ``gemini-flash-latest`` is the newest."""
    found = _GEMINI.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def has_levels(model: str) -> bool:
    """
    Tell whether it thinks by levels; older ones think by budgets.

    Source: https://ai.google.dev/gemini-api/docs/thinking
    """
    return generation(model) >= (3, 0)


def levels(model: str) -> tuple[str, ...]:
    """Return the levels, the least first, that it takes."""
    if "pro" not in model:
        return ("minimal", "low", "medium", "high")
    return ("low", "high") if generation(model) == (3, 0) else ("low", "medium", "high")


def asks_for_seals(model: str) -> bool:
    """
    Tell whether it refuses calls in the history without a seal.

    Source: https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    return generation(model) >= (3, 0)


def sees_results(model: str) -> bool:
    """
    Tell whether a tool's result may hold pictures.

    Source: https://ai.google.dev/gemini-api/docs/function-calling
    """
    return generation(model) >= (3, 0)


def fetches_urls(model: str) -> bool:
    """
    Tell whether it takes media from anywhere on the web.

    Source: https://ai.google.dev/gemini-api/docs/file-input-methods
    """
    return generation(model) >= (2, 5)
