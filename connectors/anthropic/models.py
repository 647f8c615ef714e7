"""
What differs between models, as far as their names tell.

Anthropic's newer models refuse what older ones need, so a request in another
dialect's words cannot be said without knowing which it is for. A name that is
not understood (of a compatible server, or of a cloud's deployment) counts as an
older model: that is what those servers copy.

Source: https://platform.claude.com/docs/en/about-claude/models/migration-guide,
https://platform.claude.com/docs/en/build-with-claude/thinking and the models'
pages at https://platform.claude.com/docs/en/models
"""

from __future__ import annotations

import re

from attrs import frozen

_FAMILIES = "opus|sonnet|haiku|fable|mythos"
# The version stands behind the family, or in older names before it; what has
# more digits is a date.
_VERSION = r"(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)"
_NAMES = (
    re.compile(rf"({_FAMILIES})-{_VERSION}"),
    re.compile(rf"claude-{_VERSION}-({_FAMILIES})"),
)


@frozen
class Model:
    """
    Attributes:
        version: major and minor; ``None`` if the name does not tell.
        family: such as ``opus``.
    """

    version: tuple[int, int] | None = None
    family: str = ""

    def since(self, major: int, minor: int = 0) -> bool:
        return self.version is not None and self.version >= (major, minor)

    @property
    def adaptive(self) -> bool:
        """It may decide itself how much to think."""
        return self.since(4, 6)

    @property
    def budgets(self) -> bool:
        """It may be told how many tokens to think."""
        return not self.since(4, 7)

    @property
    def samples(self) -> bool:
        """It takes a temperature, ``top_p`` and ``top_k``."""
        return not self.since(4, 7)

    @property
    def one_of_two(self) -> bool:
        """It takes a temperature or ``top_p``, not both."""
        return self.since(4, 1)

    @property
    def thinks(self) -> bool:
        """It thinks unless it is told not to."""
        return self.since(5)

    @property
    def quiet(self) -> str | None:
        """The type of ``thinking`` that comes next to none; ``None``: no such."""
        if self.family in ("fable", "mythos"):
            return None
        if self.since(5, 5):
            words = {"sonnet": "between_tools", "haiku": "disabled"}
            return words.get(self.family)
        return "disabled"

    @property
    def most(self) -> int:
        """
        How long an answer may be, if nobody said.

        No more than the least limit among the models of that time, and enough
        for most answers; of an unknown model the limit that servers copied first.
        """
        if self.version is None:
            return 8192
        if not self.since(3, 5):
            return 4096
        return 32000 if self.since(3, 7) else 8192


def model_of(name: str) -> Model:
    name = name.lower()
    if found := _NAMES[0].search(name):
        family, major, minor = found.groups()
    elif found := _NAMES[1].search(name):
        major, minor, family = found.groups()
    else:
        return Model()
    return Model((int(major), int(minor or 0)), family)
