"""Names for tool calls, where a protocol has none."""

from __future__ import annotations

import hashlib
import re

_MADE = re.compile(r"call_sg[0-9a-f]{20}")


def make_id(*seed: object) -> str:
    """
    Return a name for a tool call that the same *seed* always gives.

    It is stable, so that a call and its result find each other again when the
    conversation comes back, and fit for every dialect's rules.
    """
    text = "\0".join(str(part) for part in seed)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"call_sg{digest[:20]}"


def is_made(name: str) -> bool:
    """Tell a name of our own making, which no provider needs to see."""
    return _MADE.fullmatch(name) is not None
