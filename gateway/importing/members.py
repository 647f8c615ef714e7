"""Takes a configuration apart, so that what nobody took can be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.importing import Missed

# How LiteLLM says "the variable X", anywhere in its file.
# Source: https://docs.litellm.ai/docs/proxy/configs
_REFERENCE = "os.environ/"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Of a name that a path repeats.
_LONGEST_NAME = 80


class Members:
    """
    One section of a file.

    Args:
        path: where it stands; empty for the file itself.
        json: what is there; anything but a mapping is noted as missed.
    """

    def __init__(self, path: str, json: Any, missed: Missed) -> None:
        self.path = path
        self.missed = missed
        self._left: dict[Any, Any] = {}
        if isinstance(json, Mapping):
            self._left = dict(json)
        elif json is not None:
            missed.note(path, "a section was expected")

    def __contains__(self, name: str) -> bool:
        return self._left.get(name) is not None

    def at(self, name: object) -> str:
        return joined(self.path, name)

    def take(self, *names: str) -> Any:
        """Return the first member that is there, ``None`` without one."""
        found = [self._left.pop(name, None) for name in names]
        return next((json for json in found if json is not None), None)

    def text(self, name: str) -> str | None:
        """Return a member as our file says it: with ``${X}`` for a variable."""
        json = self.take(name)
        if json is None:
            return None
        said = as_text(json)
        if said is None:
            self.missed.note(self.at(name), "a text was expected")
        return said

    def section(self, name: str) -> Members:
        return Members(self.at(name), self.take(name), self.missed)

    def rows(self, name: str) -> list[tuple[str, Any]]:
        """Return the elements of a list, each with its path."""
        json = self.take(name)
        if json is None:
            return []
        if not isinstance(json, list):
            self.missed.note(self.at(name), "a list was expected")
            return []
        return [(f"{self.at(name)}[{i}]", element) for i, element in enumerate(json)]

    def items(self) -> list[tuple[str, Any]]:
        """Return what is left, and leave nothing."""
        left = [(str(name), json) for name, json in self._left.items()]
        self._left.clear()
        return left

    def drop(self, reasons: Mapping[str, str], usual: str) -> None:
        """
        Note what is left as missed.

        Args:
            reasons: by name.
            usual: the reason for all others.
        """
        for name, json in self.items():
            if json is not None:
                self.missed.note(self.at(name), reasons.get(name, usual))


def joined(path: str, name: object) -> str:
    """Return the path of a member, fit for one line."""
    shown = "".join(c if c.isprintable() else "?" for c in str(name))
    if len(shown) > _LONGEST_NAME:
        shown = shown[:_LONGEST_NAME] + "..."
    return f"{path}.{shown}" if path else shown


def variable(json: Any) -> str | None:
    """Return the variable that a text stands for, if it does."""
    if not isinstance(json, str) or not json.startswith(_REFERENCE):
        return None
    name = json.removeprefix(_REFERENCE)
    return name if _VARIABLE.fullmatch(name) else None


def as_text(json: Any) -> str | None:
    """Return a text, number or date as our file says it, ``None`` for all else."""
    if (name := variable(json)) is not None:
        return f"${{{name}}}"
    if isinstance(json, str):
        if json.startswith(_REFERENCE) or not json:
            return None
        return json.replace("${", "$${")
    if isinstance(json, date):  # such as an API version without quotes
        return json.isoformat()
    if isinstance(json, int | float) and not isinstance(json, bool):
        return str(json)
    return None
