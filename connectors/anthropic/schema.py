"""
JSON Schema as Anthropic's structured outputs take it.

The provider makes a grammar of the schema and refuses one with keywords that it
cannot make one of. Those are told to the model in the description instead, as the
official SDKs do; each is reported.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, approximate
from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.reply import Json

_KEPT = {
    *("type", "title", "description", "enum", "const", "default", "required"),
    *("$ref", "$defs", "definitions", "properties", "items", "anyOf", "allOf"),
}
# What a schema says of itself; nothing is lost with it.
_SILENT = {"$schema", "$id", "$comment"}
_FORMATS = {
    *("date-time", "time", "date", "duration", "email", "hostname", "uri"),
    *("ipv4", "ipv6", "uuid"),
}
# Looking around and back, and the bounds of words.
_NO_PATTERN = re.compile(r"\(\?|\\[bB1-9]")


def write_schema(schema: Json, path: str) -> tuple[Json, list[Loss]]:
    """
    Return *schema* as the provider takes it, and what was said otherwise.

    Args:
        path: where it stands in the domain model; a JSON pointer follows it.
    """
    losses: list[Loss] = []
    try:
        return _write(schema, path, losses), losses
    except RecursionError:
        return schema, []  # the provider has a limit, too, and says so


def _write(schema: Json, path: str, losses: list[Loss]) -> Json:
    if not isinstance(schema, dict):
        return schema
    written: dict[str, Json] = {}
    told: list[str] = []
    for name, value in schema.items():
        at = _at(path, name)
        if name == "oneOf" and "anyOf" not in schema:
            losses.append(approximate(at, "written as anyOf"))
            written["anyOf"] = _list(value, at, losses)
        elif _is_kept(name, value):
            written[name] = _INNER.get(name, _same)(value, at, losses)
        elif name not in (*_SILENT, "additionalProperties"):
            losses.append(approximate(at, "told in the description"))
            told.append(f"{name}: {encode(value).decode()}")
    _close(schema, written, path, losses)
    if told:
        before = schema.get("description")
        texts = ([before] if isinstance(before, str) else []) + [", ".join(told)]
        written["description"] = "\n".join(texts)
    return written


def _close(
    schema: dict[str, Json], written: dict[str, Json], path: str, losses: list[Loss]
) -> None:
    """Allow no members that the schema does not name: the provider insists."""
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "object" not in kinds and "properties" not in schema:
        return
    written["additionalProperties"] = False
    if schema.get("additionalProperties") is not False:
        at = f"{path}/additionalProperties"
        losses.append(approximate(at, "Anthropic allows named members only"))


def _is_kept(name: str, value: Json) -> bool:
    match name:
        case "format":
            return value in _FORMATS if isinstance(value, str) else False
        case "minItems":
            return value in (0, 1)
        case "pattern":
            return isinstance(value, str) and not _NO_PATTERN.search(value)
        case _:
            return name in _KEPT


def _same(value: Json, _: str, __: list[Loss]) -> Json:
    return value


def _list(value: Json, path: str, losses: list[Loss]) -> Json:
    if not isinstance(value, list):
        return value
    return [_write(one, f"{path}/{i}", losses) for i, one in enumerate(value)]


def _named(value: Json, path: str, losses: list[Loss]) -> Json:
    if not isinstance(value, dict):
        return value
    return {n: _write(one, _at(path, n), losses) for n, one in value.items()}


def _at(path: str, name: str) -> str:
    """Return the pointer's next step. Source: RFC 6901, section 3."""
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"


_INNER: dict[str, Callable[[Json, str, list[Loss]], Json]] = {
    "$defs": _named,
    "definitions": _named,
    "properties": _named,
    "items": _write,
    "anyOf": _list,
    "allOf": _list,
}
