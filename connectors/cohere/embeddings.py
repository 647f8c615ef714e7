"""
Embeddings of Cohere's, version 2.

Source: https://docs.cohere.com/reference/embed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.embeddings import EmbeddingReply, read_vector, texts_of, unsaid
from gateway.domain.loss import approximate, dropped
from gateway.plugin import Written
from gateway.wire.cohere import PROTOCOL, read_usage
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingRequest
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json

# Cohere has to be told what for. Their guide indexes with the first of these, and
# with it what was indexed before is found again.
DEFAULT = "search_document"
SAME = {
    "RETRIEVAL_DOCUMENT": "search_document",
    "RETRIEVAL_QUERY": "search_query",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
}
NEAREST = {
    "QUESTION_ANSWERING": "search_query",
    "FACT_VERIFICATION": "search_query",
    "CODE_RETRIEVAL_QUERY": "search_query",
    "SEMANTIC_SIMILARITY": "clustering",
}


def write_embeddings(request: EmbeddingRequest) -> Written:
    """
    Return the body.

    ``input_type``, which chooses between documents and queries, may stand in the
    extras of any dialect: OpenAI's clients have no other way to say it.
    """
    losses: list[Loss] = []
    body: dict[str, Json] = {
        "model": request.model,
        "texts": texts_of(request, "Cohere", losses),
        "input_type": _write_task(request, losses),
        "embedding_types": ["float"],
    }
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    if request.user is not None:
        losses.append(dropped("user", "Cohere has no such member"))
    losses += (loss for loss in unsaid(request, PROTOCOL) if loss.path != "input_type")
    own: dict[str, Json] = request.extras.get(PROTOCOL, {})
    return Written(body | own, tuple(losses))


def _write_task(request: EmbeddingRequest, losses: list[Loss]) -> str:
    for members in request.extras.values():
        if isinstance(said := members.get("input_type"), str):
            return said
    task = request.task or ""
    if task in SAME:
        return SAME[task]
    word = NEAREST.get(task, DEFAULT)
    why = f"Cohere wants to know what for, and was told {word}"
    losses.append(approximate("task", why))
    return word


def read_embeddings(json: Json) -> EmbeddingReply:
    """
    Return the vectors.

    Raises:
        BackendError: it has another shape.
    """
    return whole(_read, json)


def _read(json: dict[str, Json]) -> EmbeddingReply:
    vectors = tuple(read_vector(vector) for vector in json["embeddings"]["float"])
    return EmbeddingReply(None, vectors, read_usage(json.get("meta")))
