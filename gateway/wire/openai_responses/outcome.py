"""How a response ended: its status, and why it is incomplete or failed."""

from __future__ import annotations

from typing import Any

from gateway.domain.errors import BackendError
from gateway.domain.reply import Finish, Json, Stop
from gateway.wire.faults import fault_in

_INCOMPLETE = {"max_output_tokens": Stop.LENGTH, "content_filter": Stop.FILTER}
_REASONS = {stop: word for word, stop in _INCOMPLETE.items()}
_CALLS = ("function_call", "custom_tool_call")

# What a response goes through before it ends, in the background.
_UNDER_WAY = ("queued", "in_progress")


def read_finish(response: dict[str, Json]) -> Finish | None:
    """
    Return how a *response* ended; ``None`` if it has not, or does not say.

    The status does not tell tool calls and refusals apart from an answer; what
    is in the output does.
    """
    status = response.get("status")
    if not isinstance(status, str) or status in _UNDER_WAY:
        return None
    if status == "incomplete":
        reason = _reason(response.get("incomplete_details")) or status
        return Finish(_INCOMPLETE.get(reason, Stop.OTHER), reason)
    if status != "completed":
        return Finish(Stop.OTHER, status)
    return Finish(_stop_of(response.get("output")), status)


def _reason(details: Any) -> str | None:
    reason = details.get("reason") if isinstance(details, dict) else None
    return reason if isinstance(reason, str) else None


def _stop_of(output: Any) -> Stop:
    items = [item for item in output if isinstance(item, dict)] if output else []
    if any(item.get("type") in _CALLS for item in items):
        return Stop.TOOLS
    return Stop.REFUSAL if any(_refuses(item) for item in items) else Stop.END


def _refuses(item: dict[str, Json]) -> bool:
    parts = item.get("content") if item.get("type") == "message" else ()
    return isinstance(parts, list) and any(
        isinstance(part, dict) and part.get("type") == "refusal" for part in parts
    )


def write_status(finish: Finish, output: Json = None) -> tuple[str, Json]:
    """
    Return ``status`` and ``incomplete_details``.

    A reason that the dialect does not know is told as one for which the answer
    is incomplete: it must not pass for a whole one. A refusal is whole if it is
    in the *output*; else the answer was kept back, as by a filter.
    """
    match finish.stop:
        case Stop.REFUSAL if _stop_of(output) is not Stop.REFUSAL:
            return "incomplete", {"reason": _REASONS[Stop.FILTER]}
        case Stop.END | Stop.TOOLS | Stop.SEQUENCE | Stop.REFUSAL:
            return "completed", None
        case Stop.ERROR:
            return "failed", None
        case Stop.OTHER:
            if finish.raw == "cancelled":
                return finish.raw, None
            reason = None if finish.raw == "incomplete" else finish.raw
            return "incomplete", {"reason": reason} if reason else None
        case stop:
            return "incomplete", {"reason": _REASONS[stop]}


def read_failure(response: dict[str, Json]) -> BackendError:
    """Return the error of a *response* that failed."""
    return fault_in({"error": response.get("error")}) or BackendError(
        "the upstream's answer failed, and it did not say why",
        code="upstream_failed",
    )
