from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.guide import document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The document's files, importable."""
    with document.modules(tmp_path / "guide", monkeypatch) as place:
        yield place


@pytest.fixture
def my_provider(guide: Path) -> Any:
    """The guide's backend class."""
    assert guide
    return document.module("my_provider").MyProviderBackend
