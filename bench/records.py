"""What was measured: ``{scenario: {candidate: [record, one a round]}}``."""

from __future__ import annotations

import statistics
from typing import TypeAlias

NOISY = 0.1  # share of a core used by others that spoils a measurement; a guess

Record: TypeAlias = dict[str, float]
Records: TypeAlias = dict[str, list[Record]]


def median(records: list[Record]) -> Record:
    """Return the median of each figure by itself."""
    return {
        key: statistics.median(record[key] for record in records) for key in records[0]
    }
