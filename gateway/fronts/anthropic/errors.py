"""
Errors as Anthropic's clients expect them.

Source: https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError
    from gateway.fronts.base import Cut

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def write_error(error: LLMProxyError) -> bytes:
    """
    Return the body of an error answer.

    ``code`` is none of the dialect's own members, whose clients pass it over; it is
    where the provider's word for the error is kept.
    """
    status = error.status_code
    fallback = "api_error" if status >= 500 else "invalid_request_error"
    inner = {
        "type": _TYPES.get(status, fallback),
        "message": error.message,
        "code": error.code,
    }
    return encode({"type": "error", "error": inner})


def write_error_frame(error: LLMProxyError) -> bytes:
    """
    Return the frame that ends a broken stream; no ``message_stop`` may follow.

    The official SDKs raise on an event that is *named* so, and on nothing else: a
    bare end, and an error in the data alone, pass there for success.
    """
    return b"event: error\ndata: " + write_error(error) + b"\n\n"


def write_break(error: LLMProxyError, cut: Cut) -> bytes:  # noqa: ARG001
    """Return the same; it needs to know nothing of what has passed."""
    return write_error_frame(error)
