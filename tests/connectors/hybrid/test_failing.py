from __future__ import annotations

import pytest

from connectors.hybrid.failing import failed
from gateway.plugin import (
    AuthenticationError,
    BackendError,
    InvalidRequestError,
    LLMProxyError,
    RateLimitExceededError,
    RoutingError,
)


@pytest.mark.parametrize("phase", ["reasoning", "execution"])
def test_names_the_phase(phase: str) -> None:
    """A failure of either model is one of the hybrid's, and tells what it was."""
    inner = RateLimitExceededError("too many", retry_after=7.5, code="rate_limit")

    error = failed(phase, "a:b", inner)

    assert isinstance(error, BackendError)
    assert (error.status_code, error.code) == (502, f"hybrid_{phase}_failed")
    assert error.message == f"the {phase} model (a:b) failed: too many"
    assert error.retry_after == 7.5
    assert error.details == {
        "phase": phase,
        "model": "a:b",
        "status": 429,
        "code": "rate_limit",
        "retry_after": 7.5,
    }


@pytest.mark.parametrize(
    "inner",
    [
        InvalidRequestError("no films", param="turns[0]", details={"losses": []}),
        RoutingError("no such model", param="model"),
        BackendError("too long", code="context_length_exceeded", status_code=400),
    ],
)
def test_what_the_client_can_mend(inner: LLMProxyError) -> None:
    """Mistakes of the client's keep status, code and place."""
    error = failed("execution", "a:b", inner)

    assert (error.status_code, error.code) == (inner.status_code, inner.code)
    assert error.param == inner.param
    assert error.details == {
        **inner.details,
        "phase": "execution",
        "model": "a:b",
        "status": inner.status_code,
        "code": inner.code,
    }


def test_our_own_key_is_no_business_of_the_clients() -> None:
    """A key that the gateway lacks is not one that the client must mend."""
    error = failed("reasoning", "a:b", AuthenticationError("no key"))

    assert error.status_code == 502
