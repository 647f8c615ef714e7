"""
Errors as OpenAI's clients expect them.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.reply import Json
    from gateway.fronts.base import Cut

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def error_object(error: LLMProxyError) -> dict[str, Json]:
    """Return the dialect's ``{message, type, param, code}``."""
    status = error.status_code
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    return {
        "message": error.message,
        "type": _TYPES.get(status, fallback),
        "param": error.param,
        "code": error.code,
    }


def write_error(error: LLMProxyError) -> bytes:
    """Return the body of an error answer."""
    return encode({"error": error_object(error)})


def write_break(error: LLMProxyError, _cut: Cut) -> bytes:
    """Return the same for a stream that passed untouched, wherever it broke."""
    return write_error_frame(error)


def write_error_frame(error: LLMProxyError) -> bytes:
    """
    Return the frame that ends a broken stream; no ``[DONE]`` may follow.

    The official SDKs raise on it, while a bare end of the stream passes there
    for success.
    """
    return b"data: " + write_error(error) + b"\n\n"
