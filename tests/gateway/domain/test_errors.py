from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import (
    APIConnectionError,
    InvalidRequestError,
    LLMProxyError,
    RateLimitExceededError,
    ServiceUnavailableError,
)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (InvalidRequestError, 400, "invalid_request"),
        (RateLimitExceededError, 429, "rate_limit_exceeded"),
        (ServiceUnavailableError, 503, "upstream_unreachable"),
        (APIConnectionError, 502, "upstream_connection_lost"),
    ],
)
def test_defaults(kind: type[LLMProxyError], status: int, code: str) -> None:
    """Each error stands for a status and a code of its own."""
    error = kind("why")

    assert error.to_dict() == {"message": "why", "status_code": status, "code": code}


def test_everything_said() -> None:
    """What is given wins over the defaults, and all of it can be shown."""
    told: dict[str, Any] = {
        "message": "why",
        "code": "c",
        "status_code": 418,
        "details": {"a": 1},
        "param": "p[0].q",
        "retry_after": 2.5,
    }

    assert LLMProxyError(**told).to_dict() == told
