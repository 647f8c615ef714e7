"""Every error, as each of the four dialects tells it."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from gateway.dialects import front
from gateway.domain import errors
from gateway.domain.errors import (
    ContextLengthExceededError,
    LLMProxyError,
    RateLimitExceededError,
    RoutingError,
)
from gateway.fronts.base import Ask, Cut
from gateway.wire.sse import SseFramer

CLIENTS = ("openai_chat", "openai_responses", "anthropic", "gemini")
CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, LLMProxyError)
]
each_client = pytest.mark.parametrize("client", CLIENTS)
each_class = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)

OPENAI = frozenset(
    {
        "authentication_error",
        "invalid_request_error",
        "permission_error",
        "rate_limit_error",
        "server_error",
    }
)
# Source: https://platform.claude.com/docs/en/api/errors
ANTHROPIC = frozenset(
    {
        "api_error",
        "authentication_error",
        "billing_error",
        "invalid_request_error",
        "not_found_error",
        "overloaded_error",
        "permission_error",
        "rate_limit_error",
        "request_too_large",
        "timeout_error",
    }
)
# Source: https://cloud.google.com/apis/design/errors
GOOGLE = frozenset(
    {
        "ABORTED",
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "INTERNAL",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "UNAUTHENTICATED",
        "UNAVAILABLE",
        "UNIMPLEMENTED",
    }
)
# Status: the word in OpenAI's dialects, in Anthropic's, in Google's.
WORDS = {
    400: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    401: ("authentication_error", "authentication_error", "UNAUTHENTICATED"),
    403: ("permission_error", "permission_error", "PERMISSION_DENIED"),
    404: ("invalid_request_error", "not_found_error", "NOT_FOUND"),
    408: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    413: ("invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
    422: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    429: ("rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"),
    499: ("invalid_request_error", "invalid_request_error", "CANCELLED"),
    500: ("server_error", "api_error", "INTERNAL"),
    502: ("server_error", "api_error", "UNAVAILABLE"),
    503: ("server_error", "api_error", "UNAVAILABLE"),
    504: ("server_error", "timeout_error", "DEADLINE_EXCEEDED"),
    508: ("server_error", "api_error", "INTERNAL"),
}


def word(client: str, told: dict[str, Any]) -> str:
    found: str = told["error"]["status" if client == "gemini" else "type"]
    return found


def code(client: str, told: dict[str, Any]) -> str:
    if client == "gemini":
        reason: str = told["error"]["details"][0]["reason"]
        return reason.lower()
    found: str = told["error"]["code"]
    return found


@each_client
@each_class
def test_body(client: str, kind: type[LLMProxyError]) -> None:
    """In the dialect's shape and words; no class's name, no trace of where it was."""
    try:
        raise kind("no luck", code="unlucky")
    except LLMProxyError as error:
        body = front(client).write_error(error)
        status = error.status_code
    told = json.loads(body)

    place = {"anthropic": 1, "gemini": 2}.get(client, 0)
    assert word(client, told) == WORDS[status][place]
    assert word(client, told) in (OPENAI, ANTHROPIC, GOOGLE)[place]
    assert told["error"]["message"] == "no luck"
    assert code(client, told) == "unlucky"
    assert kind.__name__.encode() not in body
    assert b"Traceback" not in body
    assert set(told) == {"error"} | ({"type"} if client == "anthropic" else set())
    if client == "gemini":
        assert told["error"]["code"] == status


@each_client
@each_class
def test_in_a_stream(client: str, kind: type[LLMProxyError]) -> None:
    """The same words end a stream that broke."""
    error = kind("no luck", code="unlucky")

    frames = front(client).write_break(error, Cut(Ask("m", stream=True), events=3))
    framer = SseFramer()
    found = [*framer.feed(frames), *framer.eof()]

    assert b"no luck" in found[0].data
    assert kind.__name__.encode() not in frames
    if client == "anthropic":
        assert found[0].event == "error"


@each_client
@pytest.mark.parametrize("status", range(400, 600))
def test_any_status(client: str, status: int) -> None:
    """There is a word for whatever an upstream says."""
    told = json.loads(front(client).write_error(LLMProxyError("m", status_code=status)))

    known = {"anthropic": ANTHROPIC, "gemini": GOOGLE}.get(client, OPENAI)
    assert word(client, told) in known


@each_client
def test_param(client: str) -> None:
    error = errors.InvalidRequestError("no", param="messages[0]")

    told = json.loads(front(client).write_error(error))

    if client == "gemini":
        violations = told["error"]["details"][1]["fieldViolations"]
        assert violations == [{"field": "messages[0]", "description": "no"}]
    elif client != "anthropic":  # which has no place for it
        assert told["error"]["param"] == "messages[0]"


def test_context_overflow() -> None:
    """The code that agents look for."""
    error = ContextLengthExceededError("too long", limit=8, measured=9)

    told = json.loads(front("openai_chat").write_error(error))["error"]

    assert (told["code"], told["type"]) == (
        "context_length_exceeded",
        "invalid_request_error",
    )


def test_retry_after() -> None:
    """Google's dialect has a place for it in the body; the others have the header."""
    error = RateLimitExceededError("slow", retry_after=2.5)

    told = json.loads(front("gemini").write_error(error))

    assert told["error"]["details"][-1]["retryDelay"] == "2.5s"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("unknown_model", 404),
        ("unsupported_on_instance", 400),
        ("policy_rejected", 403),
        ("temporarily_unavailable", 503),
        ("whatever", 503),
    ],
)
@each_client
def test_routing(client: str, said: str, status: int) -> None:
    """The reason decides what it is."""
    error = RoutingError("no way", {"code": said})

    assert error.status_code == status
    told = json.loads(front(client).write_error(error))
    assert code(client, told) == said
