"""
Embeddings of OpenAI's, which compatible providers offer, too.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.embeddings import EmbeddingReply, read_vector, unsaid
from gateway.domain.loss import dropped
from gateway.plugin import Written
from gateway.wire.openai_chat import PROTOCOL, read_usage
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingRequest
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json

_KNOWN = frozenset({"object", "data", "model", "usage"})


def write_embeddings(request: EmbeddingRequest) -> Written:
    """Return the body, one input by itself only where it came so."""
    inputs = [list(i) if isinstance(i, tuple) else i for i in request.inputs]
    bare = request.single is True and len(inputs) == 1
    body: dict[str, Json] = {
        "model": request.model,
        "input": inputs[0] if bare else inputs,
    }
    members = {
        "dimensions": request.dimensions,
        "encoding_format": request.encoding,
        "user": request.user,
    }
    body |= {name: value for name, value in members.items() if value is not None}
    losses: list[Loss] = []
    if request.task is not None:
        losses.append(dropped("task", "OpenAI's models embed for any task"))
    losses += unsaid(request, PROTOCOL)
    own: dict[str, Json] = request.extras.get(PROTOCOL, {})
    return Written(body | own, tuple(losses))


def read_embeddings(json: Json) -> EmbeddingReply:
    """
    Return the vectors, in the order of their inputs.

    Raises:
        BackendError: it has another shape.
    """
    return whole(_read, json)


def _read(json: dict[str, Json]) -> EmbeddingReply:
    rows = json["data"]
    # Some servers work in parallel and answer in another order.
    rows = sorted(rows, key=lambda row: row.get("index") or 0)
    usage = json.get("usage")
    rest = {name: json[name] for name in json.keys() - _KNOWN}
    return EmbeddingReply(
        model=json.get("model"),
        vectors=tuple(read_vector(row["embedding"]) for row in rows),
        usage=read_usage(usage) if usage else None,
        extras={PROTOCOL: rest} if rest else {},
    )
