"""The reader's and the watcher's tests are with the connector; here the leaves."""

from __future__ import annotations

import pytest

from gateway.domain.reply import Finish, Stop
from gateway.wire.ollama import WATCHING, read_created, read_finish, read_usage


@pytest.mark.parametrize(
    ("word", "calls", "stop"),
    [
        ("stop", False, Stop.END),
        ("stop", True, Stop.TOOLS),
        (None, True, Stop.TOOLS),
        ("length", True, Stop.LENGTH),
        ("load", False, Stop.OTHER),
    ],
)
def test_finish(word: str | None, calls: bool, stop: Stop) -> None:
    """The word does not tell that tools were called."""
    assert read_finish(word, calls=calls) == Finish(stop, word)


def test_usage_without_durations() -> None:
    usage = read_usage({"eval_count": 2, "model": "m"})

    assert usage is not None
    assert (usage.input, usage.output, usage.raw) == (None, 2, {"eval_count": 2})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-10-17T23:14:07.414671Z", 1760742847),
        ("2025-10-17T16:14:07.414671123-07:00", 1760742847),
        ("yesterday", None),
        (None, None),
        (5, None),
    ],
)
def test_created(value: object, expected: int | None) -> None:
    """Servers write their own zone, to the nanosecond."""
    assert read_created({"created_at": value}) == expected


def test_watching_no_json() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        WATCHING.look(b"no json", "")
