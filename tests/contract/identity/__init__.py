"""
What may differ where a dialect is read into the domain and written out again.

Each protocol has a module here with its ``DEVIATIONS``; ``test_identity`` runs
all of them over every case, and fails for one that no case needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import frozen

Kind = Literal["request", "reply", "stream"]


@frozen
class Deviation:
    """
    One named difference that is allowed.

    Attributes:
        kind: of what. A request or a reply is its JSON; a stream is the list of
            its frames, ``[(event name, json), ...]``, without comments and
            ``[DONE]``.
        reason: for people; it goes into ``docs/fidelity.md``.
        normalise: makes both sides alike. It gets a deep copy of either, and
            returns what to compare.
    """

    kind: Kind
    reason: str
    normalise: Callable[[Any], Any]
