from __future__ import annotations

from typing import Any

import pytest

from connectors.gemini.partial import Arguments


def put(*pieces: tuple[str, Any]) -> dict[str, Any]:
    arguments = Arguments()
    for path, value in pieces:
        names = {str: "stringValue", bool: "boolValue", type(None): "nullValue"}
        name = names.get(type(value), "numberValue")
        arguments.add({"jsonPath": path, name: value})
    return arguments.json


def test_places() -> None:
    """A path leads through objects and lists, which grow as needed."""
    assert put(
        ("$.a", 1.5),
        ("$.b.c[1].d", True),
        ("$['e f'].g", "x"),
        ('$["h\\"i"]', None),
        ("$.b.c[0]", "y"),
    ) == {
        "a": 1.5,
        "b": {"c": ["y", {"d": True}]},
        "e f": {"g": "x"},
        'h"i': None,
    }


def test_text_goes_on() -> None:
    assert put(("$.a", "one "), ("$.a", "two"), ("$.a", "")) == {"a": "one two"}


@pytest.mark.parametrize(
    "path", ["a", "$", "$.a..b", "$[*]", "$.a[-1]", "$[0]", "$.a[100001]"]
)
def test_no_place(path: str) -> None:
    """What names no single place that can be there is refused."""
    with pytest.raises(ValueError, match="jsonPath"):
        put((path, 1))


def test_place_of_another_shape() -> None:
    with pytest.raises(ValueError, match="jsonPath"):
        put(("$.a[0]", 1), ("$.a.b", 1))
