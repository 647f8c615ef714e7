"""Texts in, vectors out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from gateway.domain.parts import Extras
    from gateway.domain.reply import Usage

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
        task: what the vectors are for, in the dialect's own word.
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
