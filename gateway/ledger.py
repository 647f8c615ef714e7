"""What one exchange came to: counted while it runs, logged once at its end."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any

from attrs import define, field

from gateway.domain.reply import Finish, Usage, latest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Reply
    from gateway.wire.watching import Seen

LONGEST_NAME = 200
# The fields whose values callers and upstreams choose.
OUTSIDE = (
    *("request_id", "model", "upstream_model", "error_code", "finish"),
    *("upstream_id", "upstream_request_id", "loss_paths"),
)
MOST_LOSSES = 100
# Together less than a page, which one write takes whole.
LOGGED_LOSSES = 20
LONGEST_PATH = 80


class Outcome(StrEnum):
    COMPLETED = "completed"
    REFUSED = "refused"  # by us: bad key, bad request, unknown model
    UPSTREAM_FAILED = "upstream_failed"  # it said so, or did not answer
    TRUNCATED = "truncated"  # it stopped in the middle of an answer
    CLIENT_GONE = "client_gone"
    CLIENT_STALLED = "client_stalled"  # it did not read for too long
    SHUTDOWN = "shutdown"
    FAILED = "failed"  # a fault of our own


@define
class Ledger:
    """
    The account of one exchange; a relay fills in what it sees pass.

    Attributes:
        model: as the caller named it.
        upstream_model: as the answer names it.
        finish: how choices ended, by index.
        usage: token counts, as the provider reports them; ``None`` if it does not.
        first_event: seconds from the request's head to the answer's first event.
        bytes: of the answer's body, to the client.
        losses: what could not be said in the other dialect, by its path.
    """

    request_id: str
    front: str
    operation: str
    started: float = field(factory=monotonic)
    backend: str | None = None
    model: str | None = None
    stream: bool = False
    status: int = 0
    outcome: Outcome | None = None
    error_code: str | None = None
    upstream_model: str | None = None
    upstream_id: str | None = None
    upstream_request_id: str | None = None
    finish: dict[int, Finish] = field(factory=dict)
    usage: Usage | None = None
    first_event: float | None = None
    bytes: int = 0
    events: int = 0
    losses: dict[str, Loss] = field(factory=dict)

    def heard(self) -> None:
        """Note the time of the first event; later calls change nothing."""
        if self.first_event is None:
            self.first_event = monotonic() - self.started

    def saw_usage(self, usage: Usage) -> None:
        self.usage = latest(self.usage, usage)

    def saw(self, seen: Seen) -> None:
        """Take in what one event, or a whole answer, tells as it passes."""
        self.upstream_id = self.upstream_id or seen.id
        self.upstream_model = self.upstream_model or seen.model
        if seen.finish:
            self.finish.update(seen.finish)
        if seen.usage is not None:
            self.saw_usage(seen.usage)

    def saw_reply(self, reply: Reply) -> None:
        """Take in a whole answer that was read."""
        self.upstream_id, self.upstream_model = reply.id, reply.model
        self.usage = reply.usage
        self.finish = {
            i: choice.finish
            for i, choice in enumerate(reply.choices)
            if choice.finish is not None
        }

    def lost(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            if len(self.losses) < MOST_LOSSES:
                self.losses.setdefault(loss.path, loss)

    def end(self, outcome: Outcome, error_code: str | None = None) -> None:
        """Settle how it ended; the first word counts."""
        if self.outcome is None:
            self.outcome = outcome
            self.error_code = error_code

    def fields(self) -> dict[str, Any]:
        """Return the account as flat JSON members for the log; no contents."""
        return self.account()[0]

    def account(self) -> tuple[dict[str, Any], str]:
        """Return `fields`, and as one text those whose values others choose."""
        usage = self.usage or Usage()
        first = self.first_event
        fields = {
            "request_id": self.request_id,
            "front": self.front,
            "operation": self.operation,
            "backend": self.backend,
            "model": self.model,
            "upstream_model": self.upstream_model,
            "stream": self.stream,
            "status": self.status,
            "outcome": self.outcome,
            "error_code": self.error_code,
            "finish": [f.raw for _, f in sorted(self.finish.items())],
            "input_tokens": usage.input_total,
            "cache_read_tokens": usage.cache_read,
            "output_tokens": usage.output,
            "reasoning_tokens": usage.reasoning,
            "usage_source": "none" if self.usage is None else "provider",
            "first_event_ms": None if first is None else round(first * 1e3, 1),
            "duration_ms": round((monotonic() - self.started) * 1e3, 1),
            "bytes": self.bytes,
            "events": self.events,
            "upstream_id": self.upstream_id,
            "upstream_request_id": self.upstream_request_id,
            "losses": len(self.losses),
            "loss_paths": self._loss_paths() if self.losses else [],
        }
        said = _together(fields)
        if len(said) > LONGEST_NAME or not said.isascii():
            for name in OUTSIDE:
                fields[name] = _cut(fields[name])
            said = _together(fields)
        return fields, said

    def _loss_paths(self) -> list[str]:
        """Return grade and path of the first losses; a log line has its limits."""
        first = islice(self.losses.values(), LOGGED_LOSSES)
        return [f"{loss.grade} {loss.path[:LONGEST_PATH]}" for loss in first]


def _together(fields: dict[str, Any]) -> str:
    return " ".join([str(fields[name]) for name in OUTSIDE])


def _cut(name: Any) -> Any:
    """Bound what others choose, and make text of it: no log takes a megabyte."""
    if isinstance(name, list):
        return [_cut(one) for one in name]
    if name is None:
        return None
    return name[:LONGEST_NAME].encode("utf-8", "replace").decode()
