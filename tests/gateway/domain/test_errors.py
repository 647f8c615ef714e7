"""What each error stands for."""

from __future__ import annotations

import copy
import inspect
from time import time
from typing import Any

import pytest

from gateway.domain import errors
from gateway.domain.errors import (
    APIConnectionError,
    BackendError,
    ContextLengthExceededError,
    LLMProxyError,
    RateLimitExceededError,
    RoutingError,
    kind_of_status,
)

# Name: parents that somebody may catch it by, status.
HIERARCHY = {
    "APIConnectionError": ("BackendError", 502),
    "APITimeoutError": ("BackendError", 504),
    "AuthenticationError": ("LLMProxyError", 401),
    "BackendError": ("LLMProxyError", 502),
    "CommandCreationError": ("LLMProxyError", 500),
    "ConfigurationError": ("LLMProxyError", 400),
    "ContextLengthExceededError": ("InvalidRequestError", 400),
    "DuplicateRequestError": ("BackendError", 429),
    "InitializationError": ("LLMProxyError", 500),
    "InvalidRequestError": ("LLMProxyError", 400),
    "JSONParsingError": ("ParsingError", 422),
    "LLMProxyError": ("Exception", 500),
    "LoopDetectionError": ("LLMProxyError", 400),
    "ParsingError": ("TranslationError", 422),
    "PermissionDeniedError": ("LLMProxyError", 403),
    "ProviderAuthenticationError": ("AuthenticationError BackendError", 401),
    "ProviderPermissionError": ("PermissionDeniedError BackendError", 403),
    "ProviderRequestError": ("InvalidRequestError BackendError", 400),
    "RateLimitExceededError": ("BackendError", 429),
    "RequestLoopError": ("LLMProxyError", 508),
    "RequestTimeoutError": ("InvalidRequestError", 408),
    "RequestTooLargeError": ("InvalidRequestError", 413),
    "ResponsesError": ("InvalidRequestError", 400),
    "ResponsesLimitationError": ("ResponsesError", 400),
    "ResponsesStateError": ("ResponsesError", 400),
    "RoutingError": ("LLMProxyError", 404),
    "ServiceResolutionError": ("LLMProxyError", 500),
    "ServiceUnavailableError": ("BackendError", 503),
    "SessionCancelledError": ("LLMProxyError", 499),
    "ToolCallError": ("LLMProxyError", 400),
    "ToolCallLoopError": ("ToolCallError LoopDetectionError", 400),
    "ToolCallParsingError": ("ToolCallError", 400),
    "TranslationError": ("LLMProxyError", 422),
    "ValidationError": ("LLMProxyError", 400),
}
CODES = {
    "APIConnectionError": "upstream_connection_lost",
    "DuplicateRequestError": "duplicate_request",
    "InvalidRequestError": "invalid_request",
    "RateLimitExceededError": "rate_limit_exceeded",
    "RequestLoopError": "request_loop_detected",
    "ResponsesLimitationError": "provider_limitation",
    "ResponsesStateError": "previous_response_not_found",
    "ServiceUnavailableError": "upstream_unreachable",
}


def classes() -> dict[str, type[LLMProxyError]]:
    members = inspect.getmembers(errors, inspect.isclass)
    return {n: kind for n, kind in members if issubclass(kind, LLMProxyError)}


def test_all_are_listed() -> None:
    assert set(classes()) == set(HIERARCHY)


@pytest.mark.parametrize("name", HIERARCHY)
def test_hierarchy(name: str) -> None:
    """Each has its place, its status and a code that is no class's name."""
    kind = classes()[name]
    parents, status = HIERARCHY[name]

    error = kind("why")

    assert [base.__name__ for base in kind.__bases__] == parents.split()
    assert error.status_code == status
    assert error.code == CODES.get(name, error.code)
    assert error.code == error.code.lower()
    told = {"message": "why", "status_code": status, "code": error.code}
    assert error.to_dict() == told


@pytest.mark.parametrize("name", HIERARCHY)
def test_everything_said(name: str) -> None:
    """What is given wins over the defaults, and all of it can be shown."""
    told: dict[str, Any] = {
        "message": "why",
        "code": "c",
        "status_code": 418,
        "details": {"a": 1},
        "param": "p[0].q",
        "retry_after": 2.5,
    }

    error = classes()[name](**told)

    assert error.to_dict() == told
    assert str(error) == "why"
    assert copy.copy(error).to_dict() == told


def test_details_may_stand_second() -> None:
    assert LLMProxyError("why", {"a": 1}).details == {"a": 1}


def test_backend_name() -> None:
    error = APIConnectionError("why", backend_name="b")

    assert error.to_dict()["backend_name"] == "b"
    assert isinstance(error, BackendError)


def test_reset_at() -> None:
    """When it ends says how long to wait, unless that is said as well."""
    later = time() + 100

    found = RateLimitExceededError("slow", reset_at=later)
    said = RateLimitExceededError("slow", reset_at=later, retry_after=5)
    over = RateLimitExceededError("slow", reset_at=1.0)

    assert found.retry_after == pytest.approx(100, abs=5)
    assert found.to_dict()["reset_at"] == later
    assert said.retry_after == 5
    assert over.retry_after == 0


def test_sizes() -> None:
    error = ContextLengthExceededError("long", limit=8, measured=9)

    assert error.to_dict()["limit"] == 8
    assert error.to_dict()["measured"] == 9


@pytest.mark.parametrize(
    ("code", "status", "retryable"),
    [
        ("unknown_model", 404, False),
        ("unsupported_on_instance", 400, False),
        ("policy_rejected", 403, False),
        ("temporarily_unavailable", 503, True),
        ("anything", 503, True),
    ],
)
def test_routing(code: str, status: int, retryable: bool) -> None:
    """The details' code decides."""
    error = RoutingError("no", details={"code": code})

    assert (error.status_code, error.category, error.retryable) == (
        status,
        code,
        retryable,
    )


def test_routing_as_it_is_told() -> None:
    """What is said outright wins, and without a reason the model is unknown."""
    error = RoutingError("no", {"code": "unknown_model"}, code="c", status_code=418)

    assert (error.code, error.status_code) == ("c", 418)
    assert RoutingError("no", {"code": 5}).status_code == 404
    assert RoutingError("no").category == "model_not_found"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "ProviderRequestError"),
        (401, "ProviderAuthenticationError"),
        (403, "ProviderPermissionError"),
        (404, "ProviderRequestError"),
        (408, "APITimeoutError"),
        (429, "RateLimitExceededError"),
        (500, "BackendError"),
        (503, "ServiceUnavailableError"),
        (504, "APITimeoutError"),
        (529, "ServiceUnavailableError"),
        (599, "BackendError"),
    ],
)
def test_kind_of_status(status: int, name: str) -> None:
    """All are errors of the backend's, whatever else they are."""
    kind = kind_of_status(status)

    assert kind.__name__ == name
    assert issubclass(kind, BackendError)
