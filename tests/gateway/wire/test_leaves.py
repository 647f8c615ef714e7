"""Members of any type, read as what they should be or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.wire.leaves import count_of, name_of, text_of, word_of


@pytest.mark.parametrize(
    ("json", "name"),
    [({"a": "x"}, "x"), ({"a": ""}, None), ({"a": 5}, None), ({}, None), ([], None)],
)
def test_name(json: Any, name: str | None) -> None:
    assert name_of(json, "a") == name


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (7, 7), (7.0, 7), (-1, None), (True, None), ("7", None), (2**53, None)],
)
def test_count(value: Any, count: int | None) -> None:
    assert count_of({"a": value}, "a") == count


def test_text() -> None:
    assert (text_of(""), text_of("x"), word_of("x")) == ("", "x", "x")


@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_no_text(value: Any) -> None:
    with pytest.raises(TypeError, match="no "):
        text_of(value)
    with pytest.raises(TypeError, match="no "):
        word_of(value)


def test_no_word() -> None:
    """Nobody can run a tool without a name."""
    with pytest.raises(TypeError, match="no word"):
        word_of("")
