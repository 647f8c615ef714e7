"""Errors of upstreams, in all the shapes in which they come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.faults import read_fault, read_refusal


def fault(said: Any, event: str = "") -> tuple[str, str, int] | None:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    error = read_fault(data, event)
    return None if error is None else (error.message, error.code, error.status_code)


NO_WORDS = "the upstream reported an error"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (  # OpenAI
            {"error": {"message": "m", "type": "server_error", "code": None}},
            ("m", "server_error", 500),
        ),
        ({"error": {"message": "m", "code": "c"}}, ("m", "c", 502)),
        ({"error": "text"}, ("text", "provider_error", 502)),
        ({"error": ["a", "b"]}, ("['a', 'b']", "provider_error", 502)),
        ({"error": True}, ("True", "provider_error", 502)),
        ({"error": {}, "message": "m"}, None),
        ({"error": {"oops": 1}}, (NO_WORDS, "provider_error", 502)),
        ({"error": {"message": {"a": 1}}}, (NO_WORDS, "provider_error", 502)),
        (  # vLLM
            {
                "object": "error",
                "message": "m",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
            ("m", "BadRequestError", 400),
        ),
        (  # Gemini's compatible endpoint
            [
                {
                    "error": {
                        "code": 429,
                        "message": "m",
                        "status": "RESOURCE_EXHAUSTED",
                    }
                }
            ],
            ("m", "RESOURCE_EXHAUSTED", 429),
        ),
        (  # OpenRouter, in the middle of a stream
            {
                "id": "g",
                "error": {"code": 502, "message": "m", "metadata": {}},
                "choices": [{"index": 0, "finish_reason": "error"}],
            },
            ("m", "provider_error", 502),
        ),
        (  # Groq
            {"error": {"message": "m", "type": "t", "status_code": 413}},
            ("m", "t", 413),
        ),
        ({"choices": []}, None),
        ({"error": None, "choices": []}, None),
        ({"error": ""}, None),
        ([], None),
        ([{"error": "a"}, {"error": "b"}], None),
        ("error", None),
        (b"error", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_read_fault(said: Any, expected: tuple[str, str, int] | None) -> None:
    assert fault(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"message": "m", "code": 503}, ("m", "provider_error", 503)),
        ({"error": {"message": "m"}}, ("m", "provider_error", 502)),
        ({}, None),
        (b"not JSON", None),
    ],
)
def test_frame_named_error(said: Any, expected: tuple[str, str, int] | None) -> None:
    """Its name says what it is, if there is something in it."""
    assert fault(said, "error") == expected


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"code": 429}, 429),
        ({"code": "429"}, 429),
        ({"code": 200}, 502),
        ({"code": 1113}, 502),
        ({"code": "1113"}, 502),
        ({"code": True}, 502),
        ({"code": 599}, 599),
        ({"code": 600}, 502),
        ({"code": "9" * 5000}, 502),
        ({"code": "\u0664\u0662\u0669"}, 502),
        ({"status": 503, "code": "x"}, 503),
        ({"type": "invalid_request_error"}, 400),
        ({"type": "invalid_request_error", "code": "model_not_found"}, 404),
        ({"type": "invalid_request_error", "code": "invalid_api_key"}, 401),
        ({"type": "invalid_request_error", "code": "context_length_exceeded"}, 400),
        ({"type": "invalid_request_error", "code": "unsupported_value"}, 400),
        ({"type": "tokens", "code": "rate_limit_exceeded"}, 429),
        ({"type": "insufficient_quota", "code": "insufficient_quota"}, 429),
        ({"type": "rate_limit_error"}, 429),
        ({"type": "authentication_error"}, 401),
        ({"type": "permission_error"}, 403),
        ({"type": "not_found_error"}, 404),
        ({"type": "overloaded_error"}, 529),
        ({"type": "timeout_error"}, 504),
        ({"type": "api_error"}, 500),
        ({"type": "server_error"}, 500),
        ({"type": "invalid_request_error", "code": "tool_use_failed"}, 400),
        ({"status": "UNAVAILABLE"}, 503),
        ({"status": "PERMISSION_DENIED"}, 403),
        ({"code": ["rate_limit"]}, 502),
    ],
)
def test_status_of_a_fault(words: dict[str, Any], status: int) -> None:
    """A number that is a status, else the most particular word that is known."""
    read = fault({"error": {"message": "m", **words}})

    assert read is not None
    assert read[2] == status


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_read_fault_takes_everything(data: bytes) -> None:
    read_fault(data)
    read_fault(b'{"error":' + data + b"}", "error")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"message": "m"}, ("m", "provider_error", 502)),  # Cohere, Bedrock
        ({"detail": "m"}, ("m", "provider_error", 502)),  # Mistral, FastAPI
        ({"detail": [{"msg": "m", "loc": []}]}, ("m", "provider_error", 502)),
        (  # Mistral, about a request
            {
                "object": "error",
                "message": {"detail": [{"msg": "m"}]},
                "type": "invalid_request_error",
            },
            ("m", "invalid_request_error", 400),
        ),
        ({"error": {"message": "m"}}, ("m", "provider_error", 502)),
        ({"choices": []}, None),
        ([], None),
        (b"<html>", None),
    ],
)
def test_read_refusal(said: Any, expected: tuple[str, str, int] | None) -> None:
    """Under a status that says so, a bare message is an error, too."""
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    error = read_refusal(data)
    read = None if error is None else (error.message, error.code, error.status_code)

    assert read == expected


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ([{"@type": "x"}, {"retryDelay": "17.5s"}], 17.5),
        ([{"retryDelay": "soon"}, {"retryDelay": 5}, 3], None),
        ({"retryDelay": "1s"}, None),
        (None, None),
    ],
)
def test_retry_after(details: Any, seconds: float | None) -> None:
    """Google hides it among the details."""
    data = json.dumps({"error": {"message": "m", "details": details}}).encode()

    error = read_fault(data)

    assert error is not None
    assert error.retry_after == seconds
