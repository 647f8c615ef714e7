"""
Google's schemas, a subset of OpenAPI 3.0, and JSON Schema.

What a client says in Google's form comes back in it: ``write_schema(read_schema(s))
== s`` for every *s* in the form that Google documents (camelCase, types in upper
case, ``nullable`` only where it is true).

Source: https://ai.google.dev/api/caching#Schema and, for what is heeded in JSON
Schema, https://ai.google.dev/api/generate-content#FIELDS.response_json_schema
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.domain.reply import Json

# Numbers are what clients send that write enums so.
_TYPES = {
    1: "string",
    2: "number",
    3: "integer",
    4: "boolean",
    5: "array",
    6: "object",
    7: "null",
}
_WORDS = frozenset(_TYPES.values())
# int64 in the protocol, which its JSON form may write as text.
_COUNTS = frozenset(
    {
        *("minItems", "maxItems", "minLength", "maxLength"),
        *("minProperties", "maxProperties"),
    }
)
# Keywords that hold schemas: one, a list of them, or named ones.
_ONE = frozenset({"items", "additionalProperties"})
_MANY = frozenset({"anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "defs", "$defs"})

# A whole JSON Schema may be sent, but Google names these as all that it supports.
HEEDED = frozenset(
    {
        *("$id", "$defs", "$ref", "$anchor", "type", "format", "title"),
        *("description", "enum", "items", "prefixItems", "minItems", "maxItems"),
        *("minimum", "maximum", "anyOf", "oneOf", "properties"),
        *("additionalProperties", "required", "propertyOrdering"),
    }
)
# Of these the model loses nothing that would bind it.
_NOTES = frozenset({"$schema", "$comment", "examples", "default"})

_Convert = Callable[["Json"], "Json"]


def read_schema(json: Json) -> Json:
    """Return Google's *json* as JSON Schema; what is no object stays as it is."""
    if not isinstance(json, dict):
        return json
    schema = _inside(json, read_schema)
    schema = {_renamed(name): value for name, value in schema.items()}
    for name in _COUNTS & schema.keys():
        if isinstance(schema[name], str) and schema[name].isdecimal():
            schema[name] = int(schema[name])
    if "type" in schema:
        schema["type"] = _read_type(schema["type"])
    if "$ref" in schema and isinstance(schema["$ref"], str):
        schema["$ref"] = schema["$ref"].replace("#/defs/", "#/$defs/", 1)
    if "example" in schema:
        schema["examples"] = [schema.pop("example")]
    if schema.pop("nullable", None) is True:
        schema = _nullable(schema)
    return schema


def write_schema(schema: Json) -> Json:
    """Return what `read_schema` read."""
    if not isinstance(schema, dict):
        return schema
    json = _inside(schema, write_schema)
    if "$ref" in json and isinstance(json["$ref"], str):
        json["ref"] = json.pop("$ref").replace("#/$defs/", "#/defs/", 1)
    if "$defs" in json:
        json["defs"] = json.pop("$defs")
    if isinstance(examples := json.get("examples"), list) and len(examples) == 1:
        json["example"] = json.pop("examples")[0]
    match json.get("type"):
        case [str() as kind, "null"]:
            json |= {"type": kind, "nullable": True}
            if isinstance(json.get("enum"), list):
                json["enum"] = [value for value in json["enum"] if value is not None]
        case None if json.get("anyOf", [None])[-1] == {"type": "NULL"}:
            json |= {"anyOf": json["anyOf"][:-1], "nullable": True}
    if isinstance(json.get("type"), str):
        json["type"] = json["type"].upper()
    return {
        name: value for name, value in json.items() if value != [] or name != "anyOf"
    }


def unheeded(schema: Json, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and keyword of what Google does not heed in a JSON Schema, once."""
    found: dict[str, None] = {}
    _look_for(schema, found)
    for keyword in found:
        yield f"{path}.{keyword}", keyword


def _look_for(schema: Json, found: dict[str, None]) -> None:
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name not in HEEDED and name not in _NOTES:
            found[name] = None
        for inner in _schemas(name, value):
            _look_for(inner, found)


def _schemas(name: str, value: Json) -> list[Json]:
    if name in _ONE:
        return [value]
    if name in _MANY and isinstance(value, list):
        return value
    if name in _NAMED and isinstance(value, dict):
        return list(value.values())
    return []


def _inside(json: dict[str, Json], convert: _Convert) -> dict[str, Json]:
    """Return a copy of *json*, the schemas inside converted."""
    return {name: _converted(name, value, convert) for name, value in json.items()}


def _converted(name: str, value: Json, convert: _Convert) -> Json:
    if name in _ONE:
        return convert(value)
    if name in _MANY and isinstance(value, list):
        return [convert(item) for item in value]
    if name in _NAMED and isinstance(value, dict):
        return {key: convert(item) for key, item in value.items()}
    return value


def _renamed(name: str) -> str:
    return {"ref": "$ref", "defs": "$defs"}.get(name, name)


def _read_type(kind: Json) -> Json:
    if isinstance(kind, int):
        return _TYPES.get(kind, kind)
    if isinstance(kind, str) and kind.lower() in _WORDS:
        return kind.lower()
    return kind


def _nullable(schema: dict[str, Json]) -> dict[str, Json]:
    kind = schema.get("type")
    if not isinstance(kind, str):
        also: Json = [*(schema.get("anyOf") or []), {"type": "null"}]
        return schema | {"anyOf": also}
    schema = schema | {"type": [kind, "null"]}
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [*schema["enum"], None]
    return schema
