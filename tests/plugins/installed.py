"""Distributions on the path, as an installer would leave them, without one."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def install(place: Path, name: str, points: str, version: str = "1.0") -> None:
    """Put a distribution at *place*."""
    info = place / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata, "utf-8")
    (info / "entry_points.txt").write_text(dedent(points), "utf-8")


@contextmanager
def plugin(
    place: Path, monkeypatch: pytest.MonkeyPatch, module: str, *points: str
) -> Iterator[None]:
    """
    Install ``acme-plugin``, whose module ``acme_plugin`` has the text *module*.

    Args:
        points: lines such as ``acme = acme_plugin:ACME``.
    """
    lines = "\n".join(["[llm_proxy_backends]", *points, ""])
    install(place, "acme-plugin", lines)
    (place / "acme_plugin.py").write_text(dedent(module), "utf-8")
    monkeypatch.syspath_prepend(place)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.modules.pop("acme_plugin", None)
