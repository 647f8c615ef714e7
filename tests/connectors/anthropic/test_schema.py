"""JSON Schema, made to fit structured outputs."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.anthropic.schema import write_schema


def written(schema: Any) -> tuple[Any, list[str]]:
    json, losses = write_schema(schema, "s")
    return json, [loss.path for loss in losses]


def test_what_fits() -> None:
    """A schema of supported keywords passes as it is."""
    schema = {
        "type": "object",
        "title": "T",
        "properties": {
            "a": {"type": ["string", "null"], "format": "date", "pattern": "^[a-z]+$"},
            "b": {"type": "array", "items": {"$ref": "#/$defs/x"}, "minItems": 1},
            "c": {"anyOf": [{"const": 1}, {"enum": ["x"]}]},
        },
        "$defs": {"x": {"type": "integer", "default": 3}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert written(schema) == (schema, [])


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "integer", "minimum": 1}, "minimum: 1"),
        ({"type": "string", "format": "binary"}, 'format: "binary"'),
        ({"type": "string", "format": 5}, "format: 5"),
        ({"type": "string", "pattern": "(?=a)b"}, 'pattern: "(?=a)b"'),
        ({"type": "array", "minItems": 2}, "minItems: 2"),
        ({"type": "integer", "description": "D", "minimum": 1}, "D\nminimum: 1"),
        ({"type": "integer", "not": {"const": 2}}, 'not: {"const":2}'),
    ],
)
def test_what_is_told(schema: Any, told: str) -> None:
    """What no grammar can be made of is told to the model, and reported."""
    json, losses = written(schema)

    assert json["description"] == told
    assert losses == [f"s/{name}" for name in schema if name not in json]


def test_open_objects() -> None:
    """Objects are closed: the provider insists."""
    schema = {"properties": {"a/b~": {"type": "object"}}, "$schema": "x"}

    assert written(schema) == (
        {
            "properties": {"a/b~": {"type": "object", "additionalProperties": False}},
            "additionalProperties": False,
        },
        ["s/properties/a~1b~0/additionalProperties", "s/additionalProperties"],
    )


def test_one_of() -> None:
    either = [{"type": "string"}, {"type": "null"}]

    assert written({"oneOf": either}) == ({"anyOf": either}, ["s/oneOf"])
    json, losses = written({"oneOf": either, "anyOf": either})
    assert (json["anyOf"], losses) == (either, ["s/oneOf"])


@pytest.mark.parametrize("schema", [True, {"items": True}, {"anyOf": 5}, {"$defs": 5}])
def test_odd_shapes(schema: Any) -> None:
    """What is no schema is left to the provider."""
    assert written(schema) == (schema, [])


def test_too_deep() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"items": schema}

    assert written(schema)[0] is schema
