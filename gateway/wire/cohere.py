"""
The protocol of Cohere's chat, version 2: leaf objects, tables, a ledger's view.

Source: https://docs.cohere.com/reference/chat,
https://docs.cohere.com/reference/chat-stream
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.domain.errors import APITimeoutError, BackendError
from gateway.domain.parts import Citation, Logprob
from gateway.domain.reply import Finish, Json, Stop, Usage
from gateway.wire.faults import fault_in
from gateway.wire.json import loads
from gateway.wire.leaves import count_of, name_of
from gateway.wire.watching import Seen, Watching

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROTOCOL = "cohere"
DONE = b"[DONE]"

STOPS = {
    "COMPLETE": Stop.END,
    "STOP_SEQUENCE": Stop.SEQUENCE,
    "MAX_TOKENS": Stop.LENGTH,
    "TOOL_CALL": Stop.TOOLS,
}
# Words for an answer that is not what it would have been: no stops, but errors.
FAILURES: dict[str | None, tuple[type[BackendError], str]] = {
    "ERROR": (BackendError, "the upstream failed while it answered"),
    "TIMEOUT": (APITimeoutError, "the upstream took too long to answer"),
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
    prompt, output = count_of(tokens, "input_tokens"), count_of(tokens, "output_tokens")
    if prompt is None and output is None:
        return None
    cached = count_of(json, "cached_tokens")
    return Usage(
        input=None if prompt is None else max(0, prompt - (cached or 0)),
        cache_read=cached,
        output=output,
        reasoning=count_of(tokens, "reasoning_tokens"),
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
            start=count_of(json, "start"),
            end=count_of(json, "end"),
            extras=extras,
        )
        extras = {}


def read_logprob(json: dict[str, Json]) -> Logprob:
    """
    Return the probability of a piece of text.

    The piece may be of several tokens, whose texts are not told; that of the piece
    is the sum of their logarithms.

    Raises:
        TypeError: it has another shape.
    """
    return Logprob(name_of(json, "text") or "", sum(json.get("logprobs") or ()))


def error_in(json: Json, event: str = "") -> BackendError | None:
    """
    Return the error that *json* reports, if it does.

    An error is a message, perhaps with an id; everything else has a type or, a
    whole answer, a message that is an object. An answer may also end in one, with
    or without a text, which stands beside the reason in a stream's last delta.
    """
    if not isinstance(json, dict):
        return fault_in(json, event)
    bare = isinstance(json.get("message"), str) and "type" not in json
    if (fault := fault_in(json, "error" if bare else event)) is not None:
        return fault
    end = last_of(json)
    fault = fault_in(end)
    failure = FAILURES.get(name_of(end, "finish_reason"))
    if failure is None:
        return fault
    kind, message = failure
    return kind(message if fault is None else fault.message)


def last_of(json: dict[str, Json]) -> Json:
    """Return where an end is told: a stream's last delta, or a whole answer."""
    return json.get("delta") if json.get("type") == "message-end" else json


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
    end = last_of(json)
    word = name_of(end, "finish_reason")
    if word is None or not isinstance(end, dict):
        return Seen(id=name)
    return Seen(
        id=name,
        finish={0: read_finish(word)},
        usage=read_usage(end.get("usage")),
        last=True,
    )


_MARKS = re.compile(rb'"finish_reason"|"error"|"message"\s*+:\s*+"|\[DONE\]')


def spots(data: bytes) -> Sequence[int]:
    """Return where in *data* something stands that a ledger may want."""
    return [match.start() for match in _MARKS.finditer(data)]


WATCHING = Watching(look=look, spots=spots)
