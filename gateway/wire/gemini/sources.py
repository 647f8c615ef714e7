"""
Sources and probabilities of a candidate's text.

Google counts places in a text by the bytes of its UTF-8, the domain by characters.

Source: https://ai.google.dev/api/generate-content#GroundingMetadata,
#CitationMetadata and #LogprobsResult
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Citation, Logprob
from gateway.wire.gemini.leaves import extras_of, own, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.domain.reply import Json

# AI Studio's name of the list in ``citationMetadata``, and that of Vertex AI.
LISTS = ("citationSources", "citations")
GROUNDING = "groundingMetadata"


def read_citations(metadata: dict[str, Json], text: str) -> Iterator[Citation]:
    """Yield the sources in a ``citationMetadata``; each keeps its own JSON."""
    for name in LISTS:
        for source in metadata.get(name) or ():
            yield Citation(
                url=text_of(source, "uri"),
                title=text_of(source, "title"),
                start=_character(text, source.get("startIndex", 0)),
                end=_character(text, source.get("endIndex")),
                extras=extras_of({name: source}),
            )


def write_citations(citations: Sequence[Citation]) -> dict[str, Json]:
    """Return the ``citationMetadata`` of those that came in one."""
    metadata: dict[str, Json] = {}
    for citation in citations:
        for name, source in own(citation.extras).items():
            if name in LISTS:
                metadata.setdefault(name, []).append(source)
    return metadata


def read_grounding(metadata: dict[str, Json], text: str) -> Iterator[Citation]:
    """
    Yield a citation for each source of each passage.

    They are marked (``groundingMetadata`` is ``None`` in their ``extras``): their
    own dialect writes the whole metadata instead.
    """
    chunks = metadata.get("groundingChunks") or ()
    for support in metadata.get("groundingSupports") or ():
        segment = support.get("segment") or {}
        for index in support.get("groundingChunkIndices") or ():
            if 0 <= index < len(chunks):
                source = _source(chunks[index])
                yield Citation(
                    url=text_of(source, "uri"),
                    title=text_of(source, "title"),
                    start=_character(text, segment.get("startIndex", 0)),
                    end=_character(text, segment.get("endIndex")),
                    extras=extras_of({GROUNDING: None}),
                )


def _source(chunk: dict[str, Json]) -> dict[str, Json]:
    """Return the source, which stands under its kind: ``web``, ``maps``, ..."""
    return next((s for s in chunk.values() if isinstance(s, dict)), {})


def write_grounding(citations: Sequence[Citation], text: str) -> dict[str, Json]:
    """Return a ``groundingMetadata`` for citations of other dialects."""
    chunks: list[Json] = []
    supports: list[Json] = []
    for citation in citations:
        if own(citation.extras):
            continue
        web = {"uri": citation.url or "", "title": citation.title or ""}
        if {"web": web} not in chunks:
            chunks.append({"web": web})
        start, end = citation.start or 0, citation.end
        segment: dict[str, Json] = {"startIndex": len(text[:start].encode(*_LOOSE))}
        if end is not None:
            segment["endIndex"] = len(text[:end].encode(*_LOOSE))
            segment["text"] = text[start:end]
        index = chunks.index({"web": web})
        supports.append({"segment": segment, "groundingChunkIndices": [index]})
    if not chunks:
        return {}
    return {"groundingChunks": chunks, "groundingSupports": supports}


_LOOSE = ("utf-8", "surrogatepass")


def _character(text: str, offset: Json) -> int | None:
    """Return which character of *text* begins at the byte *offset*, if one does."""
    if type(offset) is not int or offset < 0:
        return None
    if text.isascii():
        return offset if offset <= len(text) else None
    encoded = text.encode(*_LOOSE)
    if offset > len(encoded):
        return None
    try:
        return len(encoded[:offset].decode(*_LOOSE))
    except UnicodeDecodeError:
        return None


def read_logprobs(result: dict[str, Json]) -> tuple[Logprob, ...]:
    tops = result.get("topCandidates") or ()
    chosen = result.get("chosenCandidates") or ()
    return tuple(
        _read_logprob(token, tops[i].get("candidates") if i < len(tops) else ())
        for i, token in enumerate(chosen)
    )


def _read_logprob(token: dict[str, Json], tops: Json = ()) -> Logprob:
    return Logprob(
        text_of(token, "token") or "",
        float(token.get("logProbability", 0.0)),
        top=tuple(_read_logprob(top) for top in tops or ()),
    )


def write_logprobs(logprobs: Sequence[Logprob]) -> dict[str, Json]:
    return {
        "chosenCandidates": [_write_logprob(token) for token in logprobs],
        "topCandidates": [
            {"candidates": [_write_logprob(top) for top in token.top]}
            for token in logprobs
        ],
    }


def _write_logprob(token: Logprob) -> dict[str, Json]:
    return {"token": token.token, "logProbability": token.logprob}
