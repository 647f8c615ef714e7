"""
The header by which a request that comes back to its own gateway is found.

Its value lists the gateways that the request has passed, the latest last. A
gateway refuses what it has passed on itself and, unless it is told otherwise,
whatever has passed any gateway before.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from secrets import token_hex
from typing import TYPE_CHECKING

from gateway.domain.errors import RequestLoopError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import CIMultiDictProxy

LOOP_GUARD = "x-llmproxy-loop-guard"
# A value of ours grows by 14 characters with each gateway; who has passed this many
# goes round in circles, whatever the limit is.
LONGEST = 2048
_HOP = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,64}")
# One for all workers: they are forked from who has made it.
OWN_ID = token_hex(6)

# What the request that is being served must carry on, where it has passed other
# gateways before.
_carried: ContextVar[str] = ContextVar("carried", default=OWN_ID)


def guard_value() -> str:
    """Return the header's value for a request on behalf of the one being served."""
    return _carried.get()


def pass_on(headers: CIMultiDictProxy[str], most: int) -> None:
    """
    Let a request that has come through other gateways go on, as one of theirs.

    Call it in the request's own context, for one whose *headers* have the guard.

    Args:
        most: how many gateways it may have passed.

    Raises:
        RequestLoopError: they are more, this is one of them, or nobody can tell.
    """
    value = ", ".join(headers.getall(LOOP_GUARD))
    listed = hops(value)
    if OWN_ID in listed:
        raise RequestLoopError("the request has come back to the gateway it came from")
    if not most:
        raise RequestLoopError(
            "the request has passed another gateway, which server.max_hops does not"
            " allow here"
        )
    if not listed:
        raise RequestLoopError(f"{LOOP_GUARD} is not a list of gateways")
    if len(listed) > most:
        raise RequestLoopError(
            f"the request has passed {len(listed)} gateways; server.max_hops allows"
            f" {most} here"
        )
    carry(", ".join(listed))


def carry(incoming: str) -> None:
    """Remember what the request that is being served came with."""
    _carried.set(f"{incoming}, {OWN_ID}")


def hops(value: str) -> list[str]:
    """Return the gateways that are listed in a header; none if it is no such list."""
    if len(value) > LONGEST:
        return []
    listed = [hop for part in value.split(",") if (hop := part.strip())]
    return listed if all(map(_HOP.fullmatch, listed)) else []


def ensure_loop_guard_header(headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with the loop guard, unless they have one."""
    if any(name.lower() == LOOP_GUARD for name in headers):
        return dict(headers)
    return {**headers, LOOP_GUARD: guard_value()}
