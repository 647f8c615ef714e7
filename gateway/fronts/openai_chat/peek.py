"""The least that routing must know of a request in OpenAI's dialect."""

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
    n: int | None = None
    stream_options: dict[str, Any] | None = None


_HEAD = msgspec.json.Decoder(_Head)


def peek(body: bytes, named: Ask | None = None) -> Ask:
    """
    Read model, stream and two details; everything else may be as it likes.

    A model that the path names already need not be in the body.

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
        raise InvalidRequestError("model is missing or empty", param="model")
    if not head.stream:
        return Ask(model, stream=False)
    usage = bool((head.stream_options or {}).get("include_usage"))
    return Ask(model, True, head.n or 1, usage)


def _read(body: bytes) -> _Head:
    """Do the same member by member, to tolerate surrogates and to say what is wrong."""
    try:
        members = decode(_MEMBERS, body)
    except msgspec.ValidationError as exc:
        raise InvalidRequestError("the body must be a JSON object") from exc
    except msgspec.DecodeError as exc:
        raise InvalidRequestError(
            f"the body is not valid JSON: {exc}", code="invalid_json"
        ) from exc
    model = _member(members, "model", str, "a string")
    head = _Head(model, _member(members, "stream", bool, "a boolean"))
    if head.stream:
        head.n = _member(members, "n", int, "an integer")
        head.stream_options = _member(members, "stream_options", dict, "an object")
    return head


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
    raise InvalidRequestError(f"{name} must be {wanted}", param=name)
