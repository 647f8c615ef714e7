from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.demo.schema import example


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, "example"),
        (None, None),
        (True, None),
        ({"type": "null"}, None),
        ({"type": "boolean"}, True),
        ({"type": "magic"}, None),
        ({"type": {"a": 1}}, None),
        ({"type": ["null", "integer"]}, 3),
        ({"type": []}, "example"),
        ({"const": 5}, 5),
        ({"default": False, "enum": [1]}, False),
        ({"enum": ["a", "b"]}, "a"),
        ({"enum": []}, "example"),
        ({"examples": [[1]]}, [1]),
        ({"const": "x" * 999}, "example"),
        ({"type": "string", "format": "date"}, "2025-06-01"),
        ({"type": "string", "format": "magic"}, "example"),
        ({"type": "string", "format": 5}, "example"),
        ({"type": "string", "minLength": 9}, "examplexx"),
        ({"type": "string", "maxLength": 3}, "exa"),
        ({"type": "string", "maxLength": -3, "minLength": "x"}, "example"),
        ({"type": "integer"}, 3),
        ({"type": "integer", "minimum": 7.5}, 8),
        ({"type": "number", "minimum": 7.5}, 7.5),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "integer", "maximum": 1.5}, 1),
        ({"type": "number", "exclusiveMaximum": 1}, 0),
        ({"type": "integer", "maximum": 9}, 3),
        ({"type": "integer", "minimum": "7"}, 3),
        ({"type": "integer", "minimum": float("inf")}, 3),
        ({"type": "integer", "minimum": 10**30}, 10**30),
        ({"type": "array", "items": {"type": "integer"}}, [3]),
        ({"type": "array", "minItems": 99}, ["example"] * 3),
        ({"type": "array", "minItems": 0}, []),
        ({"type": "object"}, {}),
        ({"type": "object", "properties": []}, {}),
        ({"properties": {"city": {}, "x": {}}}, {"city": "Brno", "x": "example"}),
        ({"properties": {"a": {}, "b": {}}, "required": ["b"]}, {"b": "example"}),
        ({"properties": {"a": {}}, "required": "a"}, {"a": "example"}),
        (
            {
                "properties": {
                    "cities": {"type": "array"},
                    "file_path": {},
                    "userId": {},
                }
            },
            {"cities": ["example"], "file_path": "notes/hello.txt", "userId": "demo-1"},
        ),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 3),
        ({"oneOf": [{"type": "null"}]}, "example"),
        ({"allOf": [{"const": 1}]}, 1),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}, 1),
        ({"$ref": "#/$defs/b"}, "example"),
        ({"$ref": 5}, "example"),
        ({"$ref": "#"}, None),
    ],
)
def test_examples(schema: Any, value: Any) -> None:
    assert json.loads(example(schema)) == value


def test_examples_for_a_real_tool() -> None:
    """A tool of a common kind gets arguments that it could run with."""
    schema = {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "City and state"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "dates": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["location", "unit", "dates"],
        "additionalProperties": False,
    }

    assert json.loads(example(schema)) == {
        "location": "Brno",
        "unit": "celsius",
        "dates": ["2025-06-01"],
    }


def test_schema_that_grows() -> None:
    """A short schema may describe a value beyond all bounds; ours has some."""
    wide = {f"p{i}": {"$ref": "#"} for i in range(50)}
    deep: Any = {"type": "array", "items": {"$ref": "#"}, "minItems": 3}
    start = time.perf_counter()

    texts = [example({"type": "object", "properties": wide}), example(deep)]

    assert time.perf_counter() - start < 1
    assert all(len(text) < 20_000 for text in texts)


words = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "const",
        "default",
        "examples",
        "anyOf",
        "$ref",
        "#/a",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "format",
        "object",
        "array",
        "string",
        "integer",
        "number",
        "null",
        "date",
        "\ud800",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(words, v, max_size=4),
    max_leaves=20,
)


@given(values)
def test_any_schema(schema: Any) -> None:
    """A client's schema may be any JSON; the example always is JSON."""
    json.loads(example(schema), parse_constant=pytest.fail)
