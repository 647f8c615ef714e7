"""
The list of models, in the shape that a caller's SDK expects.

Sources: https://platform.openai.com/docs/api-reference/models/list,
https://docs.anthropic.com/en/api/models-list, https://ai.google.dev/api/models
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.dialects import ANTHROPIC, GEMINI
from gateway.domain.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.domain.reply import Json
    from gateway.routes import Listed

MOST = 1000
ANTHROPIC_PAGE = 20
GEMINI_PAGE = 50
# Anthropic's own value where a model's release is not known.
UNKNOWN_DATE = "1970-01-01T00:00:00Z"
# What the gateway offers for each model: it does not know what the model can do.
METHODS = (
    *("generateContent", "streamGenerateContent", "countTokens"),
    *("embedContent", "batchEmbedContents"),
)


def write_list(
    dialect: str, listed: Sequence[Listed], query: Mapping[str, str], created: int
) -> Json:
    """
    Return the list, or the page of it that *query* asks for.

    Args:
        created: unix seconds, where a date must be given.

    Raises:
        InvalidRequestError: there is no such page.
    """
    if dialect == ANTHROPIC:
        return _anthropic_page([write_model(dialect, one, 0) for one in listed], query)
    if dialect == GEMINI:
        return _gemini_page([write_model(dialect, one, 0) for one in listed], query)
    rows = [write_model(dialect, one, created) for one in listed]
    return {"object": "list", "data": rows}


def write_model(dialect: str, listed: Listed, created: int) -> dict[str, Json]:
    if dialect == ANTHROPIC:
        return {
            "type": "model",
            "id": listed.id,
            "display_name": listed.id,
            "created_at": UNKNOWN_DATE,
        }
    if dialect == GEMINI:
        return {
            "name": f"models/{listed.id}",
            "version": "",
            "displayName": listed.id,
            "description": f"answered by {listed.owner}",
            "supportedGenerationMethods": list(METHODS),
        }
    return {
        "id": listed.id,
        "object": "model",
        "created": created,
        "owned_by": listed.owner,
    }


def _anthropic_page(rows: list[dict[str, Any]], query: Mapping[str, str]) -> Json:
    limit = _number(query, "limit", ANTHROPIC_PAGE)
    ids = [row["id"] for row in rows]
    start, end = 0, len(rows)
    if (after := query.get("after_id")) is not None:
        start = _place(ids, after, "after_id") + 1
        end = min(end, start + limit)
        more = end < len(rows)
    elif (before := query.get("before_id")) is not None:
        end = _place(ids, before, "before_id")
        start = max(0, end - limit)
        more = start > 0
    else:
        end = min(end, limit)
        more = end < len(rows)
    page = rows[start:end]
    return {
        "data": page,
        "has_more": more,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _gemini_page(rows: list[dict[str, Any]], query: Mapping[str, str]) -> Json:
    size = _number(query, "pageSize", GEMINI_PAGE)
    token = query.get("pageToken") or "0"
    if not (token.isascii() and token.isdigit() and int(token) <= len(rows)):
        raise InvalidRequestError("pageToken is not one of ours", param="pageToken")
    start = int(token)
    json: dict[str, Json] = {"models": rows[start : start + size]}
    if start + size < len(rows):
        json["nextPageToken"] = str(start + size)
    return json


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1):
        raise InvalidRequestError(f"{name} must be a number from 1", param=name)
    return min(int(text[:9]), MOST)


def _place(ids: list[str], name: str, member: str) -> int:
    try:
        return ids.index(name)
    except ValueError as exc:
        raise InvalidRequestError(
            f"{member} is not the id of a model here", param=member
        ) from exc
