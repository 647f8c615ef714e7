"""The common form of what any dialect says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import Factory, define, frozen


@frozen
class Call:
    """A tool call; *arguments* as JSON where they are that, else the text."""

    name: str
    arguments: Any


@frozen
class Choice:
    """
    One answer.

    Attributes:
        finish: ``end``, ``length``, ``tools``, ``sequence``, ``filter``,
            ``refusal``, ``error``, ``other``; empty if nobody said.
    """

    text: str = ""
    thinking: str = ""
    refusal: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = ""


@frozen
class Tokens:
    """Prompt with what came from caches, output with reasoning."""

    prompt: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


@frozen
class Said:
    """
    Attributes:
        whole: it ended as the dialect ends.
        error: the dialect's error was in it.
    """

    choices: tuple[Choice, ...] = ()
    usage: Tokens = Tokens()
    whole: bool = False
    error: bool = False

    @property
    def broken(self) -> bool:
        return self.error or not self.whole

    @property
    def ending(self) -> str:
        return "an error" if self.error else "whole" if self.whole else "cut"


def words_of(choice: Choice) -> str:
    """Return text and refusal: dialects without a slot for the one use the other."""
    return choice.text + choice.refusal


def calls_of(choice: Choice) -> list[Call]:
    """Return the calls, as comparable across dialects."""
    return unwrapped(choice.calls)


def unwrapped(calls: Iterable[Call]) -> list[Call]:
    """Return *calls* without the one member in which objects carry free text."""
    return [Call(call.name, _bare(call.arguments)) for call in calls]


# ``INVALID_JSON`` is how Anthropic's pages carry a model's slip.
CARRIERS = ("input", "INVALID_JSON")


def _bare(arguments: Any) -> Any:
    if arguments in ("", None):
        return {}  # a call without arguments, in whatever words
    if isinstance(arguments, dict) and len(arguments) == 1:
        return parsed(
            next((arguments[n] for n in CARRIERS if n in arguments), arguments)
        )
    return arguments


def parsed(text: Any) -> Any:
    """Return the JSON of *text*, or *text* if it is none."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


@define
class Drafted:
    """A call in the making."""

    name: str = ""
    text: str = ""
    json: Any = None

    def call(self) -> Call:
        return Call(
            self.name, self.json if self.json is not None else parsed(self.text)
        )


@define
class Draft:
    """A choice in the making."""

    text: str = ""
    thinking: str = ""
    refusal: str = ""
    calls: dict[Any, Drafted] = Factory(dict)
    finish: str = ""

    def choice(self) -> Choice:
        finish = self.finish
        if finish == "end" and self.calls:
            finish = "tools"  # many protocols have one word for both
        elif finish == "end" and self.refusal:
            finish = "refusal"
        calls = tuple(drafted.call() for drafted in self.calls.values())
        return Choice(self.text, self.thinking, self.refusal, calls, finish)


@define
class Account:
    """An answer in the making."""

    choices: dict[int, Draft] = Factory(dict)
    counts: dict[str, int] = Factory(dict)
    whole: bool = False
    error: bool = False

    def at(self, index: int) -> Draft:
        return self.choices.setdefault(index, Draft())

    def count(self, **counts: int | None) -> None:
        self.counts.update({k: v for k, v in counts.items() if v is not None})

    def said(self) -> Said:
        return Said(
            tuple(self.choices[n].choice() for n in sorted(self.choices)),
            Tokens(**self.counts),
            self.whole,
            self.error,
        )


def events(body: bytes) -> list[tuple[str, str]]:
    """Return name and data of each event of an event stream."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = []
    for block in text.split("\n\n"):
        name, lines = "", []
        for line in block.split("\n"):
            if line.startswith("data:"):
                lines.append(line[5:].removeprefix(" "))
            elif line.startswith("event:"):
                name = line[6:].strip()
        if lines:
            found.append((name, "\n".join(lines)))
    return found


def total(*counts: int | None) -> int | None:
    """Add what is known."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
