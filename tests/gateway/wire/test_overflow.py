"""A conversation that is too long, in the words of many providers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.wire.faults import read_fault, read_refusal

# Written after the providers' documents and what their users quote.
SAYINGS: list[tuple[str, dict[str, int]]] = [
    (
        "prompt is too long: 213462 tokens > 200000 maximum",
        {"limit": 200000, "measured": 213462},
    ),
    ("Prompt is too long", {}),
    (
        (
            "input length and `max_tokens` exceed context limit: 199211 + 20000 >"
            " 200000, decrease input length or `max_tokens` and try again"
        ),
        {"limit": 200000, "measured": 199211},
    ),
    (
        (
            "This model's maximum context length is 8192 tokens. However, your messages"
            " resulted in 8545 tokens. Please reduce the length of the messages."
        ),
        {"limit": 8192, "measured": 8545},
    ),
    (
        (
            "This model's maximum context length is 4096 tokens and your request has"
            " 2104 input tokens (2000 > 4096 - 2104)."
        ),
        {"limit": 4096, "measured": 2104},
    ),
    (
        (
            "This endpoint's maximum context length is 32,768 tokens. However, you"
            " requested about 40,001 tokens (40,001 of text input)."
        ),
        {"limit": 32768, "measured": 40001},
    ),
    ("Your input exceeds the context window of this model.", {}),
    (
        (
            "The input token count (1196265) exceeds the maximum number of tokens"
            " allowed (1048575)."
        ),
        {"limit": 1048575, "measured": 1196265},
    ),
    (
        (
            "This model's maximum prompt length is 131072 but the request contains"
            " 537812 tokens."
        ),
        {"limit": 131072, "measured": 537812},
    ),
    (
        (
            "too many tokens: total number of tokens in the prompt cannot exceed 4081 -"
            " received 4292. Try using a shorter prompt"
        ),
        {"limit": 4081, "measured": 4292},
    ),
    ("Input is too long for requested model.", {}),
    (
        "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8200",
        {"limit": 8193},
    ),
    ("Please reduce the length of the messages or completion.", {}),
    ("the request exceeds the available context size, try increasing it", {}),
]


@pytest.mark.parametrize(("message", "sizes"), SAYINGS)
@pytest.mark.parametrize("words", [{"type": "t"}, {"code": 500}, {"code": "c"}])
def test_sayings(message: str, sizes: dict[str, int], words: dict[str, Any]) -> None:
    """One code and one status, and the sizes where they are told."""
    data = json.dumps({"error": {"message": message, **words}}).encode()

    for error in (read_fault(data), read_refusal(data)):
        assert error is not None
        assert (error.status_code, error.code) == (400, "context_length_exceeded")
        assert error.details == sizes
        assert error.message == message


@pytest.mark.parametrize(
    "kind", ["context_length_exceeded", "exceed_context_size_error"]
)
def test_codes(kind: str) -> None:
    """The code says it, too; llama.cpp has members for the sizes."""
    said = {
        "code": 500,
        "message": "no",
        "type": kind,
        "n_prompt_tokens": 9,
        "n_ctx": 8,
    }

    error = read_fault(json.dumps({"error": said}).encode())

    assert error is not None
    assert (error.status_code, error.code) == (400, "context_length_exceeded")
    assert error.details == {"limit": 8, "measured": 9}


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 5000",
        "The message is too long to be shown",
        "You exceeded your current quota, please check your plan",
        "context deadline exceeded",
        "Rate limit reached: 30000 tokens per minute",
        "x" * 3000 + "prompt is too long",
    ],
)
def test_other_errors(message: str) -> None:
    """Nothing else is taken for it."""
    data = json.dumps({"error": {"message": message, "code": 429}}).encode()

    error = read_fault(data)

    assert error is not None
    assert error.status_code == 429


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ({"message": "slow"}, "ThrottlingException", ("ThrottlingException", 429)),
        (
            {"message": "m"},
            "ValidationException:http://internal.amazon.com/coral/",
            ("ValidationException", 400),
        ),
        ({"Message": "m"}, "AccessDeniedException", ("AccessDeniedException", 403)),
        (
            {"__type": "com.amazon.coral#UnrecognizedClientException", "message": "m"},
            "",
            ("UnrecognizedClientException", 403),
        ),
        ({"message": "m"}, "ModelTimeoutException", ("ModelTimeoutException", 408)),
        (
            {"message": "m"},
            "ServiceUnavailableException",
            ("ServiceUnavailableException", 503),
        ),
        ({"message": "m"}, "InternalServerException", ("InternalServerException", 500)),
        ({"message": "m"}, "", ("provider_error", 502)),
        ({"message": "m", "code": "own"}, "ThrottlingException", ("own", 502)),
    ],
)
def test_amazons(body: dict[str, str], kind: str, expected: tuple[str, int]) -> None:
    """Its errors have their name in a header, or in a member of its own."""
    error = read_refusal(json.dumps(body).encode(), kind)

    assert error is not None
    assert (error.code, error.status_code) == expected
