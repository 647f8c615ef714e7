"""Sends a request again whose connection had been closed by the upstream meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError

T = TypeVar("T")

# Of the request that the current task sends: whether it went out on a new
# connection, and whether it must.
fresh: ContextVar[bool] = ContextVar("fresh", default=True)
pool_allowed: ContextVar[bool] = ContextVar("pool_allowed", default=True)


class StaleError(Exception):
    """
    The upstream had closed the connection; nothing was received.

    Attributes:
        error: what it comes to where the request is not sent again.
    """

    def __init__(self, error: LLMProxyError) -> None:
        self.error = error


async def again_if_stale(send: Callable[[], Awaitable[T]]) -> T:
    """
    Call *send*, and once more, without pooled connections, if one of those was stale.

    That is not the request's fault.

    Raises:
        LLMProxyError: the connection was new, or the second one closed as well.
    """
    pool_allowed.set(True)
    fresh.set(False)
    try:
        return await send()
    except StaleError as exc:
        if fresh.get():
            raise exc.error from exc
    pool_allowed.set(False)
    try:
        return await send()
    except StaleError as exc:
        raise exc.error from exc
    finally:
        pool_allowed.set(True)
