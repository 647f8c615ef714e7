from __future__ import annotations

from connectors.auth import bearer


def test_bearer() -> None:
    assert bearer("sk-1") == {"Authorization": "Bearer sk-1"}
