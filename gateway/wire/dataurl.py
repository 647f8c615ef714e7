"""
Media inside a URL.

Source: https://www.rfc-editor.org/rfc/rfc2397
"""

from __future__ import annotations

_SCHEME = "data:"
_BASE64 = ";base64,"


def read_data_url(url: str) -> tuple[str | None, str] | None:
    """
    Return media type and base64 text of *url*, or ``None`` if it is another.

    The type keeps its parameters, so that writing it back gives the same URL. A
    data URL that is not base64 counts as another: nobody sends media that way.
    """
    head, found, data = url.partition(_BASE64)
    if not found or not head.startswith(_SCHEME):
        return None
    return head[len(_SCHEME) :] or None, data


def write_data_url(media_type: str | None, data: str) -> str:
    return f"{_SCHEME}{media_type or ''}{_BASE64}{data}"
