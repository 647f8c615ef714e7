"""Settings on their way from text to `gateway.settings`: values with their places."""

from __future__ import annotations

from typing import Any, Self

from attrs import define, field

from gateway.config.problems import KeyPath, Problem, problem


class Text(str):
    """
    Text that came without a type: a variable's, a flag's.

    Where text is wanted it is taken as it is, so that a key of digits stays
    text; elsewhere it is read as YAML.

    Attributes:
        source: what the file has in its place, ``${NAME}``, for messages; the
            text itself may be a secret that was put in the wrong place. `None`
            for a variable or flag that stands for this setting alone.
    """

    __slots__ = ("source",)

    source: str | None

    def __new__(cls, text: str, source: str | None = None) -> Self:
        made = super().__new__(cls, text)
        made.source = source
        return made


@define
class Tree:
    """
    What was read so far.

    Attributes:
        name: of the whole, where nothing nearer is known.
        root: nested dicts and lists.
        places: path to where it was written.
        problems: found so far.
        broken: the paths of the problems.
    """

    name: str
    root: dict[str, Any] = field(factory=dict)
    places: dict[KeyPath, str] = field(factory=dict)
    problems: list[Problem] = field(factory=list)
    broken: set[KeyPath] = field(factory=set)

    def where(self, path: KeyPath) -> str:
        for end in range(len(path), 0, -1):
            if place := self.places.get(path[:end]):
                return place
        return self.name

    def report(self, path: KeyPath, message: str, place: str = "") -> None:
        self.broken.add(path)
        self.problems.append(problem(place or self.where(path), path, message))
