"""The least that routing must know of a request, where the body says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from gateway.fronts.fields import Fields, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from msgspec.json import Decoder

    from gateway.fronts.base import Ask

H = TypeVar("H", bound="Head")


class Head(Struct):
    """The members that matter, of the right types; the rest is skipped."""

    model: str | None = None
    stream: bool | None = None


HEAD = msgspec.json.Decoder(Head)


def read_head(
    body: bytes,
    decoder: Decoder[H],
    read: Callable[[Fields], H],
    named: Ask | None = None,
) -> H:
    """
    Return the head of a request; everything else may be as it likes.

    Args:
        decoder: quick, and wrong about nothing that it accepts.
        read: tolerates lone surrogates, and says what is wrong.
        named: what the path names already need not be in the body.

    Raises:
        InvalidRequestError: no JSON object, a member of the wrong type, or no model.
    """
    try:
        head = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        head = None
    if head is None or not (head.model or named):
        json = parse(body)
        if not named:
            Fields(json).needs_name("model")
        head = read(Fields(json))
    return head


def read_model_and_stream(top: Fields) -> Head:
    return Head(top.text("model"), top.flag("stream"))
