"""The least that routing must know of a request in OpenAI's dialect."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from gateway.domain.errors import InvalidRequestError
from gateway.fronts.base import Ask
from gateway.wire.json import decode

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ANY = msgspec.json.Decoder()


def peek(body: bytes) -> Ask:
    """
    Read model, stream and two details; everything else may be as it likes.

    Raises:
        InvalidRequestError: no JSON object, or one of these members is of the
            wrong type.
    """
    try:
        members = decode(_MEMBERS, body)
    except msgspec.ValidationError as exc:
        raise InvalidRequestError("the body must be a JSON object") from exc
    except msgspec.DecodeError as exc:
        raise InvalidRequestError(
            f"the body is not valid JSON: {exc}", code="invalid_json"
        ) from exc
    model = _member(members, "model", str, "a string")
    if not model:
        raise InvalidRequestError("model is missing or empty", param="model")
    stream = bool(_member(members, "stream", bool, "a boolean"))
    if not stream:
        return Ask(model, stream)
    options = _member(members, "stream_options", dict, "an object") or {}
    choices = _member(members, "n", int, "an integer") or 1
    return Ask(model, stream, choices, bool(options.get("include_usage")))


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
