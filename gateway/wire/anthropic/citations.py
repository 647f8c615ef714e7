"""
Sources of what a text says.

Source: https://platform.claude.com/docs/en/build-with-claude/citations
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Citation
from gateway.wire.anthropic.names import optional, own

if TYPE_CHECKING:
    from gateway.domain.reply import Json

_WEB = "web_search_result_location"


def read_citation(json: dict[str, Json]) -> Citation:
    """
    Read a citation of any kind.

    Its positions are in the source, not in the text that it stands behind: they
    stay among the provider's own members.
    """
    source = json.get("source")
    by_source = isinstance(source, str) and source.startswith(("http:", "https:"))
    return Citation(
        url=optional(json.get("url")) or (source if by_source else None),
        title=optional(json.get("title")) or optional(json.get("document_title")),
        quote=optional(json.get("cited_text")),
        extras={"anthropic": json},
    )


def write_citation(citation: Citation) -> dict[str, Json] | None:
    """
    Return the provider's own object, or that of a page for one with a URL.

    ``None``: this dialect cannot name the source. The index is what the provider
    knows a search result by; clients' types require it, and an empty one tells
    that the citation is not its own.
    """
    if json := own(citation.extras):
        return json
    if citation.url is None:
        return None
    return {
        "type": _WEB,
        "cited_text": citation.quote or "",
        "url": citation.url,
        "title": citation.title,
        "encrypted_index": "",
    }


def is_foreign(json: dict[str, Json]) -> bool:
    """Tell what `write_citation` made up; the provider would refuse it."""
    return json.get("type") == _WEB and json.get("encrypted_index") == ""
