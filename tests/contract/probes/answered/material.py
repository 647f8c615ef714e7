"""What the probes of several protocols answer with."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

PLAIN = "plain text"
HI: Json = {"type": "text", "text": "Hi"}
TOKEN: Json = {"token": "Hi", "logprob": -0.25, "bytes": [72, 105]}


def call(id_: str, name: str = "weather") -> Json:
    """Return a tool call as chat has it, and Cohere."""
    function = {"name": name, "arguments": '{"city": "Brno"}'}
    return {"id": id_, "type": "function", "function": function}
