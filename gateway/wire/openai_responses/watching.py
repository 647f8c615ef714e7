"""What a ledger can see of a response that passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.wire.faults import fault_in
from gateway.wire.json import decode
from gateway.wire.openai_responses.names import ENDS
from gateway.wire.openai_responses.outcome import read_failure, read_finish
from gateway.wire.openai_responses.usage import read_usage
from gateway.wire.watching import Seen, Watching

_JSON = msgspec.json.Decoder()
_DONE = b"[DONE]"
# Events that hold the response have it in a member of this name; errors are of
# that type or in a member called so.
_MARKS = (b'"response"', b'"error"')


def look(data: bytes, event: str = "") -> Seen:
    """
    Read what a ledger wants of *data*: one event's, or a whole response.

    Raises:
        msgspec.DecodeError: not JSON.
    """
    if data == _DONE:
        return Seen(last=True)  # OpenRouter, after response.completed
    json = decode(_JSON, data)
    if not isinstance(json, dict):
        return Seen(fault=fault_in(json, event))
    kind, response = json.get("type"), json.get("response")
    if json.get("object") in ("response", "response.compaction"):
        return _see(json, last=True)
    if isinstance(response, dict) and isinstance(kind, str):
        return _see(response, last=kind in ENDS)
    if kind == "error" or event == "error" or (kind is None and json.get("error")):
        return Seen(fault=fault_in(json, "error"))
    return Seen()


def _see(response: dict[str, Any], *, last: bool) -> Seen:
    name, model = response.get("id"), response.get("model")
    usage = response.get("usage")
    failed = response.get("status") == "failed"
    finish = read_finish(response) if last and not failed else None
    return Seen(
        id=name if isinstance(name, str) else None,
        model=model if isinstance(model, str) else None,
        finish={} if finish is None else {0: finish},
        usage=read_usage(usage) if usage and isinstance(usage, dict) else None,
        fault=read_failure(response) if failed else None,
        last=last,
    )


def spots(data: bytes) -> Sequence[int]:
    """
    Return where in *data* something stands that a ledger may want.

    Quotes inside a JSON string are escaped, so a text cannot look like a member.
    """
    found: list[int] = []
    for mark in _MARKS:
        at = data.find(mark)
        while at >= 0:
            found.append(at)
            at = data.find(mark, at + len(mark))
    return sorted(found) if found else ()


# Every event has a number of its own at its end or in its midst, so no two end
# alike: there is no ``ending``.
WATCHING = Watching(look=look, spots=spots)
