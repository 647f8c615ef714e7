"""
Member names: Google reads ``snake_case`` wherever it writes ``camelCase``.

Source: https://protobuf.dev/programming-guides/json ("Parsers accept both the
lowerCamelCase name and the original proto field name.")
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.domain.reply import Json

_LETTER = re.compile(r"_([a-z0-9])")
# Members whose value is the client's own JSON, or a JSON Schema.
_FREE = frozenset(
    {
        *("args", "response", "labels", "parametersJsonSchema", "partMetadata"),
        *("responseJsonSchema", "jsonSchema", "default", "example", "enum"),
    }
)
# Members whose names are the client's, and whose values are ours again.
_NAMED = frozenset({"properties", "defs"})


def camel(json: Json) -> Json:
    """
    Return *json* with its members named as Google writes them.

    What belongs to the client stays as it is: arguments, results, labels. A
    function's declaration has a ``response``, too, which is a schema.
    """
    if isinstance(json, list):
        return [camel(item) for item in json]
    if not isinstance(json, dict):
        return json
    named = {_camel_name(name): value for name, value in json.items()}
    return {name: _inside(name, value) for name, value in named.items()}


def _inside(name: str, value: Json) -> Json:
    if name in _FREE:
        return value
    if name in _NAMED and isinstance(value, dict):
        return {key: camel(inner) for key, inner in value.items()}
    return camel(value)


def _camel_name(name: str) -> str:
    if "_" not in name:
        return name
    return _LETTER.sub(lambda found: found[1].upper(), name)
