"""What the probes of all dialects ask with."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO"
    "1AAAAABJRU5ErkJggg=="
)
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZF"
MP4 = "AAAAIGZ0eXBpc29t"
SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ODD_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "pattern": "^[A-Z]+$", "minLength": 2},
        "n": {"type": "integer", "minimum": 1, "multipleOf": 3},
        "either": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/leaf"}]},
    },
    "$defs": {"leaf": {"type": "object", "properties": {"x": {"const": 5}}}},
    "required": ["code"],
    "additionalProperties": False,
}
ASK = "What is the weather?"

ASKED: Json = {"role": "user", "content": ASK}
