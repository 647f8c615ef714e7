"""
Errors as clients of the Responses expect them.

Source: https://platform.openai.com/docs/api-reference/responses-streaming/error
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.fronts.openai_chat.errors import error_object, write_error
from gateway.fronts.openai_responses.composing import named
from gateway.wire.openai_responses.names import DEFAULTS

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.reply import Json
    from gateway.fronts.base import Cut

__all__ = ["write_break", "write_error", "write_fault"]


def write_fault(
    error: LLMProxyError, number: int, response: dict[str, Json]
) -> tuple[bytes, dict[str, Json]]:
    """
    Return the two events that end a broken stream, and the failed response.

    The first is told both ways, flat as it is documented and in the member that
    OpenAI itself sends: the official SDKs raise on the member only.

    Args:
        error: why.
        number: the ``sequence_number`` of the first.
        response: as far as it is known.
    """
    told = error_object(error)
    event = {name: told[name] for name in ("code", "message", "param")}
    event |= {"type": "error", "sequence_number": number, "error": told}
    why = {"code": told["code"], "message": told["message"]}
    failed = response | {"status": "failed", "error": why}
    last = {
        "type": "response.failed",
        "sequence_number": number + 1,
        "response": failed,
    }
    return named("error", event) + named("response.failed", last), failed


def write_break(error: LLMProxyError, cut: Cut) -> bytes:
    """Return the events that end a stream which passed untouched so far."""
    response: dict[str, Json] = {
        **DEFAULTS,
        "id": cut.id or "resp_unknown",
        "object": "response",
        "created_at": 0,
        "model": cut.model or cut.ask.model,
        "incomplete_details": None,
        "instructions": None,
        "output": [],
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }
    return write_fault(error, cut.events, response)[0]
