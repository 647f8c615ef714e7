"""What all exchanges of a process share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from attrs import define, field

from gateway.gauges import ACTIVE_EXCHANGES, EXCHANGES, LOSSES
from gateway.watch import Ticker
from gateway.writing import PLAIN, Writing

if TYPE_CHECKING:
    import asyncio

    from structlog.typing import FilteringBoundLogger

    from gateway.access import Access
    from gateway.building import Backend
    from gateway.domain.errors import LLMProxyError
    from gateway.exchange import Exchange
    from gateway.gauges import Board, Gauges
    from gateway.journal import Journal
    from gateway.recall import Responses
    from gateway.refreshing import Learned
    from gateway.routes import RouteTable
    from gateway.settings import Settings


@define(eq=False)
class Gateway:
    """
    Attributes:
        worker: the number of this process among the workers, from 0.
        draining: no new request is taken.
        standing: tasks of the process itself, which live as long as it.
        writing: who writes answers.
        learned: what came of asking backends for their models, by their names.
    """

    settings: Settings
    backends: dict[str, Backend]
    table: RouteTable[Backend]
    board: Board
    worker: int
    gauges: Gauges
    access: Access
    journal: Journal
    writing: Writing = PLAIN
    ticker: Ticker = field(factory=Ticker)
    log: FilteringBoundLogger = field(factory=structlog.get_logger)
    draining: bool = False
    exchanges: set[Exchange] = field(factory=set)
    standing: set[asyncio.Task[Any] | None] = field(factory=set)
    learned: dict[str, Learned] = field(factory=dict)
    _responses: Responses | None = None

    @property
    def responses(self) -> Responses:
        """The store of responses, opened when it is first needed."""
        if self._responses is None:
            from gateway.responses_api import make

            self._responses = make(self.settings)
        return self._responses

    async def close(self) -> None:
        """Release what was opened."""
        if self._responses is not None:
            await self._responses.close()
        for backend in self.backends.values():
            await backend.close()

    def opened(self, exchange: Exchange) -> None:
        self.exchanges.add(exchange)
        self.gauges.add(ACTIVE_EXCHANGES, 1)

    def closed(self, exchange: Exchange) -> None:
        self.exchanges.discard(exchange)
        self.gauges.add(ACTIVE_EXCHANGES, -1)
        self.gauges.add(EXCHANGES, 1)
        if exchange.ledger.losses:
            self.gauges.add(LOSSES, len(exchange.ledger.losses))
        self.journal.tell(exchange.ledger)

    def interrupt(self, error: LLMProxyError) -> None:
        """End everything that is going on with *error*."""
        for exchange in list(self.exchanges):
            exchange.interrupt(error)
