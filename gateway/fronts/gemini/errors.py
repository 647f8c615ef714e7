"""
Errors as Google's clients expect them.

Source: https://cloud.google.com/apis/design/errors and
https://ai.google.dev/gemini-api/docs/troubleshooting
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.errors import LLMProxyError
    from gateway.domain.reply import Json
    from gateway.fronts.base import Cut

# HTTP status: the word that Google's canonical codes have for it.
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_RPC = "type.googleapis.com/google.rpc."


def error_json(error: LLMProxyError) -> dict[str, Json]:
    """
    Return the dialect's ``{"error": {code, message, status, details}}``.

    ``error`` stands first and alone: by this Google's Python SDK knows an error
    in the middle of a stream.
    """
    status = error.status_code
    fallback = "INTERNAL" if status >= 500 else "INVALID_ARGUMENT"
    return {
        "error": {
            "code": status,
            "message": error.message,
            "status": STATUSES.get(status, fallback),
            "details": _details(error),
        }
    }


def _details(error: LLMProxyError) -> list[Json]:
    reason = error.code.upper()
    details: list[Json] = [
        {"@type": f"{_RPC}ErrorInfo", "reason": reason, "domain": "sluicegate"}
    ]
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_RPC}BadRequest", "fieldViolations": [violation]})
    if error.retry_after is not None:
        delay = f"{error.retry_after:.9g}s"
        details.append({"@type": f"{_RPC}RetryInfo", "retryDelay": delay})
    return details


def write_error(error: LLMProxyError) -> bytes:
    """Return the body of an error answer."""
    return encode(error_json(error))


def write_error_frame(error: LLMProxyError) -> bytes:
    """
    Return what ends a broken stream of events: an event, and its JSON again, bare.

    Google sends it bare. Only newer SDKs look into events for errors; older ones
    for JavaScript (Gemini CLI has one) and those for Go would see the stream end
    well. No blank line follows, or the bare one would be skipped as an event.

    Source: https://github.com/googleapis/js-genai ``processStreamResponse``,
    https://github.com/googleapis/go-genai ``iterateResponseStream``
    """
    body = write_error(error)
    return b"data: " + body + b"\r\n\r\n" + body


def write_error_element(error: LLMProxyError, *, begun: bool) -> bytes:
    """Return the element that ends a broken array, and the array's end."""
    return (b",\r\n" if begun else b"[") + write_error(error) + b"]"


def write_break(error: LLMProxyError, cut: Cut) -> bytes:
    """Return what ends a stream that passed untouched so far."""
    if cut.ask.framing == "array":
        return write_error_element(error, begun=cut.events > 0)
    return write_error_frame(error)
