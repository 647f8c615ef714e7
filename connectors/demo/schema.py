"""Plausible values for a JSON Schema, which may be any JSON at all."""

from __future__ import annotations

import json as stdlib_json
import math
from typing import Any

# Names that say what they hold, by the words in them; the first that fits.
_STRINGS = {
    "city": "Brno",
    "location": "Brno",
    "place": "Brno",
    "country": "Czechia",
    "language": "en",
    "unit": "celsius",
    "email": "ada@example.com",
    "url": "https://example.com/",
    "path": "notes/hello.txt",
    "file": "notes/hello.txt",
    "command": "echo hello",
    "code": "print('hello')",
    "query": "how do gateways stream",
    "question": "How do gateways stream?",
    "expression": "4 + 4",
    "date": "2025-06-01",
    "time": "12:00:00",
    "name": "Ada",
    "title": "Hello",
    "id": "demo-1",
}
_FORMATS = {
    "date": "2025-06-01",
    "time": "12:00:00Z",
    "date-time": "2025-06-01T12:00:00Z",
    "duration": "PT5M",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
# A schema may refer to itself, and a short one may describe a huge value.
_MOST_VALUES = 200
_MOST_DEPTH = 16
_LONGEST = 200


def example(schema: Any) -> str:
    """
    Return JSON text that *schema* plausibly allows.

    Covers what tools use: types, enum, const, default, examples, required members,
    items, local references, alternatives, ranges and formats. Not patterns.
    """
    return stdlib_json.dumps(_Maker(schema).value(schema, "", 0), ensure_ascii=False)


class _Maker:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _MOST_VALUES

    def value(self, schema: Any, name: str, depth: int) -> Any:
        self._left -= 1
        if not isinstance(schema, dict) or self._left < 0 or depth > _MOST_DEPTH:
            return None
        given = _given(schema)
        if given:
            return given[0]
        inner = self._inner(schema)
        if inner is not None:
            return self.value(inner, name, depth + 1)
        match _type_of(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return _string(schema, name)
            case "integer" | "number" as kind:
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case _:
                return None

    def _inner(self, schema: dict[str, Any]) -> Any:
        """Return the schema that stands for this one, if any does."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._resolved(reference)
        for word in ("anyOf", "oneOf", "allOf"):
            options = schema.get(word)
            if isinstance(options, list) and options:
                return next((o for o in options if o != {"type": "null"}), None)
        return None

    def _resolved(self, reference: str) -> Any:
        found = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            if step:
                found = found.get(step) if isinstance(found, dict) else None
        return found

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        required = schema.get("required")
        names = [n for n in properties if isinstance(required, list) and n in required]
        return {
            name: self.value(properties[name], name, depth + 1)
            for name in (names or properties)
            if self._left > 0
        }

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        count = _bound(schema, "minItems", 1)
        item = name.removesuffix("s")
        return [
            self.value(schema.get("items", {"type": "string"}), item, depth + 1)
            for _ in range(min(count, 3))
        ]


def _given(schema: dict[str, Any]) -> list[Any]:
    """Return the values that the schema itself tells, such as an enum."""
    for word in ("const", "default"):
        if word in schema and _writable(schema[word]):
            return [schema[word]]
    for word in ("enum", "examples"):
        values = schema.get(word)
        if isinstance(values, list) and values and _writable(values[0]):
            return values[:1]
    return []


def _writable(value: Any) -> bool:
    """Say whether *value* has a JSON text: ``1e999`` is read as infinity."""
    try:
        return len(stdlib_json.dumps(value, allow_nan=False)) <= _LONGEST
    except (ValueError, RecursionError):
        return False


def _type_of(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), None)
    if kind is None:
        return "object" if "properties" in schema else "string"
    return kind


def _string(schema: dict[str, Any], name: str) -> str:
    form = schema.get("format")
    if isinstance(form, str) and form in _FORMATS:
        return _FORMATS[form]
    words = name.lower()
    text = next((v for k, v in _STRINGS.items() if k in words), "example")
    least = min(_bound(schema, "minLength", 0), _LONGEST)
    return text.ljust(least, "x")[: _bound(schema, "maxLength", _LONGEST)]


def _number(schema: dict[str, Any], *, whole: bool) -> Any:
    low = _first_number(schema, "minimum")
    if low is not None:
        return math.ceil(low) if whole else low
    low = _first_number(schema, "exclusiveMinimum")
    if low is not None:
        return math.floor(low) + 1
    high = _first_number(schema, "maximum", "exclusiveMaximum")
    if high is not None and high <= 3:
        return math.ceil(high) - 1
    return 3


def _first_number(schema: dict[str, Any], *words: str) -> int | float | None:
    for word in words:
        value = schema.get(word)
        if isinstance(value, int | float) and _writable(value):
            return value
    return None


def _bound(schema: dict[str, Any], word: str, default: int) -> int:
    value = schema.get(word)
    return value if isinstance(value, int) and value >= 0 else default
