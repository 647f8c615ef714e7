"""
Bedrock's Converse: what it calls things, and what its errors stand for.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
and https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
and the service model ``bedrock-runtime`` that botocore brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.domain.errors import (
    APITimeoutError,
    BackendError,
    RateLimitExceededError,
    ServiceUnavailableError,
)
from gateway.domain.parts import Citation, Signature
from gateway.domain.reply import Finish, Json, Stop, Usage
from gateway.wire.json import loads
from gateway.wire.leaves import count_of, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOL = "bedrock_converse"

STOPS = {
    "end_turn": Stop.END,
    "tool_use": Stop.TOOLS,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "stop_sequence": Stop.SEQUENCE,
    "guardrail_intervened": Stop.FILTER,
    "content_filtered": Stop.FILTER,
    "malformed_model_output": Stop.ERROR,
    "malformed_tool_use": Stop.ERROR,
}

# Exceptions, in small letters as a stream names them: the status that the service
# model gives them, and the kind of error.
EXCEPTIONS: Mapping[str, tuple[int, type[BackendError]]] = {
    "accessdeniedexception": (403, BackendError),
    "expiredtokenexception": (403, BackendError),
    "internalserverexception": (500, BackendError),
    "modelerrorexception": (424, BackendError),
    "modelnotreadyexception": (429, RateLimitExceededError),
    "modelstreamerrorexception": (424, BackendError),
    "modeltimeoutexception": (408, APITimeoutError),
    "resourcenotfoundexception": (404, BackendError),
    "servicequotaexceededexception": (400, BackendError),
    "serviceunavailableexception": (503, ServiceUnavailableError),
    "throttlingexception": (429, RateLimitExceededError),
    "validationexception": (400, BackendError),
}
# A thought that is nothing but a seal; its value says so, because there is one slot
# for both where other dialects carry them.
_REDACTED = "redacted:"


def read_finish(word: str, fields: Json = None) -> Finish:
    """
    Return how an answer ended.

    Args:
        fields: ``additionalModelResponseFields``, in which a model may tell the stop
            sequence that was hit.
    """
    hit = name_of(fields, "stop_sequence")
    if hit is None and isinstance(fields, dict):
        hit = name_of(fields.get("delta"), "stop_sequence")
    return Finish(STOPS.get(word, Stop.OTHER), word, hit)


def unread(fields: Json) -> Json:
    """Return of *fields* what `read_finish` has not taken; ``None``: nothing."""
    if not isinstance(fields, dict):
        return fields
    rest = {name: value for name, value in fields.items() if name != "stop_sequence"}
    delta = rest.get("delta")
    if isinstance(delta, dict) and delta.keys() <= {"stop_sequence"}:
        del rest["delta"]
    return rest or None


def read_usage(json: Json) -> Usage | None:
    """Return the counts; what was read from a cache is not in ``inputTokens``."""
    prompt, output = count_of(json, "inputTokens"), count_of(json, "outputTokens")
    if prompt is None and output is None:
        return None
    return Usage(
        input=prompt,
        cache_read=count_of(json, "cacheReadInputTokens"),
        cache_write=count_of(json, "cacheWriteInputTokens"),
        output=output,
        raw=json,
    )


def read_citation(json: dict[str, Json]) -> Citation:
    """
    Return a source; its positions are in the source, and stay in the extras.

    Raises:
        TypeError: it has another shape.
    """
    texts = (name_of(piece, "text") for piece in json.get("sourceContent") or ())
    location: Any = json.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    source = name_of(json, "source")
    by_source = source is not None and source.startswith(("http:", "https:"))
    return Citation(
        url=name_of(web, "url") or (source if by_source else None),
        title=name_of(json, "title") or (None if by_source else source),
        quote="".join(text for text in texts if text) or None,
        extras={PROTOCOL: json},
    )


def read_redacted(data: str) -> Signature:
    return Signature(PROTOCOL, _REDACTED + data)


def redacted(signature: Signature) -> str | None:
    """Return the content of a redacted thought; ``None`` if it is another."""
    found = signature.value.removeprefix(_REDACTED)
    return None if found == signature.value else found


def read_exception(kind: str, data: bytes) -> BackendError:
    """
    Return the error that stands for an exception inside a stream.

    Args:
        kind: such as ``throttlingException``.
        data: its JSON, which has a message.
    """
    try:
        json = loads(data)
    except ValueError:
        json = None
    said = (name_of(json, name) for name in ("message", "originalMessage", "Message"))
    message = next((text for text in said if text), "the upstream failed")
    status, error = EXCEPTIONS.get(kind.lower(), (502, BackendError))
    return error(message, status_code=status, code=kind or "provider_error")
