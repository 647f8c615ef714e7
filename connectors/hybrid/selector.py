"""
The name of a hybrid model: ``[backend:model?params,backend:model?params]``.

The first model thinks and the second one answers. A comma in a query belongs to
it, unless what follows looks like the beginning of a name, ``backend:``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import evolve, frozen

from gateway.plugin import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.domain.request import Sampling

EXAMPLE = (
    "hybrid:[deepseek:deepseek-reasoner,openai:gpt-4.1?temperature=0.2&verbosity=low]"
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITIES = ("low", "medium", "high")

_NAMED = re.compile(r"\s*[A-Za-z0-9][A-Za-z0-9._-]*:")
# Of what a message repeats.
_LONGEST_SHOWN = 80


@frozen
class Leaf:
    """
    One of the two models.

    Attributes:
        selector: whatever a client may say to the gateway.
        effort: how much it is to think.
    """

    selector: str
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    verbosity: str | None = None
    effort: str | None = None

    def over(self, sampling: Sampling) -> Sampling:
        """Return *sampling* with what the leaf says in place of what was asked."""
        names = ("temperature", "top_p", "top_k", "verbosity")
        said = {name: getattr(self, name) for name in names}
        return evolve(sampling, **{n: v for n, v in said.items() if v is not None})


@frozen
class Pair:
    reasoning: Leaf
    execution: Leaf


def read_pair(text: str) -> Pair:
    """
    Return the two models.

    Args:
        text: from ``[`` to ``]``, without the name of the hybrid backend.

    Raises:
        InvalidRequestError: it is none; the message has an example.
    """
    text = text.strip()
    if not text.startswith("["):
        raise _wrong(f"{_shown(text)} is no pair of models")
    if not text.endswith("]"):
        raise _wrong("the pair of models must end with ]; parameters stand inside it")
    leaves = [leaf.strip() for leaf in _split(text[1:-1])]
    if len(leaves) != 2:
        raise _wrong(f"expected two models, and there is {_counted(len(leaves))}")
    return Pair(*(_leaf(leaf) for leaf in leaves))


def _split(text: str) -> Iterator[str]:
    start, depth, in_query = 0, 0, False
    for at, char in enumerate(text):
        match char:
            case "[":
                depth += 1
            case "]":
                depth -= 1
            case "?" if not depth:
                in_query = True
            case "," if not depth and (not in_query or _NAMED.match(text, at + 1)):
                yield text[start:at]
                start, in_query = at + 1, False
    yield text[start:]


def _leaf(text: str) -> Leaf:
    selector, _, query = text.partition("?")
    if not selector:
        raise _wrong("one of the two models has no name")
    if "[" in text or "]" in text:
        raise _wrong("a hybrid model is not made of hybrid models")
    members: dict[str, Any] = {}
    for name, value in parse_qsl(query):  # which leaves out what is empty
        if name not in _PARAMETERS:
            known = ", ".join(_PARAMETERS)
            raise _wrong(f"{_shown(name)} is no parameter; there are {known}")
        member, read, expected = _PARAMETERS[name]
        try:
            members[member] = read(value)
        except ValueError:
            why = f"{name} must be {expected}, not {_shown(value)}"
            raise _wrong(why) from None
    return Leaf(selector.strip(), **members)


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = float(text)
        if not least <= number <= most:  # which NaN is not, either
            raise ValueError
        return number

    return read


def _count(text: str) -> int:
    # Python takes "1_000" and other scripts' digits for numbers, too.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ValueError
    return int(text)


def _word(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return read


_PARAMETERS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "temperature": ("temperature", _number(0, 2), "a number from 0 to 2"),
    "top_p": ("top_p", _number(0, 1), "a number from 0 to 1"),
    "top_k": ("top_k", _count, "a whole number from 1"),
    "reasoning_effort": ("effort", _word(EFFORTS), f"one of {', '.join(EFFORTS)}"),
    "verbosity": (
        "verbosity",
        _word(VERBOSITIES),
        f"one of {', '.join(VERBOSITIES)}",
    ),
}


def _counted(number: int) -> str:
    return "one" if number == 1 else str(number)


def _shown(text: str) -> str:
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
    return repr(cut)


def _wrong(why: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{why}; for example {EXAMPLE}", code="invalid_hybrid_model", param="model"
    )
