from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.fronts.fields import Fields, parse


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (
            b'{"a": 123456789012345678901234567890}',
            {"a": 123456789012345678901234567890},
        ),
        (rb'"\ud800"', "\ud800"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (' "\u2028é" '.encode(), "\u2028é"),
        (b"1e999", float("inf")),
    ],
)
def test_unusual_json(body: bytes, value: Any) -> None:
    """What JavaScript and Python clients can write is read."""
    assert parse(body) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "Expecting value: line 1 column 1"),
        (b'{"a": ', "Expecting value: line 1 column 7"),
        (b"{'a': 1}", "Expecting property name"),
        (b'"\xff"', "byte 1 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"[" * 200_000, "nested too deeply"),
        (b"9" * 5_000, "thousands of digits"),
    ],
)
def test_no_json(body: bytes, why: str) -> None:
    """A body that is not JSON is a client's mistake, and the message says where."""
    with pytest.raises(InvalidRequestError, match=why) as raised:
        parse(body)

    assert raised.value.code == "invalid_json"
    assert raised.value.param is None


@pytest.mark.parametrize(
    ("read", "value", "expected", "got"),
    [
        (Fields.text, 1, "a string", "a number"),
        (Fields.flag, "true", "true or false", "a string"),
        (Fields.flag, 0, "true or false", "a number"),
        (Fields.integer, 1.0, "an integer", "a number"),
        (Fields.integer, True, "an integer", "true"),
        (Fields.number, False, "a number", "false"),
        (Fields.number, "1", "a number", "a string"),
        (Fields.number, float("inf"), "a finite number", '"one too large"'),
        (Fields.fields, [], "an object", "a list"),
        (Fields.object, "x", "an object", "a string"),
        (lambda f, n: list(f.items(n)), {}, "a list", "an object"),
        (Fields.needs_text, None, "a string", "null"),
        (Fields.needs_text, 5, "a string", "a number"),
        (Fields.needs_name, "", "a string that is not empty", '""'),
        (Fields.needs_fields, None, "an object", "null"),
        (lambda f, n: f.needs_word(n, ("a", "b")), "c", "one of a, b", '"c"'),
        (
            lambda f, n: f.needs_word(n, ("a", "b")),
            "c" * 99,
            "one of a, b",
            "a string of 101 characters",
        ),
        (lambda f, n: f.integer(n, 1), 0, "an integer from 1 up", "0"),
    ],
)
def test_wrong_member(read: Any, value: Any, expected: str, got: str) -> None:
    """The error names the path, what was expected, and what was there instead."""
    with pytest.raises(InvalidRequestError) as raised:
        read(Fields({"x": value}, "tools[1]"), "x")

    assert raised.value.message == f"tools[1].x: expected {expected}, got {got}"
    assert raised.value.param == "tools[1].x"


def test_long_text_is_not_shown() -> None:
    """What may be a prompt stays out of errors."""
    fields = Fields({"role": "my secret plan " * 10})

    with pytest.raises(InvalidRequestError) as raised:
        fields.needs_word("role", ("user",))

    assert "secret" not in raised.value.message


@pytest.mark.parametrize("read", [Fields.needs_text, Fields.needs_fields])
def test_missing_member(read: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"x: expected .*, and it is missing"):
        read(Fields({}), "x")


def test_no_object() -> None:
    """The whole body has no path."""
    with pytest.raises(InvalidRequestError) as raised:
        Fields([])

    assert raised.value.message == "the body: expected an object, got a list"
    assert raised.value.param is None


@pytest.mark.parametrize(
    "read",
    [
        Fields.text,
        Fields.flag,
        Fields.integer,
        Fields.number,
        Fields.fields,
        Fields.object,
        Fields.json,
    ],
)
def test_null_says_nothing(read: Any) -> None:
    """A null is read as nothing, and stays in the rest to be written back."""
    fields = Fields({"x": None})

    assert read(fields, "x") is None
    assert read(fields, "y") is None
    assert fields.rest() == {"x": None}


def test_rest() -> None:
    """What nobody took is left, inside of inner objects too."""
    fields = Fields({"a": 1, "b": {"c": "taken", "d": 2}, "e": {"f": "taken"}, "g": 3})
    fields.integer("a")
    fields.needs_fields("b").text("c")
    fields.needs_fields("e").text("f")
    fields.keep("a", 1)

    assert fields.rest() == {"a": 1, "b": {"d": 2}, "g": 3}
