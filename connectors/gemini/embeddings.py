"""
Embeddings of Gemini's, always by ``batchEmbedContents``.

Source: https://ai.google.dev/api/embeddings
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.embeddings import EmbeddingReply, read_vector, texts_of, unsaid
from gateway.domain.loss import dropped
from gateway.plugin import Written
from gateway.wire.gemini import PROTOCOL, read_usage
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingRequest
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json

_PREFIX = "models/"


def write_embeddings(request: EmbeddingRequest) -> Written:
    """
    Return the body: one request for each input, which repeats the model's name.

    Most models answer a request of several contents with one vector.
    """
    losses: list[Loss] = []
    texts = texts_of(request, "Gemini", losses)
    if request.user is not None:
        losses.append(dropped("user", "Gemini has no such member"))
    losses += unsaid(request, PROTOCOL)
    own: dict[str, Json] = request.extras.get(PROTOCOL, {})
    members = {
        "model": _PREFIX + request.model.removeprefix(_PREFIX),
        "taskType": request.task,
        "outputDimensionality": request.dimensions,
        **own,
    }
    shared = {name: value for name, value in members.items() if value is not None}
    requests = [{**shared, "content": {"parts": [{"text": text}]}} for text in texts]
    return Written({"requests": requests}, tuple(losses))


def read_embeddings(json: Json) -> EmbeddingReply:
    """
    Return the vectors, of a batch or the one of ``embedContent``.

    Raises:
        BackendError: it has another shape.
    """
    return whole(_read, json)


def _read(json: dict[str, Json]) -> EmbeddingReply:
    rows = json["embeddings"] if "embeddings" in json else [json["embedding"]]
    usage = json.get("usageMetadata")
    return EmbeddingReply(
        vectors=tuple(read_vector(row["values"]) for row in rows),
        usage=read_usage(usage) if usage else None,
    )
