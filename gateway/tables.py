"""Tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return *lines*, which have equally many cells, with their columns in line."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines
    )
