from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequestError
from gateway.fronts.base import Ask, Cut
from gateway.fronts.openai_chat.front import FRONT

peek = FRONT.peek


@pytest.mark.parametrize(
    ("body", "ask"),
    [
        ({"model": "m"}, Ask("m", False)),
        ({"model": "m", "stream": None, "n": "odd"}, Ask("m", False)),
        ({"model": "m", "stream": True}, Ask("m", True)),
        (
            {
                "model": "m",
                "stream": True,
                "n": 2,
                "stream_options": {"include_usage": True},
            },
            Ask("m", True, 2, True),
        ),
        (
            {
                "model": "m",
                "stream": True,
                "n": None,
                "stream_options": None,
                "x": "\ud800",
            },
            Ask("m", True),
        ),
    ],
)
def test_peek(body: Any, ask: Ask) -> None:
    """What routing must know; everything else may be as it likes."""
    assert peek(json.dumps(body).encode(), None) == ask


def test_model_of_the_path() -> None:
    """What the path says counts."""
    named = Ask("path", stream=False)

    assert peek(b"{}", named).model == "path"
    assert peek(b'{"model":"m","n":"\\ud800"}', named).model == "path"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"\xff", None),
        (b"{}", "model"),
        (b'{"model":""}', "model"),
        (b'{"model":5}', "model"),
        (b'{"model":"m","stream":"yes"}', "stream"),
        (b'{"model":"m","stream":true,"n":"2"}', "n"),
        (b'{"model":"m","stream":true,"stream_options":5}', "stream_options"),
        (b'{"model":"\xff"}', None),
    ],
)
def test_mistakes(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        peek(body, None)

    assert raised.value.param == param


@given(st.binary(max_size=30))
def test_any_bytes(body: bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        peek(body, None)


def test_break() -> None:
    """A stream that passed untouched ends with the error's own frame."""
    error = InvalidRequestError("m", code="c", param="p")

    frame = FRONT.write_break(error, Cut(Ask("m", True)))

    assert frame == b"data: " + FRONT.write_error(error) + b"\n\n"
    assert json.loads(FRONT.write_error(error)) == {
        "error": {
            "message": "m",
            "type": "invalid_request_error",
            "param": "p",
            "code": "c",
        }
    }


def test_paths() -> None:
    """Domain paths in words of the dialect, for messages."""
    assert FRONT.paths["turns"] == "messages"
    assert FRONT.paths["sampling.n"] == "n"
    assert FRONT.paths["sampling.max_tokens"] == "max_completion_tokens"
