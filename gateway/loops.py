"""
The header by which a request that comes back to its own gateway is found.

Its value lists the gateways that the request has passed, the latest last. A
gateway refuses what it has passed on itself and, unless it is told otherwise,
whatever has passed any gateway before.
"""

from __future__ import annotations

from contextvars import ContextVar
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOP_GUARD = "x-llmproxy-loop-guard"
# One for all workers: they are forked from who has made it.
OWN_ID = token_hex(6)

# What the request that is being served must carry on, where it has passed other
# gateways before.
_carried: ContextVar[str] = ContextVar("carried", default=OWN_ID)


def guard_value() -> str:
    """Return the header's value for a request on behalf of the one being served."""
    return _carried.get()


def carry(incoming: str) -> None:
    """Remember what the request that is being served came with."""
    _carried.set(f"{incoming}, {OWN_ID}")


def hops(value: str) -> list[str]:
    """Return the gateways that are listed in a header."""
    return [hop for part in value.split(",") if (hop := part.strip())]


def ensure_loop_guard_header(headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with the loop guard, unless they have one."""
    if any(name.lower() == LOOP_GUARD for name in headers):
        return dict(headers)
    return {**headers, LOOP_GUARD: guard_value()}
