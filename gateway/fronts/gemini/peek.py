"""The least that routing must know of a request in Gemini's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from attrs import evolve
from msgspec import Struct

from gateway.domain.errors import InvalidRequestError
from gateway.wire.json import decode

if TYPE_CHECKING:
    from gateway.fronts.base import Ask


class _Config(Struct):
    candidateCount: int | float | None = None  # noqa: N815 - Google's name
    candidate_count: int | float | None = None


class _Head(Struct):
    """The members that matter, of the right types; the rest is skipped."""

    generationConfig: _Config | None = None  # noqa: N815
    generation_config: _Config | None = None


_HEAD = msgspec.json.Decoder(_Head)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def peek(body: bytes, named: Ask | None) -> Ask:
    """
    Read how many answers the client wants; the path says all else.

    Args:
        named: model, stream and framing, as the path has them.

    Raises:
        InvalidRequestError: no JSON object, or *named* is missing.
    """
    if named is None:
        raise InvalidRequestError("the path names no model", code="model_not_found")
    try:
        head = decode(_HEAD, body)
    except msgspec.ValidationError as exc:
        _needs_object(body, exc)
        return evolve(named, wants_usage=True)  # whoever reads it all will say more
    except msgspec.DecodeError as exc:
        raise InvalidRequestError(
            f"the body is not valid JSON: {exc}", code="invalid_json"
        ) from exc
    return evolve(named, choices=_choices(head), wants_usage=True)


def _choices(head: _Head) -> int:
    config = head.generationConfig or head.generation_config
    if config is None:
        return 1
    count: Any = config.candidateCount or config.candidate_count or 1
    return max(1, int(count))


def _needs_object(body: bytes, exc: msgspec.ValidationError) -> None:
    try:
        decode(_OBJECT, body)
    except msgspec.ValidationError:
        raise InvalidRequestError("the body must be a JSON object") from exc
