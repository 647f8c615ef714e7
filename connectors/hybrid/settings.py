"""What can be set for a hybrid backend, below its ``extra``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from connectors.hybrid.selector import EFFORTS, Pair, read_pair
from gateway.plugin import ConfigurationError, InvalidRequestError

_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(ms|s|m|h|)")
THINKING = ("strip", "pass")
PLACES = ("system", "user")


@frozen
class Settings:
    """
    Attributes:
        enabled: whether it may be used.
        models: names of our own for pairs of models.
        probability: of thinking first, in turns after the first one.
        reasoning_timeout: in seconds; then the answer goes without.
        reasoning_effort: for the model that thinks, unless its name says otherwise;
            ``None``: as the client asked.
        reasoning_max_tokens: of the model that thinks; ``None``: its own limit.
        execution_effort: for the model that answers; ``None``: it is told not to
            think, where its protocol can say that without a word for how much.
        execution_thinking: what it thinks all the same is left out, or passed on.
        place: where the thoughts go: into the system message, or before the text of
            the first user message.
        stop_phrases: text at which thinking ends, where the model does not tell
            thoughts from the rest.
    """

    enabled: bool = True
    models: Mapping[str, Pair] = field(factory=dict)
    probability: float = 1.0
    reasoning_timeout: float = 60.0
    reasoning_effort: str | None = "high"
    reasoning_max_tokens: int | None = None
    execution_effort: str | None = None
    execution_thinking: str = "strip"
    place: str = "system"
    stop_phrases: tuple[str, ...] = ()


def read_settings(extra: Mapping[str, Any]) -> Settings:
    """
    Return the settings in *extra*.

    Raises:
        ConfigurationError: one is unknown or wrong; it is named.
    """
    members = {}
    for name, value in extra.items():
        if name not in _READ:
            known = ", ".join(_READ)
            raise _wrong(f"extra.{name} is no setting of hybrid; there are {known}")
        read, expected = _READ[name]
        try:
            members[name] = read(value)
        except InvalidRequestError as exc:
            raise _wrong(f"extra.{name}: {exc.message}") from None
        except (ValueError, TypeError):
            raise _wrong(f"extra.{name} must be {expected}") from None
    return Settings(**members)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _models(value: Any) -> dict[str, Pair]:
    if not isinstance(value, Mapping) or not all(isinstance(n, str) for n in value):
        raise TypeError
    return {name: read_pair(_text(pair)) for name, pair in value.items()}


def _probability(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= float(value) <= 1:
        raise ValueError
    return float(value)


def _seconds(value: Any) -> float:
    found = _DURATION.fullmatch(str(value))
    if found is None or isinstance(value, bool):
        raise ValueError
    return float(found[1]) * _SECONDS[found[2]]


def _tokens(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(map(_text, value))


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return read


def _effort(value: Any) -> str | None:
    return None if value is None else _one_of(EFFORTS)(value)


_EFFORT = f"one of {', '.join(EFFORTS)}, or null"
_READ: dict[str, tuple[Callable[[Any], Any], str]] = {
    "enabled": (_flag, "true or false"),
    "models": (_models, "a section of names and pairs of models"),
    "probability": (_probability, "a number from 0 to 1"),
    "reasoning_timeout": (_seconds, "a duration such as 60s"),
    "reasoning_effort": (_effort, _EFFORT),
    "reasoning_max_tokens": (_tokens, "a whole number from 1"),
    "execution_effort": (_effort, _EFFORT),
    "execution_thinking": (_one_of(THINKING), "strip or pass"),
    "place": (_one_of(PLACES), "system or user"),
    "stop_phrases": (_texts, "a list of texts"),
}


def _wrong(message: str) -> ConfigurationError:
    return ConfigurationError(message, code="invalid_hybrid_settings")
