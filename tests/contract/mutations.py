"""
JSON that is nearly right: valid values with something changed at some place.

``SLUICEGATE_FUZZ=20`` looks twenty times as long, and elsewhere each time.
"""

from __future__ import annotations

import copy
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LONGER = int(os.environ.get("SLUICEGATE_FUZZ", "1"))

NASTY: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**63, -(2**70), 0.5, 1e308, "", "x", "\ud800"),
    *([], {}, [None], [[]], [{}], {"": None}, {"type": "x"}, {"type": None}),
    *({"text": "x"}, [1, "a", None], "9" * 30, {"a": {"b": {"c": [1]}}}),
]
nasty = st.sampled_from(NASTY)
deep: Any = {"a": 1}
for _ in range(60):
    deep = {"a": [deep]}


def few(examples: int) -> settings:
    """Return the settings for a test that looks at so many *examples*."""
    return settings(
        max_examples=examples * LONGER,
        derandomize=LONGER == 1,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def places(json: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in *json* but itself."""
    found: list[tuple[Any, ...]] = []
    items: Any = ()
    if isinstance(json, dict):
        items = json.items()
    elif isinstance(json, list):
        items = enumerate(json)
    for key, value in items:
        found += [(*path, key), *places(value, (*path, key))]
    return found


@st.composite
def mutated(draw: Any, json: Any, most: int = 3) -> Any:
    """Return *json* with one to *most* places replaced, removed or doubled."""
    json = copy.deepcopy(json)
    for _ in range(draw(st.integers(1, most))):
        found = places(json)
        if not found:
            return copy.deepcopy(draw(nasty))
        *way, last = draw(st.sampled_from(found))
        inside = json
        for step in way:
            inside = inside[step]
        match draw(st.integers(0, 5)):
            case 0:
                del inside[last]
            case 1:
                inside[last] = [inside[last], inside[last]]
            case 2 if isinstance(inside, dict):
                inside[f"{last}_new"] = inside[last]
            case 3 if draw(st.integers(0, 9)) == 0:
                inside[last] = copy.deepcopy(deep)
            case _:
                inside[last] = copy.deepcopy(draw(nasty))
    return json
