"""
Which way requests take in the tests: the fast lane, or the ordinary one.

``SLUICEGATE_TEST_PATH=aiohttp`` lets aiohttp's client read the upstreams and aiohttp's
responses write to the clients, as they did before there was a lane.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

WAYS = ("fast", "aiohttp")
WAY = os.environ.get("SLUICEGATE_TEST_PATH") or "fast"
if WAY not in WAYS:
    raise ValueError(f"SLUICEGATE_TEST_PATH is one of {WAYS}, not {WAY!r}")
USUAL = WAY == "fast"


def over_the_way(config: Mapping[str, Any], way: str = WAY) -> dict[str, Any]:
    """
    Return *config* with *way* set for the server and for each backend.

    What it says itself of the way remains. By default nothing is changed, so that the
    tests prove what holds where nobody has heard of ways.
    """
    config = dict(config)
    if way == "fast":
        return config
    config["server"] = {"writer": way, **(config.get("server") or {})}
    backends = config.get("backends") or {}
    config["backends"] = {
        name: {"client": way, **(given or {})} for name, given in backends.items()
    }
    return config
