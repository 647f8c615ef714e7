"""How a key is sent to a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.plugin import Headers


def bearer(key: str) -> Headers:
    """Source: RFC 6750, section 2.1."""
    return {"Authorization": f"Bearer {key}"}
