"""
Pictures, sounds, films and files: in the request, or where a URI says.

Source: https://ai.google.dev/gemini-api/docs/file-input-methods
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Media, Signature
from gateway.wire.gemini.leaves import extras_of, text_of

if TYPE_CHECKING:
    from gateway.domain.parts import Extras, MediaKind
    from gateway.domain.reply import Json

_KINDS: tuple[MediaKind, ...] = ("image", "audio", "video")
_MEMBERS = frozenset({"mimeType", "displayName", "data", "fileUri"})
# What was stored at Google's, and is of use to nobody else.
_GOOGLES = ("https://generativelanguage.googleapis.com/", "gs://")


def read_media(rest: dict[str, Json], signature: Signature | None = None) -> Media:
    """Read the part *rest*, which has ``inlineData`` or ``fileData``."""
    if rest.get("inlineData") is not None:
        blob = dict(rest.pop("inlineData"))
        kind, media_type, name, extras = _read_blob(blob, rest, "inlineData")
        data = standard(text_of(blob, "data") or "")
        return Media(
            kind, media_type, data, name=name, signature=signature, extras=extras
        )
    blob = dict(rest.pop("fileData"))
    uri = text_of(blob, "fileUri") or ""
    googles = uri.startswith(_GOOGLES)
    if googles:
        rest["fileData"] = None
    kind, media_type, name, extras = _read_blob(blob, rest, "fileData")
    return Media(
        kind,
        media_type,
        url=None if googles else uri,
        file_id=uri if googles else None,
        name=name,
        signature=signature,
        extras=extras,
    )


def _read_blob(
    blob: dict[str, Json], rest: dict[str, Json], member: str
) -> tuple[MediaKind, str | None, str | None, Extras]:
    media_type, name = text_of(blob, "mimeType"), text_of(blob, "displayName")
    left = {k: v for k, v in blob.items() if k not in _MEMBERS}
    if left:
        rest[member] = left
    return kind_of(media_type), media_type, name, extras_of(rest)


def kind_of(media_type: str | None) -> MediaKind:
    for kind in _KINDS:
        if media_type is not None and media_type.startswith(kind):
            return kind
    return "file"


def standard(data: str) -> str:
    """Return base64 in its usual alphabet; Google reads that for URLs as well."""
    return data.replace("-", "+").replace("_", "/")


def write_media(media: Media) -> dict[str, Json]:
    name = {} if media.name is None else {"displayName": media.name}
    kind = {} if media.media_type is None else {"mimeType": media.media_type}
    if media.data:
        return {"inlineData": {**kind, "data": media.data, **name}}
    uri = media.file_id or media.url
    return {"fileData": {**kind, "fileUri": uri, **name}}
