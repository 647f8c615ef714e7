"""
The model's name in bodies that repeat what the path says.

Few do: those that count the tokens of a whole request, and batches of texts to embed.

Source: https://ai.google.dev/api/tokens and https://ai.google.dev/api/embeddings
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from gateway.wire import jsonsplice
from gateway.wire.jsonarray import JsonArrayFramer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# As a member; as a value it is a role.
_MODEL = re.compile(rb'"model"\s*+:|\\u')
_REQUEST = ("generateContentRequest", "generate_content_request")


def rename(body: bytes, model: str) -> bytes:
    """
    Return *body* with another model wherever it names one; all else stays.

    Args:
        body: a valid JSON object, as `peek` has checked.
    """
    if _MODEL.search(body) is None:
        return body
    return _in_object(body, msgspec.json.encode(f"models/{model}"))


def _in_object(body: bytes, value: bytes) -> bytes:
    def inner(name: str, found: bytes) -> bytes:
        if name == "model":
            return value
        if name in _REQUEST and found.startswith(b"{"):
            return _in_object(found, value)
        if name == "requests" and found.startswith(b"["):
            return _spliced(found, _elements(found), lambda _, e: _in_object(e, value))
        return found

    spans = ((name, *span) for name, _, span in jsonsplice.members(body))
    return _spliced(body, spans, inner)


def _elements(body: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield where the objects of an array begin and end."""
    at = 0
    for frame in JsonArrayFramer().feed(body):
        start = body.find(frame.data, at)
        if start < 0 or not frame.data.endswith(b"}"):
            return  # something else stands there, which the upstream will refuse
        at = start + len(frame.data)
        yield "", start, at


def _spliced(
    body: bytes,
    spans: Iterator[tuple[str, int, int]],
    change: Callable[[str, bytes], bytes],
) -> bytes:
    pieces, at = [], 0
    for name, start, end in spans:
        pieces += [body[at:start], change(name, body[start:end])]
        at = end
    return b"".join([*pieces, body[at:]])
