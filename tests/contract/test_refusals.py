"""Refusals: an upstream's error before the head is told in any client's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.domain.errors import (
    APITimeoutError,
    AuthenticationError,
    BackendError,
    InvalidRequestError,
    LLMProxyError,
    RateLimitExceededError,
)
from gateway.wire.faults import read_refusal
from tests import recordings
from tests.contract.cases import APIS, CLIENTS
from tests.contract.oracle import DIALECTS
from tests.contract.protocols import front

if TYPE_CHECKING:
    from tests.recordings import Recording

REFUSED = [r for r in recordings.select(*APIS.values()) if r.status >= 400]


@pytest.mark.recordings
@pytest.mark.parametrize("recording", REFUSED, ids=str)
def test_recorded(recording: Recording) -> None:
    """Whatever the provider's form is, there is a sentence for the client."""
    error = read_refusal(recording.body)

    assert error is not None
    assert error.message
    assert 400 <= error.status_code < 600
    for client in CLIENTS:
        told = front(client).write_error(error)
        assert DIALECTS[client].whole(told).error
        assert error.message in json.dumps(json.loads(told), ensure_ascii=False)


ERRORS: list[LLMProxyError] = [
    InvalidRequestError("no", param="messages[0]"),
    AuthenticationError("who?"),
    RateLimitExceededError("slowly", retry_after=2.5),
    BackendError("broken", status_code=529),
    APITimeoutError("too late"),
]
# What the SDKs make their exceptions of, beside the HTTP status.
WORDS: dict[str, Any] = {
    "openai_chat": lambda e: e["error"]["type"],
    "openai_responses": lambda e: e["error"]["type"],
    "anthropic": lambda e: e["error"]["type"],
    "gemini": lambda e: e["error"]["status"],
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: e.code)
def test_form(client: str, error: LLMProxyError) -> None:
    """Each dialect has its own words, in its own places."""
    told = json.loads(front(client).write_error(error))

    assert isinstance(WORDS[client](told), str)
    assert told["error"]["message"].startswith(error.message)
    if client == "gemini":
        assert told["error"]["code"] == error.status_code
    if client == "anthropic":
        assert told["type"] == "error"
