"""
One request and one answer for each thing that should survive a crossing.

A probe is the smallest request or answer of a dialect that says the thing; the
plain one beside it says nothing. `tests.contract.fidelity` sends both across and
looks at what became of the difference.
"""

from __future__ import annotations

from tests.contract.probes.answered import ANSWERS
from tests.contract.probes.asked import PLAIN, REQUESTS

__all__ = ["ANSWERS", "PLAIN", "REQUESTS"]
