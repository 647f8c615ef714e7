"""
Reads other gateways' configurations, and writes ours.

Nothing is lost without a word: what cannot be said is listed with its place. No
secret of theirs gets into our file, nor into that list.
"""

from __future__ import annotations

from attrs import define, field


class UnreadableError(Exception):
    """The file is none of those that can be imported."""


@define
class Missed:
    """
    What could not be carried over, as ``(path, why)``; never with a value.

    Paths are as the other configuration has them: ``model_list[3].litellm_params.rpm``.
    """

    found: list[tuple[str, str]] = field(factory=list)

    def note(self, path: str, why: str) -> None:
        self.found.append((path, why))
