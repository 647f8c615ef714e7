"""
What tools answered: an object here, text and media elsewhere.

Google: "Use "output" key to specify function output and "error" key to specify error
details (if any). If "output" and "error" keys are not specified, then whole
"response" is treated as function output."

Source: https://ai.google.dev/api/caching#FunctionResponse
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Media, Part, Text, ToolResult
from gateway.wire.gemini.leaves import extras_of, own, text_of
from gateway.wire.gemini.media import read_media, write_media
from gateway.wire.json import JSON_SPACE, encode, loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.reply import Json

# Names that clients give to the one text of an answer; that of Google's first.
WRAPS = ("output", "result", "response", "return_value", "content")


def read_result(
    json: dict[str, Json],
    rest: dict[str, Json],
    call_id: Callable[[str], str],
) -> ToolResult:
    """
    Read a ``functionResponse``; careless about its shape.

    One text under a usual name becomes that text, and the name a mark in
    ``extras``; any other object becomes its JSON.

    Args:
        rest: what else is in the part.
    """
    inner = dict(json)
    name, given = text_of(inner, "name") or "", text_of(inner, "id")
    response = inner.pop("response", None)
    media = [read_media(dict(part)) for part in inner.pop("parts", None) or ()]
    left = {k: v for k, v in inner.items() if k not in ("name", "id")}
    if left:
        rest["functionResponse"] = left
    error, texts = False, []
    match response:
        case None:
            rest["none"] = None
        case {"error": str() as words} if len(response) == 1:
            error, texts = True, [Text(words)]
        case dict() if len(response) == 1 and _wrap(response):
            wrap = _wrap(response)
            rest[wrap] = None
            texts = [Text(response[wrap])]
        case _:
            error = isinstance(response, dict) and "error" in response
            texts = [Text(encode(response).decode())]
    parts: tuple[Part, ...] = (*texts, *media)
    result_id, extras = given or call_id(name), extras_of(rest)
    return ToolResult(result_id, parts, name, error, bare=not media, extras=extras)


def _wrap(response: dict[str, Json]) -> str:
    """Return the usual name that the only member has if it is a text."""
    ((name, value),) = response.items()
    return name if name in WRAPS and isinstance(value, str) else ""


def write_result(result: ToolResult, media: bool = True) -> dict[str, Json]:
    """
    Return a ``functionResponse``.

    Args:
        media: write pictures and the like; else its caller puts them elsewhere.
    """
    json: dict[str, Json] = {"name": result.name or ""}
    if result.call_id:
        json["id"] = result.call_id
    members = own(result.extras)
    text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    if "none" not in members:
        json["response"] = _write_response(result, text, members)
    blobs = [part for part in result.parts if isinstance(part, Media)]
    if blobs and media:
        json["parts"] = [write_media(blob) for blob in blobs]
    return json


def _write_response(
    result: ToolResult, text: str, members: dict[str, Json]
) -> dict[str, Json]:
    for wrap in WRAPS:
        if wrap in members:
            return {wrap: text}
    found = _object(text)
    if result.error:
        return found if found and "error" in found else {"error": text}
    return {WRAPS[0]: text} if found is None else found


def _object(text: str) -> dict[str, Json] | None:
    if not text.lstrip(JSON_SPACE).startswith("{"):
        return None
    try:
        found = loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
