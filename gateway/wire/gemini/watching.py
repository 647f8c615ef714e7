"""What a ledger can see in Gemini's answers as they pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from gateway.wire.faults import read_fault
from gateway.wire.gemini.leaves import (
    is_finish,
    read_block,
    read_finish,
    read_usage,
)
from gateway.wire.json import decode
from gateway.wire.watching import Seen, Watching, everywhere

if TYPE_CHECKING:
    from gateway.domain.reply import Finish, Usage


_NOTHING = Raw(b"null")


class _Candidate(Struct):
    index: Any = None
    finishReason: Any = None  # noqa: N815 - Google's names
    content: Raw = _NOTHING


class _Feedback(Struct):
    blockReason: Any = None  # noqa: N815


class _Chunk(Struct):
    """The members of a chunk or reply that a ledger wants."""

    candidates: list[_Candidate] | None = None
    usageMetadata: Any = None  # noqa: N815
    promptFeedback: _Feedback | None = None  # noqa: N815
    modelVersion: Any = None  # noqa: N815
    responseId: Any = None  # noqa: N815
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)


def look(data: bytes, event: str) -> Seen:
    """
    Read what *data*, one chunk or a whole answer, tells a ledger.

    In a stream the calls may have come before the chunk with the finish word: then
    ``STOP`` is seen as an end, where a reader that remembers says tools.

    Raises:
        msgspec.DecodeError: it is not JSON.
    """
    try:
        chunk = decode(_CHUNK, data)
    except msgspec.ValidationError:
        return Seen(fault=read_fault(data, event))
    fault = read_fault(data, event) if chunk.error or event == "error" else None
    return Seen(
        id=chunk.responseId if isinstance(chunk.responseId, str) else None,
        model=chunk.modelVersion if isinstance(chunk.modelVersion, str) else None,
        finish=_finishes(chunk),
        usage=_usage(chunk.usageMetadata),
        fault=fault,
    )


def _finishes(chunk: _Chunk) -> dict[int, Finish]:
    found: dict[int, Finish] = {}
    for place, candidate in enumerate(chunk.candidates or ()):
        if is_finish(candidate.finishReason):
            index = candidate.index if isinstance(candidate.index, int) else place
            # Quotes in a text are escaped, so only a member looks like this.
            calls = b'"functionCall"' in bytes(candidate.content)
            found[index] = read_finish(candidate.finishReason, calls=calls)
    feedback = chunk.promptFeedback
    if not found and feedback is not None and feedback.blockReason:
        found[0] = read_block(feedback.blockReason)
    return found


def _usage(json: Any) -> Usage | None:
    return read_usage(json) if json and isinstance(json, dict) else None


# Nearly every event counts tokens, and whoever breaks off a stream wants to know
# how many it came to: so all are looked at.
WATCHING = Watching(look=look, spots=everywhere, finishes=True)
