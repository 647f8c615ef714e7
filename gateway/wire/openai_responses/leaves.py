"""
The smallest objects, read and written: texts, their sources and probabilities.

Readers are careless: over another shape they raise what `gateway.wire.reading`
lists in ``SHAPE``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Citation, Extras, Logprob, Refusal, Text, Thinking
from gateway.wire.openai_responses.names import (
    FORM,
    ITEM,
    PROTOCOL,
    WORDS,
    extras_of,
    form_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.reply import Json


def a_text(json: Json) -> str:
    """
    Return *json*, which the protocol promises to be a string.

    Raises:
        TypeError: it is none.
    """
    if type(json) is not str:
        raise TypeError("a string was promised")
    return json


def text_or_none(json: Json) -> str | None:
    return json if isinstance(json, str) else None


def _index(json: Json) -> int | None:
    return json if type(json) is int else None


# Lists that OpenAI always writes, and others leave out.
_LISTS = ("annotations", "logprobs")
_TEXT = ("type", "text", *_LISTS)
_REFUSAL = ("type", "refusal")

REASONING = {"summary": "summary_text", "content": "reasoning_text"}


def read_text(json: dict[str, Json], group: int | None = None) -> Text:
    """Read an ``output_text``."""
    return Text(
        a_text(json["text"]),
        read_logprobs(json.get("logprobs") or ()),
        tuple(read_citation(a) for a in json.get("annotations") or ()),
        group=group,
        extras=text_extras(json),
    )


def text_extras(json: dict[str, Json]) -> Extras:
    """Return what of an ``output_text`` is not modelled, and its form."""
    members = {k: v for k, v in json.items() if k not in _TEXT}
    if absent := [name for name in _LISTS if json.get(name) is None]:
        members |= {name: None for name in absent if name in json}
        members[FORM] = {"absent": absent}
    return extras_of(members)


def write_text(text: Text) -> dict[str, Json]:
    json: dict[str, Json] = {
        "type": "output_text",
        "annotations": write_citations(text.citations),
        "logprobs": write_logprobs(text.logprobs),
        "text": text.text,
    }
    for name in form_of(text.extras).get("absent", ()):
        if not json[name]:
            del json[name]
    return json | part_words(text.extras)


def part_words(extras: Extras) -> dict[str, Json]:
    """Return the members of a part itself, without those of its item."""
    if PROTOCOL not in extras:
        return {}
    members: dict[str, Json] = extras[PROTOCOL]
    beside = (ITEM, FORM, *WORDS)
    return {k: v for k, v in members.items() if k not in beside}


def read_refusal(json: dict[str, Json], group: int | None = None) -> Refusal:
    members = {k: v for k, v in json.items() if k not in _REFUSAL}
    return Refusal(a_text(json["refusal"]), group, extras_of(members))


def write_refusal(refusal: Refusal) -> dict[str, Json]:
    words = part_words(refusal.extras)
    return {"type": "refusal", "refusal": refusal.text, **words}


def read_thought(json: dict[str, Json], group: int | None = None) -> Thinking:
    """Read one part of a reasoning item's ``summary`` or ``content``."""
    members = {k: v for k, v in json.items() if k not in ("type", "text")}
    extras = thought_extras(a_text(json["type"]), members)
    return Thinking(a_text(json["text"]), group=group, extras=extras)


def thought_extras(kind: str, members: dict[str, Json]) -> Extras:
    if kind != REASONING["summary"]:
        members = {**members, FORM: {"type": kind}}
    return extras_of(members)


def write_thought(thought: Thinking) -> dict[str, Json]:
    kind = form_of(thought.extras).get("type", REASONING["summary"])
    return {"type": kind, "text": thought.text, **part_words(thought.extras)}


def read_citation(json: dict[str, Json]) -> Citation:
    return Citation(
        url=text_or_none(json.get("url")),
        title=text_or_none(json.get("title") or json.get("filename")),
        start=_index(json.get("start_index")),
        end=_index(json.get("end_index")),
        extras={PROTOCOL: json},
    )


def write_citations(citations: Iterable[Citation]) -> list[Json]:
    written = (write_citation(citation) for citation in citations)
    return [json for json in written if json is not None]


def write_citation(citation: Citation) -> Json:
    """Return the provider's own, or else a URL; ``None`` if there is neither."""
    if PROTOCOL in citation.extras:
        return citation.extras[PROTOCOL]
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
        "title": citation.title or "",
        "url": citation.url,
    }


def read_logprobs(json: Iterable[dict[str, Json]]) -> tuple[Logprob, ...]:
    return tuple(
        Logprob(
            a_text(token["token"]),
            0.0 + token["logprob"],
            _bytes(token),
            read_logprobs(token.get("top_logprobs") or ()),
        )
        for token in json
    )


def _bytes(token: dict[str, Json]) -> tuple[int, ...] | None:
    if token.get("bytes") is None:
        return None
    return tuple(bytes(token["bytes"]))  # which raises for what is no byte


def write_logprobs(logprobs: Iterable[Logprob]) -> list[Json]:
    return [
        _token(token) | {"top_logprobs": [_token(top) for top in token.top]}
        for token in logprobs
    ]


def _token(token: Logprob) -> dict[str, Json]:
    json: dict[str, Json] = {"token": token.token, "logprob": token.logprob}
    # The official SDKs promise their callers a list.
    text = token.token.encode("utf-8", "surrogatepass")
    json["bytes"] = [*(text if token.bytes is None else token.bytes)]
    return json
