"""
A whole response, from the provider's JSON to the domain.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.reply import Choice, Json, Reply
from gateway.wire.openai_responses.items import read_item
from gateway.wire.openai_responses.leaves import text_or_none
from gateway.wire.openai_responses.outcome import read_failure, read_finish
from gateway.wire.openai_responses.response import reply_extras
from gateway.wire.openai_responses.usage import read_usage
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.parts import Part


def read_reply(json: Json) -> Reply:
    """
    Return the reply.

    Raises:
        BackendError: the response failed, or has another shape.
    """
    return whole(_read, json)


def _read(json: dict[str, Json]) -> Reply:
    if json.get("status") == "failed":
        raise read_failure(json)
    parts = read_output(json["output"])
    usage = json.get("usage")
    return Reply(
        text_or_none(json["id"]),
        text_or_none(json.get("model")),
        read_created(json),
        (Choice(parts, read_finish(json)),),
        read_usage(usage) if usage else None,
        reply_extras(json),
    )


def read_created(json: dict[str, Json]) -> int | None:
    """Return when the response was begun; some servers write a fraction."""
    created: Json = json.get("created_at")
    return int(created) if type(created) in (int, float) else None


def read_output(output: list[dict[str, Json]]) -> tuple[Part, ...]:
    return tuple(part for i, item in enumerate(output) for part in read_item(item, i))
