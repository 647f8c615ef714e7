"""
A whole ``GenerateContentResponse``, from the upstream's JSON to the domain.

Source: https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.errors import BackendError
from gateway.domain.parts import Text, ToolCall
from gateway.domain.reply import Choice, Reply
from gateway.wire.faults import fault_in
from gateway.wire.gemini import (
    extras_of,
    is_finish,
    read_block,
    read_finish,
    read_part,
    read_usage,
    text_of,
)
from gateway.wire.gemini.candidates import (
    LOGPROBS,
    created_of,
    index_of,
    rest_of,
    take_citations,
)
from gateway.wire.gemini.sources import read_logprobs
from gateway.wire.ids import make_id
from gateway.wire.json import encode
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json

FEEDBACK = "promptFeedback"


def read_reply(json: Json) -> Reply:
    """
    Read a whole answer.

    Raises:
        BackendError: it is an error, or of another shape.
    """
    if (fault := fault_in(json)) is not None:
        raise fault
    return whole(_read, json)


def _read(json: Json) -> Reply:
    rest = dict(json)
    candidates, usage = rest.pop("candidates", None), rest.pop("usageMetadata", None)
    model, reply_id = text_of(rest, "modelVersion"), text_of(rest, "responseId")
    for name in ("modelVersion", "responseId"):
        rest.pop(name, None)
    seed = reply_id or encode(json)
    numbered = sorted(
        ((index_of(c, place), c) for place, c in enumerate(candidates or ())),
        key=lambda pair: pair[0],
    )
    choices = tuple(_read_candidate(c, (seed, number)) for number, c in numbered)
    if not choices and is_blocked(rest):
        feedback = rest.pop(FEEDBACK)
        finish = read_block(feedback["blockReason"])
        choices = (Choice((), finish, extras_of({FEEDBACK: feedback})),)
    if not choices:
        raise BackendError("the upstream gave no answer", code="upstream_invalid_reply")
    return Reply(
        reply_id,
        model,
        created_of(rest.get("createTime")),
        choices,
        read_usage(usage) if usage else None,
        extras_of(rest),
    )


def is_blocked(chunk: dict[str, Json]) -> bool:
    """Tell whether the prompt was not let through."""
    return bool((chunk.get(FEEDBACK) or {}).get("blockReason"))


def _read_candidate(json: dict[str, Json], seed: tuple[object, ...]) -> Choice:
    calls = 0

    def call_id(name: str) -> str:
        nonlocal calls
        calls += 1
        return make_id(*seed, calls, name)

    content = json.get("content") or {}
    parts = [read_part(part, call_id) for part in content.get("parts") or ()]
    rest = rest_of(json)
    _cite(parts, rest)
    word = json.get("finishReason")
    called = any(isinstance(part, ToolCall) for part in parts)
    finish = read_finish(word, calls=called) if is_finish(word) else None
    return Choice(tuple(parts), finish, extras_of(rest))


def _cite(parts: list[Part], rest: dict[str, Json]) -> None:
    """Hang sources and probabilities on the last text; there is hardly ever another."""
    texts = [(i, part) for i, part in enumerate(parts) if isinstance(part, Text)]
    if not texts or not rest:
        return
    place, last = texts[-1]
    citations = take_citations(rest, "".join(part.text for _, part in texts))
    logprobs = read_logprobs(rest.get(LOGPROBS) or {})
    parts[place] = evolve(last, citations=tuple(citations), logprobs=logprobs)


def read_count(json: Json) -> int:
    """
    Read the number of tokens.

    Raises:
        BackendError: there is none.

    Source: https://ai.google.dev/api/tokens
    """
    if (fault := fault_in(json)) is not None:
        raise fault
    return whole(_read_count, json)


def _read_count(json: Json) -> int:
    return int(json["totalTokens"])
