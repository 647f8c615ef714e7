"""The least that routing must know of a request in Anthropic's dialect."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.domain.errors import InvalidRequestError
from gateway.fronts.base import Ask
from gateway.wire.json import decode

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ANY = msgspec.json.Decoder()


class _Head(Struct):
    """The members that matter, of the right types; the rest is skipped."""

    model: str | None = None
    stream: bool | None = None


_HEAD = msgspec.json.Decoder(_Head)


def peek(body: bytes, named: Ask | None = None) -> Ask:
    """
    Read model and stream; everything else may be as it likes.

    What the path names already need not be in the body. Every stream of this
    dialect ends with token counts, so its clients always want them.

    Raises:
        InvalidRequestError: no JSON object, or one of these members is of the
            wrong type.
    """
    try:
        head = _HEAD.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        head = _read(body)
    model = named.model if named else head.model
    if not model:
        raise InvalidRequestError("model: expected a model's name", param="model")
    stream = bool(head.stream) or (named is not None and named.stream)
    return Ask(model, stream, wants_usage=stream)


def _read(body: bytes) -> _Head:
    """Do the same member by member, to tolerate surrogates and to say what is wrong."""
    try:
        members = decode(_MEMBERS, body)
    except msgspec.ValidationError as exc:
        raise InvalidRequestError("the body: expected an object") from exc
    except msgspec.DecodeError as exc:
        raise InvalidRequestError(
            f"the body is not JSON: {exc}", code="invalid_json"
        ) from exc
    return _Head(
        _member(members, "model", str, "a string"),
        _member(members, "stream", bool, "true or false"),
    )


def _member(members: dict[str, Raw], name: str, kind: type, wanted: str) -> Any:
    raw = members.get(name)
    if raw is None:
        return None
    try:
        value = decode(_ANY, bytes(raw))
    except msgspec.DecodeError as exc:
        raise InvalidRequestError(f"{name}: {exc}", param=name) from exc
    if value is None or type(value) is kind:
        return value
    raise InvalidRequestError(f"{name}: expected {wanted}", param=name)
