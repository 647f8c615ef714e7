"""
Embeddings of Ollama's ``/api/embed``.

Source: https://docs.ollama.com/api/embed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.embeddings import EmbeddingReply, read_vector, texts_of, unsaid
from gateway.domain.loss import dropped
from gateway.plugin import Written
from gateway.wire.leaves import name_of
from gateway.wire.ollama import PROTOCOL, read_usage
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingRequest
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json


def write_embeddings(request: EmbeddingRequest) -> Written:
    losses: list[Loss] = []
    texts = texts_of(request, "Ollama", losses)
    body: dict[str, Json] = {"model": request.model, "input": texts}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    losses += (
        dropped(name, "Ollama has no such member")
        for name in ("task", "user")
        if getattr(request, name) is not None
    )
    losses += unsaid(request, PROTOCOL)
    own: dict[str, Json] = request.extras.get(PROTOCOL, {})
    return Written(body | own, tuple(losses))


def read_embeddings(json: Json) -> EmbeddingReply:
    """
    Return the vectors.

    Raises:
        BackendError: it has another shape.
    """
    return whole(_read, json)


def _read(json: dict[str, Json]) -> EmbeddingReply:
    vectors = tuple(read_vector(vector) for vector in json["embeddings"])
    return EmbeddingReply(name_of(json, "model"), vectors, read_usage(json))
