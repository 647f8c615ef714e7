"""
Arguments of a call that come piece by piece, each with the place it belongs to.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/
function-calling#streaming-function-call-arguments
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.domain.reply import Json

# The steps of a JSONPath (RFC 9535) that names one place.
_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]]+)
    | \[(?P<index>[0-9]+)\]
    | \['(?P<single>(?:[^'\\]|\\.)*)'\]
    | \["(?P<double>(?:[^"\\]|\\.)*)"\]""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
# A guess at what no model fills; else one index would cost all memory.
_MOST_ITEMS = 100_000


class Arguments:
    """The arguments so far."""

    def __init__(self) -> None:
        self.json: dict[str, Json] = {}

    def add(self, piece: dict[str, Json]) -> None:
        """
        Take one of the ``partialArgs``.

        A text at a place that has one already goes on there.

        Raises:
            ValueError: its ``jsonPath`` names no place.
        """
        steps = _steps(piece["jsonPath"])
        value = _value(piece)
        at: Json = self.json
        for step, following in pairwise(steps):
            at = _enter(at, step, [] if isinstance(following, int) else {})
        last = steps[-1]
        before = _enter(at, last, None)
        if isinstance(before, str) and isinstance(value, str):
            value = before + value
        at[last] = value


def _steps(path: str) -> list[str | int]:
    if not path.startswith("$"):
        raise ValueError("a jsonPath must begin with $")
    steps: list[str | int] = []
    end = 1
    for found in _STEP.finditer(path, 1):
        if found.start() != end:
            break
        end = found.end()
        if found["index"] is not None:
            steps.append(int(found["index"]))
        else:
            quoted = found["single"] or found["double"] or ""
            steps.append(found["name"] or _ESCAPE.sub(r"\1", quoted))
    if end != len(path) or not steps:
        raise ValueError("a jsonPath that names no single place")
    return steps


def _value(piece: dict[str, Json]) -> Json:
    for name in ("stringValue", "numberValue", "boolValue"):
        if name in piece:
            return piece[name]
    return None


def _enter(at: Json, step: str | int, empty: Json) -> Json:
    """Return what is at *step*, which is *empty* if nothing was there."""
    fits = isinstance(at, list if isinstance(step, int) else dict)
    if not fits or (isinstance(step, int) and step > _MOST_ITEMS):
        raise ValueError("a jsonPath that does not fit what came before")
    if isinstance(step, int):
        at.extend([None] * (step + 1 - len(at)))
    elif step not in at:
        at[step] = None
    if at[step] is None:
        at[step] = empty
    return at[step]
