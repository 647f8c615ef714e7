"""
``POST /v1/embeddings``, in OpenAI's dialect.

Source: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from gateway.domain.embeddings import EmbeddingRequest, vectors_of, write_base64
from gateway.fronts.base import Rendered
from gateway.fronts.fields import Fields, parse, unacceptable, unexpected
from gateway.wire.json import encode
from gateway.wire.openai_chat import PROTOCOL, extras_of, write_usage

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingReply, Vector
    from gateway.domain.reply import Json
    from gateway.fronts.base import Ask

Input: TypeAlias = "str | tuple[int, ...]"
ENCODINGS = ("float", "base64")
EXPECTED = "a string, a list of strings, or token numbers"


def read_embeddings(body: bytes, ask: Ask) -> EmbeddingRequest:
    """
    Read what a client asks; the model is the one that *ask* names.

    Raises:
        InvalidRequestError: with the JSON path in ``param``.
    """
    top = Fields(parse(body))
    top.text("model")
    encoding = top.text("encoding_format")
    if encoding is not None and encoding not in ENCODINGS:
        expected = f"one of {', '.join(ENCODINGS)}"
        raise unacceptable("encoding_format", expected, encoding)
    inputs, single = _read_input(top.needs("input", EXPECTED))
    return EmbeddingRequest(
        model=ask.model,
        inputs=inputs,
        single=single,
        dimensions=top.integer("dimensions", least=1),
        encoding=encoding,
        user=top.text("user"),
        extras=extras_of(top.rest()),
    )


def _read_input(json: Json) -> tuple[tuple[Input, ...], bool]:
    """Return the inputs, and whether one came without a list around it."""
    match json:
        case str():
            return (json,), True
        case [int(), *_]:
            return (_tokens(json, "input"),), True
        case [_, *_]:
            rows = enumerate(json)
            return tuple(_one(item, f"input[{i}]") for i, item in rows), False
        case _:
            raise unexpected("input", f"{EXPECTED}, not empty", json)


def _one(json: Json, at: str) -> Input:
    if isinstance(json, str):
        return json
    if not isinstance(json, list) or not json:
        raise unexpected(at, "a string or a list of token numbers", json)
    return _tokens(json, at)


def _tokens(json: list[Json], at: str) -> tuple[int, ...]:
    for i, token in enumerate(json):
        if isinstance(token, bool) or not isinstance(token, int):
            raise unexpected(f"{at}[{i}]", "a token number", token)
    return tuple(json)


def write_embeddings(reply: EmbeddingReply, request: EmbeddingRequest) -> Rendered:
    """
    Return the answer; vectors in base64 where the client wants it so.

    OpenAI's SDK does unless it is told otherwise. A model that did not count its
    tokens is shown with zeros, which this dialect cannot leave out.

    Raises:
        BackendError: the inputs have not one vector each, or a number of one does
            not fit into base64's 32 bits.
    """
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    if reply.usage is not None:
        known = write_usage(reply.usage)
        usage = {name: known[name] for name in usage}
    json = {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": i,
                "embedding": _write_vector(vector, request.encoding),
            }
            for i, vector in enumerate(vectors_of(reply, request))
        ],
        "model": reply.model or request.model,
        "usage": usage,
        **reply.extras.get(PROTOCOL, {}),
    }
    return Rendered(encode(json), json)


def _write_vector(vector: Vector, encoding: str | None) -> Json:
    return write_base64(vector) if encoding == "base64" else list(vector)
