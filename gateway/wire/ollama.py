"""
Ollama's own protocol: leaf objects, tables, and what a ledger sees.

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/api/usage
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.domain.parts import Logprob
from gateway.domain.reply import Finish, Json, Stop, Usage
from gateway.wire.faults import fault_in
from gateway.wire.json import loads
from gateway.wire.leaves import count_of, name_of
from gateway.wire.watching import Seen, Watching

PROTOCOL = "ollama"

STOPS = {"stop": Stop.END, "length": Stop.LENGTH}  # "load", "unload": no answer
COUNTS = ("prompt_eval_count", "eval_count")
METRICS = frozenset(
    {
        *COUNTS,
        *("total_duration", "load_duration"),
        *("prompt_eval_duration", "eval_duration"),
    }
)


def read_finish(word: str | None, *, calls: bool) -> Finish:
    """
    Return how an answer ended.

    Args:
        word: ``done_reason``, which old servers leave out.
        calls: the model asked for tools, of which the word says nothing.
    """
    stop = STOPS.get(word, Stop.OTHER) if word else Stop.END
    return Finish(Stop.TOOLS if calls and stop is Stop.END else stop, word or None)


def read_usage(json: dict[str, Json]) -> Usage | None:
    """
    Return the counts of an answer's last object; ``None`` if it has none.

    The server leaves out a count that is zero. It does not tell what of the
    prompt came from its cache.
    """
    found = {name: json[name] for name in METRICS if name in json}
    prompt, output = (count_of(json, name) for name in COUNTS)
    if prompt is None and output is None:
        return None
    return Usage(input=prompt, output=output, raw=found)


def read_created(json: dict[str, Json]) -> int | None:
    """Return unix seconds of ``created_at``, which has nanoseconds."""
    value: Json = json.get("created_at")
    try:
        return int(datetime.fromisoformat(str(value)).timestamp())
    except (ValueError, OverflowError):
        return None


def read_logprobs(json: Json) -> tuple[Logprob, ...]:
    return tuple(_read_logprob(token) for token in json or ())


def _read_logprob(json: dict[str, Any]) -> Logprob:
    token, in_bytes = json["token"], json.get("bytes")
    if not isinstance(token, str):
        raise TypeError("no text")
    return Logprob(
        token,
        float(json["logprob"]),
        None if in_bytes is None else tuple(bytes([*in_bytes])),
        tuple(_read_logprob(top) for top in json.get("top_logprobs") or ()),
    )


def look(data: bytes, event: str = "") -> Seen:
    """
    Return what one line of a stream, or a whole answer, tells a ledger.

    Raises:
        ValueError: it is not JSON.
    """
    json = loads(data)
    if not isinstance(json, dict):
        return Seen()
    fault = fault_in(json, event)
    if fault is not None or not json.get("done"):
        return Seen(model=name_of(json, "model"), fault=fault)
    message = json.get("message")
    calls = isinstance(message, dict) and bool(message.get("tool_calls"))
    finish = read_finish(name_of(json, "done_reason"), calls=calls)
    return Seen(
        model=name_of(json, "model"),
        finish={0: finish},
        usage=read_usage(json),
        last=True,
    )


WATCHING = Watching(look=look)
