"""How a key is sent to a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.plugin import Auth, Headers


def bearer(key: str) -> Headers:
    """Source: RFC 6750, section 2.1."""
    return {"Authorization": f"Bearer {key}"}


def api_key_header(name: str) -> Auth:
    """
    Return what sends the key, as it is, in a header called *name*.

    Source: https://docs.anthropic.com/en/api/overview (``x-api-key``),
    https://ai.google.dev/api (``x-goog-api-key``).
    """

    def header(key: str) -> Headers:
        return {name: key}

    return header
