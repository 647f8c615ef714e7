"""What routing must know of a request, and errors in Anthropic's form."""

from __future__ import annotations

import json

import pytest

from gateway.domain.errors import (
    BackendError,
    InvalidRequestError,
    LLMProxyError,
    RoutingError,
)
from gateway.fronts.anthropic.front import FRONT
from gateway.fronts.base import Ask, Cut
from gateway.wire.sse import parse


def test_model_and_stream() -> None:
    """Every stream of this dialect ends with token counts."""
    assert FRONT.peek(b'{"model": "m"}', None) == Ask("m", stream=False)
    assert FRONT.peek(b'{"model": "m", "stream": true}', None) == (
        Ask("m", stream=True, wants_usage=True)
    )


def test_model_in_the_path() -> None:
    assert FRONT.peek(b"{}", Ask("m", stream=True)).model == "m"
    assert FRONT.peek(b"{}", Ask("m", stream=True)).stream


def test_lone_surrogates() -> None:
    """What JavaScript writes must not stand in the way of routing."""
    assert FRONT.peek(b'{"model": "m", "system": "\\ud800"}', None).model == "m"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "model"),
        (b'{"model": ""}', "model"),
        (b'{"model": 5}', "model"),
        (b'{"model": "m", "stream": "yes"}', "stream"),
        (b'{"model": "\xff"}', None),
        (b"[]", None),
        (b"{", None),
        (b'{"model": "\\ud800", "stream": [\xff]}', None),
    ],
)
def test_mistakes(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        FRONT.peek(body, None)

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequestError("no"), "invalid_request_error"),
        (LLMProxyError("no", status_code=401), "authentication_error"),
        (LLMProxyError("no", status_code=402), "billing_error"),
        (LLMProxyError("no", status_code=403), "permission_error"),
        (RoutingError("no"), "not_found_error"),
        (LLMProxyError("no", status_code=413), "request_too_large"),
        (LLMProxyError("no", status_code=422), "invalid_request_error"),
        (LLMProxyError("no", status_code=429), "rate_limit_error"),
        (BackendError("no"), "api_error"),
        (LLMProxyError("no", status_code=504), "timeout_error"),
        (LLMProxyError("no", status_code=529), "overloaded_error"),
    ],
)
def test_errors(error: LLMProxyError, kind: str) -> None:
    """The type is the one that the provider documents for the status."""
    inner = {"type": kind, "message": "no", "code": error.code}
    expected = {"type": "error", "error": inner}

    assert json.loads(FRONT.write_error(error)) == expected
    frame = parse(FRONT.write_break(error, Cut(Ask("m", stream=True))))
    assert frame is not None
    assert (frame.event, json.loads(frame.data)) == ("error", expected)


def test_keep_alive() -> None:
    """The dialect's own sign of life, which its clients pass over."""
    frame = parse(FRONT.keep_alive(Ask("m", stream=True)))

    assert frame is not None
    assert (frame.event, json.loads(frame.data)) == ("ping", {"type": "ping"})


def test_counts() -> None:
    """An estimate is marked as one."""
    assert FRONT.write_count is not None
    assert FRONT.write_count(5, False) == b'{"input_tokens":5}'
    assert FRONT.write_count(5, True) == b'{"input_tokens":5,"estimated":true}'
