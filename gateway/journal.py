"""Tells of each finished exchange: to the log, and to who is listening live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from gateway import log
from gateway.gauges import LISTENERS, Gauges
from gateway.secret import redact

if TYPE_CHECKING:
    from gateway.ledger import Ledger

Fields: TypeAlias = dict[str, Any]

# A listener that is slower than this many exchanges misses some.
BACKLOG = 1000


class Journal:
    """
    Attributes:
        elsewhere: told too, where other workers have listeners.
    """

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._log = log.teller("exchange.done")
        self._listeners: set[asyncio.Queue[Fields | None]] = set()
        self.elsewhere: Callable[[Fields], None] | None = None

    def tell(self, ledger: Ledger) -> None:
        fields, said = ledger.account()
        self._log(fields, said)
        self.deliver(fields)
        if self.elsewhere is not None:
            self.elsewhere(fields)

    def deliver(self, fields: Fields) -> None:
        """Hand *fields* to the listeners of this process."""
        if not self._listeners:
            return
        # An upstream may quote a key where nobody expects it, as its error's code.
        fields = {
            name: redact(value) if isinstance(value, str) else value
            for name, value in fields.items()
        }
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(fields)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Fields | None]]:
        """Give a queue of finished exchanges; ``None`` in it is the end."""
        queue: asyncio.Queue[Fields | None] = asyncio.Queue(BACKLOG + 1)
        self._listeners.add(queue)
        self._gauges.set(LISTENERS, len(self._listeners))
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
            self._gauges.set(LISTENERS, len(self._listeners))

    def end(self) -> None:
        """Send every listener away."""
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
