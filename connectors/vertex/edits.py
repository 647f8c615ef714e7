"""
What Vertex AI wants otherwise in a body; every other byte stays as it came.

Sources: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.wire import jsonsplice
from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.plugin import Headers

VERSION = "vertex-2023-10-16"
# The header's versions that this one is the name of.
_OLD = ("", "2023-06-01", "2023-01-01")

# Of what is to be counted, Vertex takes these; Gemini's own API takes a whole request.
_COUNTED = ("contents", "systemInstruction", "system_instruction", "tools")
_CONFIG = ("generationConfig", "generation_config")


def as_vertex_messages(body: bytes, headers: Headers, operation: str) -> bytes:
    """
    Put Anthropic's version into the body, and the model out of it.

    The version comes as a header, which goes. A caller's newer one goes on as it
    is: so does Anthropic's own client for Vertex. The model is in the path, except
    where tokens are counted.
    """
    version = headers.pop("anthropic-version", "")
    if operation != "count_tokens":
        body = jsonsplice.remove(body, "model")
    if any(name == "anthropic_version" for name, _, _ in jsonsplice.members(body)):
        return body
    value = VERSION if version in _OLD else version
    return jsonsplice.replace(body, "anthropic_version", encode(value))


def as_vertex_count(body: bytes, headers: Headers, operation: str) -> bytes:
    """Take what is to be counted out of the request that Gemini's API wraps it in."""
    del headers
    if operation != "count_tokens":
        return body
    found = {name: body[slice(*span)] for name, _, span in jsonsplice.members(body)}
    inner = found.get("generateContentRequest", found.get("generate_content_request"))
    if inner is None:
        return jsonsplice.remove(body, "model")
    kept = [
        inner[slice(*whole)]
        for name, whole, _ in jsonsplice.members(inner)
        if name in (*_COUNTED, *_CONFIG)
    ]
    return b"{" + b",".join(kept) + b"}"
