"""Several API keys of one account, used in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from gateway.plugin import Fixed

if TYPE_CHECKING:
    from gateway.plugin import Outbound
    from gateway.secret import Secret


@define(eq=False)
class KeyPool:
    """
    Gives each request the next key; one that is refused or used up rests.

    Attributes:
        backend: its name, for the log.
    """

    backend: str
    _keys: tuple[Secret, ...]
    _next: int = 0
    _used: dict[int, int] = field(factory=dict)

    async def sign(self, request: Outbound) -> None:
        """Put the next key that does not rest into *request*."""
        key = self._keys[self._next % len(self._keys)]
        self._next += 1
        Fixed.of(request.auth, key.reveal()).put(request)

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        """Let the key rest; whether there is another to try."""
        del status, retry_after
        return request.attempt + 1 < len(self._keys)

    async def close(self) -> None:
        """Hold nothing."""
