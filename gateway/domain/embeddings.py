"""Texts in, vectors out."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

from gateway.domain.errors import BackendError
from gateway.domain.loss import dropped, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.loss import Loss
    from gateway.domain.parts import Extras
    from gateway.domain.reply import Json, Usage

Vector: TypeAlias = tuple[float, ...]


@frozen
class EmbeddingRequest:
    """
    Attributes:
        inputs: each a text, or a text as token numbers of the model's own.
        single: the one input was not in a list; ``None``: not known.
        dimensions: of the vectors.
        encoding: how the caller wants a vector: ``float`` or ``base64`` (of
            little-endian 32-bit floats).
        task: what the vectors are for, in Gemini's words, which are the finest:
            ``RETRIEVAL_QUERY``, ``RETRIEVAL_DOCUMENT``, ``SEMANTIC_SIMILARITY``,
            ``CLASSIFICATION``, ``CLUSTERING``, ``QUESTION_ANSWERING``,
            ``FACT_VERIFICATION``, ``CODE_RETRIEVAL_QUERY``.
    """

    model: str
    inputs: tuple[str | tuple[int, ...], ...] = field(default=(), repr=False)
    single: bool | None = None
    dimensions: int | None = None
    encoding: str | None = None
    task: str | None = None
    user: str | None = None
    extras: Extras = field(factory=dict)


@frozen
class EmbeddingReply:
    """
    Attributes:
        vectors: one for each input, in its order.
    """

    model: str | None = None
    vectors: tuple[Vector, ...] = field(default=(), repr=False)
    usage: Usage | None = None
    extras: Extras = field(factory=dict)


def texts_of(request: EmbeddingRequest, dialect: str, losses: list[Loss]) -> list[str]:
    """Return the inputs that are texts; only their own model knows token numbers."""
    for i, text in enumerate(request.inputs):
        if not isinstance(text, str):
            losses.append(refused(f"inputs[{i}]", f"{dialect} takes texts only"))
    return [text for text in request.inputs if isinstance(text, str)]


def vectors_of(reply: EmbeddingReply, request: EmbeddingRequest) -> tuple[Vector, ...]:
    """
    Return the vectors, one for each input.

    Raises:
        BackendError: there are more or fewer, and nobody knows which is whose.
    """
    if len(reply.vectors) != len(request.inputs):
        raise BackendError(
            f"the upstream answered {len(request.inputs)} inputs "
            f"with {len(reply.vectors)} vectors",
            code="upstream_invalid_reply",
        )
    return reply.vectors


def unsaid(request: EmbeddingRequest, dialect: str) -> Iterator[Loss]:
    """Yield a loss for each member in ``extras`` that *dialect* does not know."""
    for origin, members in request.extras.items():
        if origin != dialect:
            for member, json in members.items():
                if json is not None:
                    yield dropped(member, f"only {origin} knows it")


def read_vector(json: Json) -> Vector:
    """
    Return a vector from a list of numbers, or from base64 of 32-bit floats.

    Raises:
        ValueError: it is no base64, or not of whole floats.
        TypeError: it is something else.
    """
    if isinstance(json, str):
        packed = base64.b64decode(json, validate=True)
        if len(packed) % 4:
            raise ValueError(f"{len(packed)} bytes are no vector of 32-bit floats")
        return struct.unpack(f"<{len(packed) // 4}f", packed)
    if not isinstance(json, list) or not all(map(_is_number, json)):
        raise TypeError("a vector is a list of numbers")
    return tuple(json)


def write_base64(vector: Vector) -> str:
    """
    Return *vector* as base64 of little-endian 32-bit floats.

    Raises:
        BackendError: a number is too large for that.
    """
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except OverflowError as exc:
        raise BackendError(
            "a number of a vector does not fit into 32 bits",
            code="upstream_invalid_reply",
        ) from exc
    return base64.b64encode(packed).decode()


def _is_number(json: Json) -> bool:
    return isinstance(json, int | float) and not isinstance(json, bool)
