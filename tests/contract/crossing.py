"""
What becomes of a request or an answer that crosses, in a form to be approved.

The approved lists are in ``golden/``: for each pair of dialects the losses of
each case that has any, and how it finished if it was told in another class of
words. `tests.contract.approve` writes them anew.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.domain.errors import LLMProxyError
from gateway.domain.fold import fold, unfold
from gateway.wire.json import encode
from tests.contract import protocols
from tests.contract.cases import Asked, Case, asked
from tests.contract.oracle import DIALECTS, Said
from tests.contract.probes import PLAIN, REQUESTS
from tests.contract.protocols import Heard, tell_pieces, tell_whole, translator

if TYPE_CHECKING:
    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Reply

GOLDEN = Path(__file__).resolve().parent / "golden"
_INDEX = re.compile(r"\[[0-9]+\]")
Golden = dict[str, list[str]]


def said(case: Case) -> Said:
    """Return what the upstream said, as the oracle reads it."""
    dialect = DIALECTS[case.protocol]
    found: Said = (dialect.stream if case.stream else dialect.whole)(case.body)
    return found


def heard(client: str, told: Heard, *, stream: bool) -> Said:
    dialect = DIALECTS[client]
    found: Said = (dialect.stream if stream else dialect.whole)(told.body)
    return found


def pieces_of(case: Case) -> list[list[Event]]:
    """Return the events of any case; a whole answer that is none raises."""
    if case.stream:
        return protocols.by_frame(case)
    return [list(unfold(protocols.read_whole(case)))]


def reply_of(case: Case) -> Reply:
    """Return the reply of any case; raises `LLMProxyError` for a broken one."""
    return fold(protocols.events(case)) if case.stream else protocols.read_whole(case)


def tell(client: str, case: Case, *, stream: bool) -> Heard:
    """Return what a client is sent that wants a stream, or the whole."""
    try:
        if stream:
            return tell_pieces(client, pieces_of(case))
        return tell_whole(client, reply_of(case))
    except LLMProxyError as error:
        return Heard(protocols.front(client).write_error(error), ())


def listed(losses: Iterable[Loss]) -> list[str]:
    """Return losses as short lines, those of several indexes as one."""
    lines = Counter(f"{loss.grade} {_INDEX.sub('[]', loss.path)}" for loss in losses)
    return [
        line if number == 1 else f"{line} x{number}"
        for line, number in sorted(lines.items())
    ]


def approved_answer(case: Case, told: Heard, hears: Said) -> list[str]:
    """Return the lines for an answer, none if there is nothing to approve."""
    lines, says = listed(told.losses), said(case)
    for one, other in zip(says.choices, hears.choices, strict=False):
        if one.finish != other.finish and not says.broken:
            lines.append(f"finish {one.finish} as {other.finish}")
    if len(says.choices) > len(hears.choices) and not says.broken:
        lines.append(f"choices {len(says.choices)} as {len(hears.choices)}")
    return lines


@functools.cache
def probes(dialect: str) -> tuple[Asked, ...]:
    """Return the probes as requests, the plain one first."""
    bodies = {"plain": PLAIN[dialect], **REQUESTS[dialect]}
    return tuple(Asked(dialect, name, encode(body)) for name, body in bodies.items())


def all_asked(dialect: str) -> list[Asked]:
    return [*probes(dialect), *asked(dialect)]


def approved_request(question: Asked, upstream: str) -> list[str]:
    request = protocols.read_asked(question)
    return listed(translator(upstream).write_request(request).losses)


def path_of(client: str, upstream: str) -> Path:
    return GOLDEN / f"{client}-{upstream}.json"


@functools.cache
def golden(client: str, upstream: str) -> dict[str, Golden]:
    """Return ``{"answers": {case: lines}, "requests": {case: lines}}``."""
    found: dict[str, Any] = json.loads(path_of(client, upstream).read_text("utf-8"))
    return found
