"""The front's small pieces: what it peeks at, how it tells errors, how it frames."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.domain.errors import (
    BackendError,
    InvalidRequestError,
    LLMProxyError,
    RateLimitExceededError,
)
from gateway.fronts.base import Ask, Cut
from gateway.fronts.gemini.front import FRONT
from gateway.fronts.gemini.response import write_count

NAMED = Ask("m1", True, framing="array")
SSE = Ask("m1", True)


@pytest.mark.parametrize(
    ("body", "choices"),
    [
        (b"{}", 1),
        (b'{"generationConfig": null}', 1),
        (b'{"generationConfig": {"candidateCount": 3}}', 3),
        (b'{"generation_config": {"candidate_count": 2.0}}', 2),
        (b'{"generationConfig": {"candidateCount": 0}}', 1),
        (b'{"generationConfig": {"candidateCount": "many"}}', 1),
        (b'{"contents": "\\ud800"}', 1),
    ],
)
def test_peek(body: bytes, choices: int) -> None:
    """The path says model, stream and framing; each chunk counts tokens."""
    assert FRONT.peek(body, NAMED) == Ask("m1", True, choices, True, "array")


@pytest.mark.parametrize("body", [b"[]", b'"a"', b"5"])
def test_peek_at_no_object(body: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="object"):
        FRONT.peek(body, NAMED)


def test_peek_at_no_json() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        FRONT.peek(b"{", NAMED)

    assert caught.value.code == "invalid_json"


def test_peek_without_a_path() -> None:
    with pytest.raises(InvalidRequestError):
        FRONT.peek(b"{}", None)


def told(error: LLMProxyError) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FRONT.write_error(error))
    assert list(found) == ["error"]  # by this Google's SDK knows it in a stream
    inner: dict[str, Any] = found["error"]
    return inner


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (502, "UNAVAILABLE"),
        (599, "INTERNAL"),
    ],
)
def test_status_words(status: int, word: str) -> None:
    error = told(LLMProxyError("no", status_code=status, code="why_not"))

    assert (error["code"], error["message"], error["status"]) == (status, "no", word)
    assert error["details"][0]["reason"] == "WHY_NOT"


def test_details() -> None:
    """Where it is wrong, and when to try again, in Google's own messages."""
    wrong = told(InvalidRequestError("no", param="contents[0]"))["details"][1]
    later = told(RateLimitExceededError("no", retry_after=34.4))["details"][1]

    assert wrong["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert wrong["fieldViolations"][0]["field"] == "contents[0]"
    assert later == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": "34.4s",
    }


def test_break_of_events() -> None:
    """The error as an event, and bare for SDKs that look for it only there."""
    body = FRONT.write_break(BackendError("no"), Cut(SSE, 2))

    event, bare = body.split(b"\r\n\r\n")
    assert event.removeprefix(b"data: ") == bare
    assert bare.startswith(b'{"error":')


@pytest.mark.parametrize(("before", "events"), [(b"", 0), (b"[{}", 1)])
def test_break_of_an_array(before: bytes, events: int) -> None:
    """The whole stays JSON: the error is its last element."""
    end = FRONT.write_break(BackendError("no"), Cut(NAMED, events))

    *_, last = json.loads(before + end)
    assert last["error"]["message"] == "no"


def test_framing() -> None:
    """
    Life is shown by an empty event, and by white space in an array.

    Google's Python SDK takes a comment for JSON and raises.
    """
    assert FRONT.content_type(SSE).startswith("text/event-stream")
    assert FRONT.content_type(NAMED).startswith("application/json")
    assert FRONT.keep_alive(SSE).strip() == b""
    assert FRONT.keep_alive(NAMED).strip() == b""


def test_count() -> None:
    assert write_count(5, False) == b'{"totalTokens":5}'
    assert write_count(5, True) == b'{"totalTokens":5,"estimated":true}'
