"""
Content that is a list of parts, where OpenAI itself answers with a string.

Mistral's models that think do so, and servers that translate for others.

Source: https://docs.mistral.ai/capabilities/reasoning/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.domain.parts import Opaque, Refusal, Signature, Text, Thinking
from gateway.wire.openai_chat import extras_of
from gateway.wire.openai_chat.parts import read_url, word

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json


def read_part(json: dict[str, Any] | str, origin: str) -> Part:
    """Return the part in *json*, as much of it as a delta brings."""
    if isinstance(json, str):
        return Text(json)
    left = dict(json)
    match left.pop("type", "text"):
        case "text":
            text = word(left.pop("text"))
            return Text(text, extras=extras_of(left, origin))
        case "thinking":
            words = _words(left.pop("thinking"))
            value = word(left.pop("signature", None))
            seal = Signature(origin, value) if value else None
            return Thinking(words, seal, extras=extras_of(left, origin))
        case "refusal":
            return Refusal(word(left.pop("refusal")), extras=extras_of(left, origin))
        case "image_url":
            inner = left.pop("image_url")
            url = inner["url"] if isinstance(inner, dict) else inner
            return read_url("image", word(url))
    return Opaque(origin, json)


def _words(json: Json) -> str:
    if isinstance(json, str):
        return json
    return "".join(word(part.get("text")) for part in json)
