"""
Errors as upstreams report them, in any of the usual shapes.

One reader for all protocols: compatible servers and gateways in between mix them,
and an error is the last place to be strict.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gateway.domain.errors import BackendError
from gateway.wire.json import decode
from gateway.wire.overflow import CODE, find_overflow

# What a part of the word says; the first that fits counts.
_STATUSES = {
    # Amazon's, by https://docs.aws.amazon.com/bedrock/latest/userguide/
    # troubleshooting-api-error-codes.html
    "accessdenied": 403,
    "expiredtoken": 403,
    "incompletesignature": 400,
    "invalidsignature": 403,
    "modelerror": 424,
    "modelnotready": 429,
    "modelstreamerror": 424,
    "modeltimeout": 408,
    "resourcenotfound": 404,
    "servicequotaexceeded": 400,
    "throttling": 429,
    "unrecognizedclient": 403,
    "validationexception": 400,
    "authentication": 401,
    "bad_request": 400,
    "billing": 402,
    "context_length": 400,
    "deadline_exceeded": 504,
    "failed_precondition": 400,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_argument": 400,
    "invalid_request": 400,
    "not_found": 404,
    "overloaded_error": 529,  # Anthropic
    "overloaded": 503,
    "permission": 403,
    "rate_limit": 429,
    "request_too_large": 413,
    "resource_exhausted": 429,
    "server_error": 500,
    "service_unavailable": 503,
    "timeout": 504,
    "tool_use_failed": 400,
    "too_many_requests": 429,
    "unauthenticated": 401,
    "unauthorized": 401,
    "unavailable": 503,
    "unimplemented": 501,
    "api_error": 500,
    "internal": 500,
}

_JSON = msgspec.json.Decoder()
# Where the words are; Amazon's services differ in the case.
_NAMES = frozenset({"message", "detail", "Message"})
_NUMBER = re.compile(r"[0-9]{3}")
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")


def read_fault(data: bytes, event: str = "") -> BackendError | None:
    """
    Return the error that *data* reports; ``None`` if it reports none.

    ``{"error": {...}}`` and ``{"error": "text"}`` are OpenAI's and most others';
    ``{"object": "error", "message": ...}`` is vLLM's and Mistral's; ``{"type":
    "error", ...}`` are Anthropic's and those of Responses; Gemini's endpoints put
    the first into an array. A frame named ``error`` is one, whatever is in it.

    The HTTP status is the numeric code where there is one, else what the words
    of type and code stand for, else 502.
    """
    try:
        json = decode(_JSON, data)
    except msgspec.DecodeError:
        return None
    return fault_in(json, event)


def read_refusal(data: bytes, kind: str = "") -> BackendError | None:
    """
    Do the same for the body of an answer whose status says that it is an error.

    There a bare ``{"message": ...}`` (Cohere, Bedrock) or ``{"detail": ...}``
    (Mistral, FastAPI) is one, too.

    Args:
        kind: what Amazon's ``x-amzn-errortype`` says: the name of the error, which
            its body lacks, and maybe a colon and an address.
    """
    try:
        json = decode(_JSON, data)
    except msgspec.DecodeError:
        return None
    if (fault := fault_in(json)) is not None:
        return fault
    says = isinstance(json, dict) and not _NAMES.isdisjoint(json)
    if not says:
        return None
    name = kind.partition(":")[0]
    return fault_in({"code": name, **json} if name else json, "error")


def fault_in(json: Any, event: str = "") -> BackendError | None:
    """Do the same for what is decoded."""
    if isinstance(json, list) and len(json) == 1:
        json = json[0]
    if not isinstance(json, dict):
        return None
    error = json.get("error")
    kind = json.get("object") if json.get("object") == "error" else json.get("type")
    if not error and "error" in (event, kind):
        error = json
    if not error:
        return None
    if not isinstance(error, dict):
        error = {"message": str(error)}
    words = [error.get(name) for name in ("code", "type", "status", "status_code")]
    words.append(_amazons(error.get("__type")))
    message = _message(error)
    texts = [w for w in words if w and isinstance(w, str) and w != "error"]
    if (sizes := find_overflow(message, texts, error)) is not None:
        return BackendError(message, details=sizes, code=CODE, status_code=400)
    return BackendError(
        message,
        # A status by itself is no word.
        code=next((t for t in texts if not _NUMBER.fullmatch(t)), "provider_error"),
        status_code=_status(words),
        retry_after=_retry_after(error),
    )


def _amazons(kind: Any) -> str | None:
    """
    Return the error's name in ``com.amazonaws.bedrock#ThrottlingException``.

    Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
    """
    return kind.rpartition("#")[2] if isinstance(kind, str) else None


def _message(error: dict[str, Any]) -> str:
    for name in ("message", "detail", "Message"):
        match error.get(name):
            case str() as text if text:
                return text
            case [{"msg": str() as text}, *_]:  # FastAPI's list of mistakes
                return text
            case {"detail": [{"msg": str() as text}, *_]}:  # Mistral's, inside
                return text
    return "the upstream reported an error"


def _retry_after(error: dict[str, Any]) -> float | None:
    """Return seconds, which Google hides among the details."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (found := _SECONDS.fullmatch(delay)):
            return float(found[1])
    return None


def _status(words: list[Any]) -> int:
    numbers = [
        int(w) if isinstance(w, str) and _NUMBER.fullmatch(w) else w for w in words
    ]
    for number in numbers:
        if isinstance(number, int) and 400 <= number <= 599:
            return number
    # OpenAI says "invalid_request_error" of nearly everything; the code, which
    # comes first, says what it is.
    texts = [word.lower() for word in words if isinstance(word, str)]
    found = (
        status for text in texts for word, status in _STATUSES.items() if word in text
    )
    return next(found, 502)
