"""
Pictures, documents, films and sounds, as Converse's blocks.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
(ImageBlock, DocumentBlock, VideoBlock, AudioBlock)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.domain.loss import approximate, dropped, refused

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.parts import Media
    from gateway.domain.reply import Json

# Media type to format, by the block's name.
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS: dict[str, dict[str, str]] = {
    "image": {
        "image/png": "png",
        "image/jpeg": "jpeg",
        "image/jpg": "jpeg",
        "image/gif": "gif",
        "image/webp": "webp",
    },
    "document": {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        _WORD: "docx",
        "application/vnd.ms-excel": "xls",
        _EXCEL: "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    },
    "video": {
        "video/x-matroska": "mkv",
        "video/quicktime": "mov",
        "video/mp4": "mp4",
        "video/webm": "webm",
        "video/x-flv": "flv",
        "video/mpeg": "mpeg",
        "video/x-ms-wmv": "wmv",
        "video/3gpp": "three_gp",
    },
    "audio": {
        "audio/mpeg": "mp3",
        "audio/mp3": "mp3",
        "audio/opus": "opus",
        "audio/wav": "wav",
        "audio/x-wav": "wav",
        "audio/aac": "aac",
        "audio/flac": "flac",
        "audio/mp4": "mp4",
        "audio/ogg": "ogg",
        "audio/webm": "webm",
    },
}
BLOCKS = {"image": "image", "file": "document", "video": "video", "audio": "audio"}
# How these begin, in base64; some callers do not say what they send.
_MAGIC = {
    "/9j/": "jpeg",
    "iVBORw": "png",
    "R0lGOD": "gif",
    "UklGR": "webp",
    "JVBERi": "pdf",
}
# What may not stand in a document's name; of spaces not more than one in a row.
_NO_NAME = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")
_SPACES = re.compile(r"\s+")
_LONGEST_NAME = 200


def write_media(media: Media, at: str, losses: list[Loss]) -> dict[str, Json] | None:
    """Return the block; ``None``, with a loss, if there can be none."""
    block = BLOCKS[media.kind]
    kind = _format(media, block)
    source = _source(media)
    if kind is None:
        known = ", ".join(sorted(set(FORMATS[block].values())))
        losses.append(refused(at, f"of this kind Bedrock takes {known}"))
        return None
    if source is None:
        losses.append(refused(at, "Bedrock takes media as data or from S3"))
        return None
    if media.detail not in (None, "auto"):
        losses.append(dropped(f"{at}.detail", "Bedrock looks as it likes"))
    members: dict[str, Json] = {"format": kind, "source": source}
    if block == "document":
        members["name"] = _name(media, kind, at, losses)
    return {block: members}


def _format(media: Media, block: str) -> str | None:
    formats = FORMATS[block]
    said = (media.media_type or "").partition(";")[0].strip().lower()
    if said in formats:
        return formats[said]
    guess = next((k for m, k in _MAGIC.items() if media.data.startswith(m)), None)
    if not said and guess in formats.values():
        return guess
    ending = (media.name or media.url or "").rpartition(".")[2].lower()
    if ending in formats.values():
        return ending
    # Source code and the like, which no format is named after.
    return "txt" if block == "document" and said.startswith("text/") else None


def _source(media: Media) -> dict[str, Json] | None:
    if media.data:
        return {"bytes": media.data}
    if media.url is not None and media.url.startswith("s3://"):
        return {"s3Location": {"uri": media.url}}
    return None


def _name(media: Media, kind: str, at: str, losses: list[Loss]) -> str:
    """Return a name as Bedrock takes it, which wants one."""
    if not media.name:
        return "document"
    stem = media.name.removesuffix(f".{kind}")
    name = _SPACES.sub(" ", _NO_NAME.sub(" ", stem)).strip()[:_LONGEST_NAME]
    if name != stem:
        why = "Bedrock takes letters, digits, spaces, hyphens and brackets"
        losses.append(approximate(f"{at}.name", why))
    return name or "document"
