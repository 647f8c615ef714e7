"""The reader's and the watcher's tests are with the connector; here the leaves."""

from __future__ import annotations

import pytest

from gateway.wire.cohere import WATCHING, read_usage
from tests.streams import data


def test_spots() -> None:
    """Texts and calls tell a ledger nothing, ends and errors do."""
    word = data(
        {"type": "content-delta", "delta": {"message": {"content": {"text": 1}}}}
    )
    end = data({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}})
    error = data({"message": "no"})

    assert WATCHING.spots(word) == []
    assert len(WATCHING.spots(word + end)) == 1
    assert len(WATCHING.spots(word + error)) == 1
    assert len(WATCHING.spots(b"data: [DONE]\n\n")) == 1


def test_raw_usage_is_kept() -> None:
    """The bill is told in it, apart from what was read and written."""
    usage = read_usage({"tokens": {"input_tokens": 1.0}, "billed_units": {}})

    assert usage is not None
    assert usage.raw == {"tokens": {"input_tokens": 1.0}, "billed_units": {}}


def test_watching_no_json() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        WATCHING.look(b"no json", "")
