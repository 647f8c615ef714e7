"""
A whole message, from the provider's JSON to the domain.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.reply import Choice, Finish, Reply, Stop
from gateway.wire.anthropic import extras_of, optional, read_finish, read_usage, without
from gateway.wire.anthropic.blocks import read_block
from gateway.wire.faults import fault_in
from gateway.wire.reading import whole

if TYPE_CHECKING:
    from gateway.domain.reply import Json

_MODELLED = (
    *("id", "type", "role", "model", "content", "stop_reason", "stop_sequence"),
    "usage",
)
# Members that a stream brings with the end of the message.
AT_END = ("container", "context_management", "stop_details")


def read_reply(json: Json) -> Reply:
    """
    Read a whole answer.

    Raises:
        BackendError: it is no message, or reports an error.
    """
    if (fault := fault_in(json)) is not None:
        raise fault
    return whole(_read, json)


def _read(json: dict[str, Json]) -> Reply:
    if json.get("type") != "message":
        raise TypeError
    word, usage = optional(json.get("stop_reason")), json.get("usage")
    finish = read_finish(word, json.get("stop_sequence")) if word else None
    at_end = {name: json[name] for name in AT_END if name in json}
    choice = Choice(
        tuple(read_block(block) for block in json["content"]),
        finish or Finish(Stop.OTHER),
        extras_of(at_end),
    )
    return Reply(
        id=optional(json.get("id")),
        model=optional(json.get("model")),
        choices=(choice,),
        usage=read_usage(usage) if usage else None,
        extras=extras_of(without(json, (*_MODELLED, *AT_END))),
    )


def read_count(json: Json) -> int:
    """
    Read the answer of ``/messages/count_tokens``.

    Raises:
        BackendError: it has another shape.
    """
    return whole(_count, json)


def _count(json: dict[str, Json]) -> int:
    count = json["input_tokens"]
    if type(count) is not int:
        raise TypeError
    return count
