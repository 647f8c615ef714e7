"""
What Cohere's structured output does not know of JSON Schema.

Source: https://docs.cohere.com/docs/structured-outputs#unsupported-schema-features
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import dropped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json

UNKNOWN = (
    *("allOf", "oneOf", "not"),
    *("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf"),
    *("minItems", "maxItems", "uniqueItems"),
    *("maxLength", "minLength"),
)
# Members whose value is one schema, and those that name several.
_ONE = ("items", "additionalProperties", "not")
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "allOf", "oneOf", "prefixItems")


def unknown(schema: Json) -> Iterator[Loss]:
    """
    Yield a loss for each keyword that the model need not keep to.

    The schema is sent as it is: the keywords do no harm, and the model reads them.
    """
    found = {name for part in _parts(schema, 0) for name in UNKNOWN if name in part}
    for name in sorted(found):
        yield dropped(f"output_format.schema.{name}", "Cohere does not enforce it")


def _parts(schema: Json, depth: int) -> Iterator[dict[str, Json]]:
    if not isinstance(schema, dict) or depth > 64:
        return
    yield schema
    inner = [schema.get(name) for name in _ONE]
    for name in _NAMED:
        named = schema.get(name)
        inner += named.values() if isinstance(named, dict) else ()
    for name in _LISTED:
        listed = schema.get(name)
        inner += listed if isinstance(listed, list) else ()
    for part in inner:
        yield from _parts(part, depth + 1)
