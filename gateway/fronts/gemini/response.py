"""
A whole reply, from the domain to the client's ``GenerateContentResponse``.

Source: https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, approximate, dropped, unsaid_reply
from gateway.domain.parts import Media, Opaque, Refusal, Text, ToolCall
from gateway.fronts.base import Rendered
from gateway.wire.gemini import (
    PROTOCOL,
    arguments,
    own,
    write_finish,
    write_part,
    write_usage,
)
from gateway.wire.gemini.candidates import LOGPROBS, write_sources
from gateway.wire.gemini.sources import GROUNDING, write_logprobs
from gateway.wire.ids import is_made
from gateway.wire.json import encode
from gateway.wire.seal import seal_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.parts import Citation, Part, Signature
    from gateway.domain.reply import Choice, Json, Reply
    from gateway.fronts.base import Context

FEEDBACK = "promptFeedback"


def write_reply(reply: Reply, _: Context) -> Rendered:
    """Return the body of a whole answer."""
    json: dict[str, Json] = {}
    losses: list[Loss] = list(unsaid_reply(reply, PROTOCOL))
    candidates = []
    for i, choice in enumerate(reply.choices):
        feedback = own(choice.extras).get(FEEDBACK)
        if feedback is not None and not choice.parts:
            json[FEEDBACK] = feedback
            continue
        losses += _losses(f"choices[{i}].parts", choice.parts)
        candidates.append(write_candidate(i, choice))
    if candidates:
        json["candidates"] = candidates
    if reply.usage is not None:
        json["usageMetadata"] = write_usage(reply.usage)
    json |= write_head(reply.model, reply.id, own(reply.extras))
    return Rendered(encode(json), json, tuple(losses))


def write_head(
    model: str | None, reply_id: str | None, members: dict[str, Json]
) -> dict[str, Json]:
    """Return what each chunk repeats."""
    head: dict[str, Json] = {}
    if model is not None:
        head["modelVersion"] = model
    if reply_id is not None:
        head["responseId"] = reply_id
    return head | members


def write_candidate(index: int, choice: Choice) -> dict[str, Json]:
    members = own(choice.extras)
    parts = [json for part in choice.parts if (json := write_reply_part(part))]
    candidate: dict[str, Json] = {}
    if parts:
        candidate["content"] = {"parts": parts, "role": "model"}
    if choice.finish is not None:
        candidate["finishReason"] = write_finish(choice.finish)
    candidate["index"] = index
    texts = [part for part in choice.parts if isinstance(part, Text)]
    citations = [citation for text in texts for citation in text.citations]
    text = "".join(text.text for text in texts)
    candidate |= write_sources(citations, text, grounded=GROUNDING in members)
    logprobs = [token for text in texts for token in text.logprobs]
    if logprobs and LOGPROBS not in members:
        candidate[LOGPROBS] = write_logprobs(logprobs)
    return candidate | members


def write_reply_part(part: Part) -> dict[str, Json] | None:
    """Return *part*; ids of our own making are for others only."""
    json = write_part(part, seal_of(getattr(part, "signature", None)))
    if json is not None and isinstance(part, ToolCall) and is_made(part.id):
        del json["functionCall"]["id"]
    return json


def seal_of(signature: Signature | None) -> str | None:
    return None if signature is None else seal_bytes(signature, PROTOCOL)


def _losses(path: str, parts: tuple[Part, ...]) -> Iterator[Loss]:
    for i, part in enumerate(parts):
        yield from part_losses(f"{path}[{i}]", part)


def part_losses(path: str, part: Part) -> Iterator[Loss]:
    """Yield what of *part* this dialect has no word for."""
    match part:
        case Refusal():
            yield approximate(path, "Gemini has no refusals, it is written as text")
        case Opaque(origin=origin) if origin != PROTOCOL:
            yield dropped(path, f"only {origin} knows it")
        case ToolCall() if not arguments(part)[1]:
            yield approximate(f"{path}.input", "Gemini's arguments are an object")
        case Media(transcript=str(words)) if words:
            yield dropped(f"{path}.transcript", "Gemini's sounds have none")
        case Text(citations=citations):
            for citation in citations:
                yield from citation_losses(path, citation)


def citation_losses(path: str, citation: Citation) -> Iterator[Loss]:
    """Yield what is lost of a source that is no page of the web."""
    if citation.url is None and not own(citation.extras):
        yield dropped(f"{path}.citations", "Gemini's sources are pages of the web")


def write_count(count: int, estimate: bool) -> bytes:
    """
    Return the number of tokens.

    Source: https://ai.google.dev/api/tokens; ``estimated`` is our own.
    """
    json: dict[str, Json] = {"totalTokens": count}
    if estimate:
        json["estimated"] = True
    return encode(json)
