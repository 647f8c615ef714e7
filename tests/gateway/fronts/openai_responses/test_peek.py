"""The least that routing must know."""

from __future__ import annotations

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.fronts.base import Ask
from gateway.fronts.openai_responses.peek import peek


@pytest.mark.parametrize(
    ("body", "stream"),
    [
        (b'{"model":"m"}', False),
        (b'{"model":"m","stream":true,"input":3}', True),
        (b'{"model":"m","stream":null}', False),
        (b'{"model":"m","stream":true,"input":"\\ud800"}', True),
    ],
)
def test_model_and_stream(body: bytes, stream: bool) -> None:
    """Everything else may be as it likes, even what no text can hold."""
    assert peek(body) == Ask("m", stream, wants_usage=True)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"[]", None),
        (b"{", None),
        (b"{}", "model"),
        (b'{"model":""}', "model"),
        (b'{"model":3}', "model"),
        (b'{"model":"m","stream":"yes"}', "stream"),
    ],
)
def test_wrong(body: bytes, param: str | None) -> None:
    """What is wrong is named."""
    with pytest.raises(InvalidRequestError) as caught:
        peek(body)

    assert caught.value.param == param
