"""
``:embedContent`` and ``:batchEmbedContents``, in Gemini's dialect.

Source: https://ai.google.dev/api/embeddings
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.embeddings import EmbeddingRequest, vectors_of
from gateway.domain.errors import InvalidRequestError
from gateway.fronts.base import Rendered
from gateway.fronts.fields import Fields, parse, unacceptable, unexpected
from gateway.wire.gemini import camel, extras_of, write_usage
from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingReply
    from gateway.domain.reply import Json
    from gateway.fronts.base import Ask

# What the one call of another provider's applies to all of its inputs.
_SHARED = ("task", "dimensions", "extras")
_NAMES = {"task": "taskType", "dimensions": "outputDimensionality"}


def read_embeddings(body: bytes, ask: Ask) -> EmbeddingRequest:
    """
    Read what a client asks: one content, or ``requests`` of one each.

    Raises:
        InvalidRequestError: with the JSON path in ``param``, also where the requests
            of a batch want different things.
    """
    json = camel(parse(body))
    if not isinstance(json, dict) or "requests" not in json:
        return _read_one(json, "", ask.model)
    batch = [
        _read_one(item, at, ask.model) for at, item in Fields(json).items("requests")
    ]
    if not batch:
        raise unexpected("requests", "a list of one request or more", json["requests"])
    first = batch[0]
    for i, other in enumerate(batch):
        _check_alike(first, other, f"requests[{i}]")
    return EmbeddingRequest(
        model=ask.model,
        inputs=tuple(text for one in batch for text in one.inputs),
        single=False,
        dimensions=first.dimensions,
        task=first.task,
        extras=first.extras,
    )


def _read_one(json: Json, at: str, model: str) -> EmbeddingRequest:
    fields = Fields(json, at)
    fields.text("model")
    content = fields.needs_fields("content")
    task = fields.text("taskType")
    return EmbeddingRequest(
        model=model,
        inputs=(_read_text(content),),
        single=True,
        dimensions=fields.integer("outputDimensionality", least=1),
        task=None if task == "TASK_TYPE_UNSPECIFIED" else task,
        extras=extras_of({n: v for n, v in fields.rest().items() if n != "content"}),
    )


def _read_text(content: Fields) -> str:
    content.text("role")
    texts = []
    for at, json in content.items("parts"):
        part = Fields(json, at)
        texts.append(part.needs_text("text"))
    if not texts:
        raise unacceptable(content.at("parts"), "at least one text", len(texts))
    return "".join(texts)


def _check_alike(first: EmbeddingRequest, other: EmbeddingRequest, at: str) -> None:
    for name in _SHARED:
        if getattr(first, name) != getattr(other, name):
            path = f"{at}.{_NAMES[name]}" if name in _NAMES else at
            raise InvalidRequestError(
                f"{path}: expected the same as in requests[0], for this model's "
                "provider embeds a batch in one way",
                code="invalid_value",
                param=path,
            )


def write_embeddings(reply: EmbeddingReply, request: EmbeddingRequest) -> Rendered:
    """
    Return the answer in the shape of the operation that was asked.

    Raises:
        BackendError: the inputs have not one vector each.
    """
    vectors = [{"values": list(vector)} for vector in vectors_of(reply, request)]
    json: dict[str, Json] = (
        {"embedding": vectors[0]} if request.single else {"embeddings": vectors}
    )
    if reply.usage is not None:
        json["usageMetadata"] = write_usage(reply.usage)
    return Rendered(encode(json), json)
