"""The grammar of demo models: ``lorem?tokens=200&rate=50``."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import field, frozen

from gateway.plugin import InvalidRequestError, RoutingError

if TYPE_CHECKING:
    from collections.abc import Iterable


@frozen
class Settings:
    """
    What a model name asks for.

    Attributes:
        tokens: how long the text is; ``None``: as long as it happens to be.
        rate: tokens per second; 0 is as fast as possible.
        first: seconds before anything comes.
        seed: ``None``: the request's own, or 0.
        parallel: how many tools to call at once.
        status: HTTP status to fail with.
        after: tokens before it fails, stops or hangs.
        retry_after: seconds, told with a status of 429 or 503.
    """

    model: str
    tokens: int | None = None
    rate: float = 30.0
    first: float = 0.0
    seed: int | None = None
    parallel: int = 1
    status: int = 500
    after: int = 5
    retry_after: float = 1.0


@frozen
class Parameter:
    """Values of *kind* from *least* to *most*; a guess at what anybody needs."""

    kind: type[int | float]
    least: float
    most: float

    def read(self, text: str) -> float | None:
        """Return the number that *text* says, ``None`` if it is no good one."""
        try:
            value = self.kind(text)
        except ValueError:
            return None
        good = math.isfinite(value) and self.least <= value <= self.most
        return value if good else None

    def __str__(self) -> str:
        noun = "an integer" if self.kind is int else "a number"
        return f"{noun} from {self.least} to {self.most}"


PARAMETERS = {
    "tokens": Parameter(int, 0, 100_000),
    "rate": Parameter(float, 0, 10_000),
    "first": Parameter(float, 0, 3_600),
    "seed": Parameter(int, 0, 2**32 - 1),
    "parallel": Parameter(int, 1, 16),
    "status": Parameter(int, 400, 599),
    "after": Parameter(int, 0, 100_000),
    "retry_after": Parameter(float, 0, 86_400),
}
COMMON = ("tokens", "rate", "first", "seed", "parallel")


@frozen
class Model:
    """
    Attributes:
        about: what it does, for a list.
        takes: its parameters beside the `COMMON` ones.
        defaults: where they differ from those of `Settings`.
    """

    about: str
    takes: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(factory=dict)


MODELS = {
    "hello": Model("a short text about the gateway"),
    "lorem": Model("any number of words", defaults={"tokens": 120, "rate": 50.0}),
    "echo": Model("your last message"),
    "think": Model("thoughts, then an answer"),
    "tools": Model("a call of the tools that you offer"),
    "refuse": Model("a refusal"),
    "slow": Model("a late first token", defaults={"first": 5.0}),
    "fail": Model(
        "an error, before or in the middle of the answer",
        takes=("status", "after", "retry_after"),
        defaults={"after": 0},
    ),
    "cut": Model("an answer that breaks off in the middle", takes=("after",)),
    "hang": Model("an answer that stops coming, and does not end", takes=("after",)),
}


def read_settings(name: str) -> Settings:
    """
    Read the name of a model with its query.

    Raises:
        RoutingError: no such model; the message names those that come close.
        InvalidRequestError: no such parameter, or a value that it cannot have.
    """
    model, _, query = name.partition("?")
    if model not in MODELS:
        message = f"demo has no model {model!a}; {_nearest(model, MODELS)}"
        raise RoutingError(message, param="model")
    known = (*COMMON, *MODELS[model].takes)
    settings = {**MODELS[model].defaults}
    seen = set()
    for key, text in _pairs(query):
        if key not in known:
            raise _invalid(f"{model} takes no {key!a}; {_nearest(key, known)}")
        if key in seen:
            raise _invalid(f"{key} is given twice")
        seen.add(key)
        settings[key] = PARAMETERS[key].read(text)
        if settings[key] is None:
            raise _invalid(f"{key} must be {PARAMETERS[key]}, not {text[:40]!a}")
    return Settings(model, **settings)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise _invalid(
            f"expected parameters as in lorem?tokens=200&rate=50, not {query[:40]!a}"
        ) from None


def _nearest(word: str, words: Iterable[str]) -> str:
    close = get_close_matches(word[:40], list(words))
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(words)}"


def _invalid(message: str) -> InvalidRequestError:
    return InvalidRequestError(f"model: {message}", param="model")
