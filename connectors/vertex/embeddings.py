"""
Embeddings of Vertex AI, which go by ``predict``: a form of Google's own.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
text-embeddings-api
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from connectors.gemini.translator import TRANSLATOR
from gateway.domain.embeddings import EmbeddingReply, read_vector, texts_of, unsaid
from gateway.domain.loss import dropped
from gateway.domain.reply import Usage
from gateway.plugin import Dialect, Written
from gateway.wire.gemini import PROTOCOL
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingRequest
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json

# What a Gemini client says of a text, in the words of ``predict``.
_OF_INSTANCE = {"title": "title"}


def write_embeddings(request: EmbeddingRequest) -> Written:
    """Return the body: an instance for each input."""
    losses: list[Loss] = []
    texts = texts_of(request, "Vertex AI", losses)
    if request.user is not None:
        losses.append(dropped("user", "Vertex AI has no such member"))
    losses += unsaid(request, PROTOCOL)
    own: dict[str, Json] = request.extras.get(PROTOCOL, {})
    said = {"task_type": request.task}
    for name, value in own.items():
        if name in _OF_INSTANCE:
            said[_OF_INSTANCE[name]] = value
        elif value is not None:
            losses.append(dropped(name, "Vertex AI has no such member"))
    shared = {name: value for name, value in said.items() if value is not None}
    body: dict[str, Json] = {"instances": [{**shared, "content": t} for t in texts]}
    if request.dimensions is not None:
        body["parameters"] = {"outputDimensionality": request.dimensions}
    return Written(body, tuple(losses))


def read_embeddings(json: Json) -> EmbeddingReply:
    """
    Return the vectors.

    Raises:
        BackendError: it has another shape.
    """
    return whole(_read, json)


def _read(json: dict[str, Any]) -> EmbeddingReply:
    rows = [row["embeddings"] for row in json["predictions"]]
    counts = [(row.get("statistics") or {}).get("token_count") for row in rows]
    known = [int(count) for count in counts if count is not None]
    return EmbeddingReply(
        vectors=tuple(read_vector(row["values"]) for row in rows),
        usage=Usage(input=sum(known)) if known else None,
    )


PREDICT = Dialect(
    # Nobody's clients speak it, so all are translated.
    protocol="vertex_predict",
    paths={"embeddings": "/publishers/google/models/{model}:predict"},
    translator=evolve(
        TRANSLATOR, write_embeddings=write_embeddings, read_embeddings=read_embeddings
    ),
    models=(
        *("gemini-embedding-001", "text-embedding-*", "text-multilingual-embedding-*"),
    ),
    own_errors=False,
)
