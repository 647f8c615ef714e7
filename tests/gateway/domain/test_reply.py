from __future__ import annotations

import pytest

from gateway.domain.reply import Usage


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        (Usage(), None),
        (Usage(input=0), 0),
        (Usage(cache_read=400), 400),
        (Usage(12, 400, 8, 31), 420),
    ],
)
def test_input_total(usage: Usage, total: int | None) -> None:
    """Unknown columns count for nothing; if all are unknown, so is the total."""
    assert usage.input_total == total


def test_merged() -> None:
    """Zero is a report and replaces; ``None`` is none and does not."""
    first = Usage(input=5, output=1, raw={"a": 1})

    merged = first.merged(Usage(input=0, reasoning=2))

    assert merged == Usage(input=0, output=1, reasoning=2)
    assert merged.raw == {"a": 1}
