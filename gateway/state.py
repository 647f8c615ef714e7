"""What all exchanges of a process share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from attrs import define, field

from gateway.fronts.openai_chat.front import FRONT
from gateway.gauges import ACTIVE_EXCHANGES, EXCHANGES
from gateway.watch import Ticker

if TYPE_CHECKING:
    import asyncio

    from structlog.typing import FilteringBoundLogger

    from gateway.access import Access
    from gateway.domain.errors import LLMProxyError
    from gateway.exchange import Exchange
    from gateway.fronts.base import Front
    from gateway.gauges import Board, Gauges
    from gateway.journal import Journal
    from gateway.registry import Backend
    from gateway.routes import RouteTable
    from gateway.settings import Settings


@define(eq=False)
class Gateway:
    """
    Attributes:
        worker: the number of this process among the workers, from 0.
        draining: no new request is taken.
        standing: tasks of the process itself, which live as long as it.
    """

    settings: Settings
    backends: dict[str, Backend]
    table: RouteTable[Backend]
    board: Board
    worker: int
    gauges: Gauges
    access: Access
    journal: Journal
    ticker: Ticker = field(factory=Ticker)
    front: Front = FRONT
    log: FilteringBoundLogger = field(factory=structlog.get_logger)
    draining: bool = False
    exchanges: set[Exchange] = field(factory=set)
    standing: set[asyncio.Task[Any] | None] = field(factory=set)

    def opened(self, exchange: Exchange) -> None:
        self.exchanges.add(exchange)
        self.gauges.add(ACTIVE_EXCHANGES, 1)

    def closed(self, exchange: Exchange) -> None:
        self.exchanges.discard(exchange)
        self.gauges.add(ACTIVE_EXCHANGES, -1)
        self.gauges.add(EXCHANGES, 1)
        self.journal.tell(exchange.ledger)

    def interrupt(self, error: LLMProxyError) -> None:
        """End everything that is going on with *error*."""
        for exchange in list(self.exchanges):
            exchange.interrupt(error)
