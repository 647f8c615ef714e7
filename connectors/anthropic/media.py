"""
Pictures and documents, from the domain to the provider's ``source``.

Source: https://platform.claude.com/docs/en/build-with-claude/vision and
https://platform.claude.com/docs/en/build-with-claude/pdf-support
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, dropped, refused
from gateway.wire.anthropic import own

if TYPE_CHECKING:
    from gateway.domain.parts import Media
    from gateway.domain.reply import Json

PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
# How these begin, in base64; some callers do not say what they send.
_MAGIC = {
    "/9j/": "image/jpeg",
    "iVBORw": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}


def write_media(
    media: Media, at: str, *, mine: bool
) -> tuple[dict[str, Json] | None, list[Loss]]:
    """
    Return the block, or ``None``, and what could not be said.

    Args:
        mine: the request was of this very dialect, which names its own files.
    """
    if media.kind not in ("image", "file"):
        return None, [refused(at, f"Anthropic takes no {media.kind}")]
    source = _source(media, mine=mine)
    if isinstance(source, str):
        return None, [refused(at, source)]
    members = own(media.extras)
    source |= members.get("source") or {}
    block: dict[str, Json] = {"type": "image", **members, "source": source}
    losses = []
    if media.kind == "file":
        block["type"] = "document"
        if media.name is not None:
            block["title"] = media.name
    if media.detail not in (None, "auto"):
        losses.append(dropped(f"{at}.detail", "Anthropic looks as it likes"))
    return block, losses


def _source(media: Media, *, mine: bool) -> dict[str, Json] | str:
    """Return the source, or why there can be none."""
    if media.url is not None:
        if mine or media.url.startswith(("https:", "http:")):
            return {"type": "url", "url": media.url}
        return "Anthropic fetches from web addresses only"
    if not media.data:
        if mine and media.file_id is not None:
            return {"type": "file", "file_id": media.file_id}
        return "the file is stored with another provider"
    media_type = media.media_type or _guessed(media.data)
    known = PICTURES if media.kind == "image" else ("application/pdf",)
    plain = media_type is not None and media_type.startswith("text/")
    if media.kind == "file" and plain:
        return _text(media, media_type or "", mine=mine)
    if mine or media_type in known:
        return {"type": "base64", "media_type": media_type, "data": media.data}
    return f"Anthropic takes {', '.join(known)} and no other"


def _guessed(data: str) -> str | None:
    return next(
        (kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None
    )


def _text(media: Media, media_type: str, *, mine: bool) -> dict[str, Json] | str:
    try:
        text = base64.b64decode(media.data).decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        return "a text file that is not UTF-8"
    kind = media_type if mine else "text/plain"
    return {"type": "text", "media_type": kind, "data": text}
