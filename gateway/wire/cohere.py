"""
The protocol of Cohere's chat, version 2: leaf objects, tables, a ledger's view.

Source: https://docs.cohere.com/reference/chat,
https://docs.cohere.com/reference/chat-stream
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway.domain.parts import Citation, Logprob
from gateway.domain.reply import Finish, Json, Stop, Usage
from gateway.wire.faults import fault_in
from gateway.wire.json import loads
from gateway.wire.watching import Seen, Watching

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.domain.errors import BackendError

PROTOCOL = "cohere"
DONE = b"[DONE]"

STOPS = {
    "COMPLETE": Stop.END,
    "STOP_SEQUENCE": Stop.SEQUENCE,
    "MAX_TOKENS": Stop.LENGTH,
    "TOOL_CALL": Stop.TOOLS,
    "ERROR": Stop.ERROR,
    "TIMEOUT": Stop.ERROR,
}


def read_finish(word: str) -> Finish:
    return Finish(STOPS.get(word, Stop.OTHER), word)


def read_usage(json: Json) -> Usage | None:
    """
    Split the counts into disjoint columns; ``None`` if there are none.

    ``tokens`` is what the model read and wrote, with the provider's own preamble;
    ``billed_units`` leaves that out, and stands in where it is alone. What came
    from a cache is inside of the input. The numbers may be floats.
    """
    if not isinstance(json, dict):
        return None
    tokens = json.get("tokens") or json.get("billed_units")
    prompt, output = _count(tokens, "input_tokens"), _count(tokens, "output_tokens")
    if prompt is None and output is None:
        return None
    cached = _count(json, "cached_tokens")
    return Usage(
        input=None if prompt is None else max(0, prompt - (cached or 0)),
        cache_read=cached,
        output=output,
        reasoning=_count(tokens, "reasoning_tokens"),
        raw=json,
    )


def read_citations(json: dict[str, Json]) -> Iterator[Citation]:
    """
    Yield a citation for each source that stands behind one stretch of the text.

    The first has the provider's own object. A source is a document of the caller's
    own or what a tool answered; some have a title, an address and a text.
    """
    sources: list[Json] = json.get("sources") or [{}]
    extras = {PROTOCOL: json}
    for source in sources:
        about = source.get("document") or source.get("tool_output")
        yield Citation(
            url=name_of(about, "url"),
            title=name_of(about, "title"),
            quote=name_of(about, "text") or name_of(about, "snippet"),
            start=_count(json, "start"),
            end=_count(json, "end"),
            extras=extras,
        )
        extras = {}


def read_logprob(json: dict[str, Json]) -> Logprob:
    """
    Return the probability of a piece of text.

    The piece may be of several tokens, whose texts are not told; that of the piece
    is the sum of their logarithms.
    """
    return Logprob(json.get("text") or "", sum(json.get("logprobs") or ()))


def error_in(json: Json, event: str = "") -> BackendError | None:
    """
    Return the error that *json* reports, if it does.

    An error is a message, perhaps with an id; everything else has a type or, a
    whole answer, a message that is an object.
    """
    bare = isinstance(json, dict) and isinstance(json.get("message"), str)
    return fault_in(json, "error" if bare and "type" not in json else event)


def look(data: bytes, event: str = "") -> Seen:
    """
    Return what an event, or a whole answer, tells a ledger.

    Raises:
        ValueError: it is neither JSON nor the last word.
    """
    if data == DONE:
        return Seen(last=True)
    json = loads(data)
    if not isinstance(json, dict):
        return Seen()
    name = name_of(json, "id")
    if (fault := error_in(json, event)) is not None:
        return Seen(id=name, fault=fault)
    # A whole answer has at its top what a stream has in its last delta.
    end = json.get("delta") if json.get("type") == "message-end" else json
    word = name_of(end, "finish_reason")
    if word is None or not isinstance(end, dict):
        return Seen(id=name)
    told = fault_in(end)
    return Seen(
        id=name,
        finish={} if told else {0: read_finish(word)},
        usage=None if told else read_usage(end.get("usage")),
        fault=told,
        last=True,
    )


_MARKS = re.compile(rb'"finish_reason"|"error"|"message"\s*+:\s*+"|\[DONE\]')


def spots(data: bytes) -> Sequence[int]:
    """Return where in *data* something stands that a ledger may want."""
    return [match.start() for match in _MARKS.finditer(data)]


WATCHING = Watching(look=look, spots=spots)


def name_of(json: Any, member: str) -> str | None:
    """Return a text that is not empty, or ``None``."""
    value = json.get(member) if isinstance(json, dict) else None
    return value if isinstance(value, str) and value else None


def _count(json: Any, name: str) -> int | None:
    value = json.get(name) if isinstance(json, dict) else None
    return int(value) if isinstance(value, int | float) else None
