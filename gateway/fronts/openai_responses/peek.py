"""The least that routing must know of a request."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gateway.fronts.base import Ask
from gateway.fronts.fields import Fields, parse


class _Head(Struct):
    """The members that matter, of the right types; the rest is skipped."""

    model: str | None = None
    stream: bool | None = None


_HEAD = msgspec.json.Decoder(_Head)


def peek(body: bytes, said: Ask | None = None) -> Ask:  # noqa: ARG001 - in no path
    """
    Read model and stream; everything else may be as it likes.

    Token counts are always in the answer.

    Raises:
        InvalidRequestError: no JSON object, or one of the two is of the wrong
            type, or there is no model.
    """
    try:
        head = _HEAD.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        head = _Head()
    if head.model:
        return Ask(head.model, bool(head.stream), wants_usage=True)
    # Lone surrogates, or something is wrong: this says what.
    top = Fields(parse(body))
    return Ask(top.needs_name("model"), top.flag("stream") or False, wants_usage=True)
