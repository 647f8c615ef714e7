"""What is wrong with a configuration: all of it, each with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from gateway.secret import redact

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError

KeyPath: TypeAlias = tuple[str | int, ...]

# What the message of a `ConfigurationError` may begin with, and what it may name.
_FIRST = re.compile(r"(?:auth|extra|api_base_url|api_keys?)(?:\.[a-z_]+)*(?=[ :])")
_NAMED = re.compile(r"\b(?:(?:auth|extra)\.[a-z_]+|api_base_url|api_keys?)\b")


@frozen
class Problem:
    """
    One mistake.

    Attributes:
        where: ``sluicegate.yaml:12``, ``environment variable SLUICEGATE_...``,
            ``flag --listen``.
        path: ``backends.lab.api_base_url``; empty if it concerns the whole.
        message: what was expected and what was there; never a secret.
    """

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.path, self.message) if part)


class ConfigError(Exception):
    """The configuration cannot be used; ``str`` gives one line per problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class RefusedError(ValueError):
    """A value that does not do; who knows its place makes a `Problem` of it."""


def problem(where: str, path: KeyPath, message: str) -> Problem:
    # Somebody may have pasted a key where a name belongs.
    return Problem(where, redact(written(path)), redact(message))


def blamed(error: LLMProxyError) -> KeyPath:
    """
    Return the key below the backend that *error* is about; none: the whole.

    It is said by the error's ``param``, else by the first word of its message, or by
    the only key in a section that this names.
    """
    if error.param:
        return tuple(error.param.split("."))
    if first := _FIRST.match(error.message):
        return tuple(first[0].split("."))
    named = set(_NAMED.findall(error.message))
    key = tuple(named.pop().split(".")) if len(named) == 1 else ()
    return key if len(key) > 1 else ()


def written(path: KeyPath) -> str:
    """Write *path* as people do: ``routes[1].to``."""
    text = ""
    for step in path:
        match step:
            case int():
                text += f"[{step}]"
            case _:
                text += f".{step}" if text else step
    return text


def nearest(word: str, known: Collection[str]) -> str:
    """Return what *word* may have been meant to be, if anything."""
    # Only who made a mistake pays for the import.
    from difflib import get_close_matches

    return "".join(get_close_matches(word, known, n=1))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give the end of a sentence: the nearest of *known*, or all of them."""
    names = sorted(known)
    if near := nearest(word, names):
        return f"did you mean {near}?"
    return f"there is {', '.join(names)}" if names else "there is none"
