"""What is said of losses: to a client in a header, or as a refusal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.domain.errors import InvalidRequestError
from gateway.domain.loss import Grade

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.domain.loss import Loss

# Proxies give all headers together 4 to 8 KiB.
MOST_SHOWN = 20
LONGEST_HEADER = 1024
# A path may hold a member's name that the caller made up.
_UNSAFE = re.compile(r"[^!-~]|[,=]")
_LONGEST_PATH = 120


def header(losses: Iterable[Loss]) -> str:
    """
    Return ``path=grade, ..., +3 more``: bounded, and fit for a header.

    >>> from gateway.domain.loss import dropped
    >>> header([dropped("sampling.seed")])
    'sampling.seed=dropped'
    """
    items = [
        f"{_UNSAFE.sub('?', loss.path)[:_LONGEST_PATH]}={loss.grade}" for loss in losses
    ]
    shown: list[str] = []
    size = 0
    for item in items[:MOST_SHOWN]:
        size += len(item) + 2
        if size > LONGEST_HEADER:
            break
        shown.append(item)
    if len(shown) < len(items):
        shown.append(f"+{len(items) - len(shown)} more")
    return ", ".join(shown)


def check(
    losses: Sequence[Loss], paths: Mapping[str, str], target: str, *, strict: bool
) -> None:
    """
    Refuse a request whose answer would be another one.

    Args:
        paths: where members of the domain stand in the client's dialect.
        target: the protocol that cannot say it.
        strict: refuse whatever is lost.

    Raises:
        InvalidRequestError: with the whole list in its ``details``.
    """
    fatal = [loss for loss in losses if strict or loss.grade is Grade.REFUSED]
    if not fatal:
        return
    shown = [_line(loss, paths) for loss in fatal[:MOST_SHOWN]]
    if len(fatal) > len(shown):
        shown.append(f"and {len(fatal) - len(shown)} more")
    raise InvalidRequestError(
        f"the backend ({target}) cannot take this request as it is: "
        + "; ".join(shown),
        code="unsupported_by_backend",
        param=param(fatal[0].path, paths),
        details={
            "losses": [
                {"path": loss.path, "grade": str(loss.grade), "why": loss.why}
                for loss in fatal
            ]
        },
    )


def param(path: str, paths: Mapping[str, str]) -> str:
    """
    Return where the domain's *path* stands in a dialect.

    >>> param("turns[2].parts[0]", {"turns": "messages"})
    'messages[2].parts[0]'
    """
    known = [start for start in paths if _begins(path, start)]
    if not known:
        return path
    longest = max(known, key=len)
    return paths[longest] + path[len(longest) :]


def _begins(path: str, start: str) -> bool:
    """Tell whether *start* is whole members of *path*; ``sampling.`` is one."""
    rest = path[len(start) :]
    return path.startswith(start) and (
        not rest or rest[0] in ".[" or start.endswith(".")
    )


def _line(loss: Loss, paths: Mapping[str, str]) -> str:
    at = param(loss.path, paths)[:_LONGEST_PATH]
    return f"{at} ({loss.why or loss.grade})"
