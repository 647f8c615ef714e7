"""
Media in a request: what Google fetches, and what it must be told of it.

Source: https://ai.google.dev/gemini-api/docs/file-input-methods
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import evolve

from connectors.gemini.models import fetches_urls
from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.wire.gemini import own

if TYPE_CHECKING:
    from gateway.domain.parts import Media

_TYPES = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "csv": "text/csv",
    "flac": "audio/flac",
    "gif": "image/gif",
    "heic": "image/heic",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/m4a",
    "md": "text/markdown",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}
# A guess where nobody said: the commonest of each kind.
_COMMON = {
    "image": "image/jpeg",
    "audio": "audio/wav",
    "video": "video/mp4",
    "file": "application/pdf",
}


def fit(media: Media, model: str, path: str) -> tuple[Media | None, list[Loss]]:
    """Return *media* as Google takes it; ``None`` if it does not."""
    losses: list[Loss] = []
    if (why := _unreachable(media, model)) is not None:
        return None, [refused(path, why)]
    if media.detail not in (None, "auto"):
        losses.append(dropped(f"{path}.detail", "Gemini sets it for the whole request"))
    if media.transcript:
        losses.append(dropped(f"{path}.transcript", "Gemini's sounds have none"))
    if media.media_type is None and "fileData" not in own(media.extras):
        media_type = _TYPES.get(_ending(media))
        if media_type is None and media.url is not None and _is_video_page(media.url):
            return media, losses
        if media_type is None:
            media_type = _COMMON[media.kind]
            losses.append(approximate(f"{path}.media_type", "nobody said it: a guess"))
        media = evolve(media, media_type=media_type)
    return media, losses


def _unreachable(media: Media, model: str) -> str | None:
    if media.data:
        return None
    if media.file_id is not None:
        ours = "fileData" in own(media.extras)
        return None if ours else "the file is stored at another provider"
    if media.url is None:
        return "there is neither data nor an address"
    if not media.url.startswith("https://"):
        return "Gemini fetches only what is on the web, by https"
    if _is_video_page(media.url) or fetches_urls(model):
        return None
    return "this model fetches nothing from the web"


def _is_video_page(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in ("youtu.be", "youtube.com", "www.youtube.com")


def _ending(media: Media) -> str:
    try:
        path = media.name or urlsplit(media.url or "").path
    except ValueError:
        return ""
    return path.rpartition(".")[2].lower()
