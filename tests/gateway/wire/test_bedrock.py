"""Converse's leaves: counts, ends, sources, exceptions."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from gateway.domain.errors import RateLimitExceededError, ServiceUnavailableError
from gateway.domain.parts import Signature
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.bedrock import (
    EXCEPTIONS,
    PROTOCOL,
    STOPS,
    read_citation,
    read_exception,
    read_finish,
    read_redacted,
    read_usage,
    redacted,
    unread,
)

MODEL = Session().get_service_model("bedrock-runtime")


def test_every_stop_is_known() -> None:
    """The service model lists the words."""
    assert set(MODEL.shape_for("StopReason").enum) == STOPS.keys()


def test_every_exception_is_known() -> None:
    """Of those that a stream may hold each has the status of the service model."""
    for stream in ("ConverseStreamOutput", "ResponseStream"):
        for name, shape in MODEL.shape_for(stream).members.items():
            if name.endswith("Exception"):
                status = shape.metadata.get("error", {}).get("httpStatusCode", 500)
                assert EXCEPTIONS[name.lower()][0] == status


@pytest.mark.parametrize(
    ("fields", "hit"),
    [
        (None, None),
        ({"stop_sequence": "END"}, "END"),
        ({"delta": {"stop_sequence": "END"}}, "END"),
        ({"delta": {"stop_sequence": None}}, None),
        ({"delta": 5, "stop_sequence": 7}, None),
        ([1], None),
    ],
)
def test_finish(fields: Any, hit: str | None) -> None:
    """Some models tell the sequence that was hit, in one of two places."""
    assert read_finish("stop_sequence", fields) == Finish(
        Stop.SEQUENCE, "stop_sequence", hit
    )


def test_unknown_finish() -> None:
    assert read_finish("bored") == Finish(Stop.OTHER, "bored")


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        (None, None),
        ({"stop_sequence": "END"}, None),
        ({"delta": {"stop_sequence": None}}, None),
        ({"delta": {"x": 1}}, {"delta": {"x": 1}}),
        ({"stop_sequence": "END", "y": 2}, {"y": 2}),
        ("odd", "odd"),
    ],
)
def test_unread(fields: Any, left: Any) -> None:
    """What the finish has told is not told again."""
    assert unread(fields) == left


def test_usage() -> None:
    """The columns are disjoint: the sum of all is the provider's total."""
    json = {
        "inputTokens": 11,
        "cacheReadInputTokens": 20,
        "cacheWriteInputTokens": 1028,
        "outputTokens": 236,
        "totalTokens": 1295,
    }

    assert read_usage(json) == Usage(11, 20, 1028, 236)
    assert read_usage({"totalTokens": 5}) is None
    assert read_usage(None) is None


SOURCES: list[tuple[dict[str, Any], str | None, str | None, str | None]] = [
    (
        {"location": {"web": {"url": "https://a/"}}, "title": "A"},
        "https://a/",
        "A",
        None,
    ),
    (
        {"source": "https://b/", "sourceContent": [{"text": "x"}]},
        "https://b/",
        None,
        "x",
    ),
    ({"source": "shelf 3"}, None, "shelf 3", None),
    ({"title": "T", "source": "s", "location": None}, None, "T", None),
    ({"sourceContent": [{"text": "x"}, {"text": "y"}, {}]}, None, None, "xy"),
]


@pytest.mark.parametrize(("json", "url", "title", "quote"), SOURCES)
def test_citation(
    json: dict[str, Any], url: str | None, title: str | None, quote: str | None
) -> None:
    found = read_citation(json)

    assert (found.url, found.title, found.quote) == (url, title, quote)
    assert found.extras == {PROTOCOL: json}


def test_redacted() -> None:
    """A thought that is nothing but a seal is told from a seal."""
    assert redacted(read_redacted("YWJj")) == "YWJj"
    assert redacted(Signature(PROTOCOL, "YWJj")) is None


def test_exceptions() -> None:
    throttled = read_exception("throttlingException", b'{"message":"Slow down."}')
    late = read_exception("serviceUnavailableException", b"")
    unknown = read_exception("weatherException", b'{"originalMessage":"Rain."}')

    assert isinstance(throttled, RateLimitExceededError)
    assert (throttled.status_code, throttled.code) == (429, "throttlingException")
    assert throttled.message == "Slow down."
    assert isinstance(late, ServiceUnavailableError)
    assert late.message == "the upstream failed"
    assert (unknown.status_code, unknown.message) == (502, "Rain.")
    assert read_exception("", b"[]").code == "provider_error"
