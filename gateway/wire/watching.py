"""What a ledger can see in a stream that passes untouched, protocol by protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from gateway.domain.errors import BackendError
    from gateway.domain.reply import Finish, Usage


@frozen
class Seen:
    """
    What one event, or one whole answer, tells.

    Attributes:
        finish: how choices ended, by index.
        fault: the error that it reports instead.
        last: the upstream says that nothing follows.
    """

    id: str | None = None
    model: str | None = None
    finish: dict[int, Finish] = field(factory=dict)
    usage: Usage | None = None
    fault: BackendError | None = None
    last: bool = False


def everywhere(data: bytes) -> Sequence[int]:
    """Spot every event: for protocols in which each may matter."""
    found, at = [], data.find(b"{")
    while at >= 0:
        found.append(at)
        blank = data.find(b"\n\n", at)
        at = data.find(b"{", blank) if blank >= 0 else -1
    return found


@frozen
class Watching:
    """
    How to watch a protocol's answers as they pass.

    Attributes:
        look: reads one event's data (with the event's name) or a whole answer.
            Raises ``ValueError`` or ``msgspec.DecodeError`` for what is no JSON.
        spots: where in some bytes, in order, stands what may matter; see
            `gateway.wire.sse.SseSkimmer`, which gets the next two as well.
        ending: how events end that do not matter.
        alarm: and what must not be in such an event.
        finishes: an answer is whole once every choice has a finish reason, though
            no last word comes, or none exists.
    """

    look: Callable[[bytes, str], Seen]
    spots: Callable[[bytes], Sequence[int]] = everywhere
    ending: Callable[[bytes], bytes] = lambda _: b""
    alarm: bytes = b""
    finishes: bool = False
