from __future__ import annotations

from connectors.auth import api_key_header, bearer


def test_bearer() -> None:
    assert bearer("sk-1") == {"Authorization": "Bearer sk-1"}


def test_api_key_header() -> None:
    """The key stands alone in the provider's own header."""
    assert api_key_header("x-api-key")("k-1") == {"x-api-key": "k-1"}
