"""
What a candidate and a chunk have beside their parts.

Source: https://ai.google.dev/api/generate-content#candidate
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from gateway.wire.gemini.sources import (
    GROUNDING,
    LISTS,
    read_citations,
    read_grounding,
    write_citations,
    write_grounding,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.domain.parts import Citation
    from gateway.domain.reply import Json

CITATIONS = "citationMetadata"
LOGPROBS = "logprobsResult"
_LISTS = frozenset(LISTS)


def rest_of(candidate: dict[str, Json]) -> dict[str, Json]:
    """Return the members that have no place of their own in the domain."""
    return {
        name: value
        for name, value in candidate.items()
        if name not in ("content", "finishReason", "index")
    }


def take_citations(rest: dict[str, Json], text: str) -> list[Citation]:
    """
    Return the sources that *rest* names, read against *text*.

    Those of ``citationMetadata`` keep their own JSON, so it is taken from *rest*.
    """
    found: list[Citation] = []
    metadata = rest.get(CITATIONS)
    if isinstance(metadata, dict):
        found += read_citations(metadata, text)
        if found and _LISTS.issuperset(metadata):
            del rest[CITATIONS]
    if isinstance(rest.get(GROUNDING), dict):
        found += read_grounding(rest[GROUNDING], text)
    return found


def write_sources(
    citations: Sequence[Citation], text: str, *, grounded: bool
) -> dict[str, Json]:
    """
    Return the members of a candidate that name the sources of *text*.

    Args:
        grounded: the candidate has a ``groundingMetadata`` of its own.
    """
    members: dict[str, Json] = {}
    if metadata := write_citations(citations):
        members[CITATIONS] = metadata
    if not grounded and (metadata := write_grounding(citations, text)):
        members[GROUNDING] = metadata
    return members


def index_of(candidate: dict[str, Json], place: int) -> int:
    """
    Return which candidate it is; that of one alone may be left out.

    Raises:
        TypeError: it is no number.
    """
    index = candidate.get("index", place)
    if type(index) is int and index >= 0:
        return index
    raise TypeError("index is no number")


def created_of(time: Json) -> int | None:
    """Return the unix seconds of a ``createTime``."""
    if not isinstance(time, str):
        return None
    try:
        return int(datetime.fromisoformat(time).timestamp())
    except ValueError:  # Python reads nine digits of a second, and no other form
        return None
