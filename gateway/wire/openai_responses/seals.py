"""
What stands in ``encrypted_content``, the one opaque slot of this dialect.

Only reasoning items have it. Gemini seals texts and tool calls, too: their seals
travel in a reasoning item of their own behind the item they belong to, marked
with a caret, which no seal begins with.

A seal of this dialect is worth little without the id of its item, which some
providers ask for when they are shown it again. Both go through other dialects
together, as ``id:value``; no id and no seal has a colon.
"""

from __future__ import annotations

from gateway.domain.parts import Signature
from gateway.wire.openai_responses.names import PROTOCOL
from gateway.wire.seal import seal, unseal

_BEHIND = "^"


def read_seal(value: str, name: str | None = None) -> Signature:
    """
    Return the seal in *value*, by whomever it is.

    Args:
        name: the id of the item.
    """
    signature = unseal(value.removeprefix(_BEHIND), PROTOCOL)
    if signature.origin != PROTOCOL:
        return signature
    if name is None and ":" not in value:
        return signature
    return Signature(PROTOCOL, f"{name or ''}:{value}")


def is_behind(value: str) -> bool:
    """Tell whether the seal belongs to what stands before its item."""
    return value.startswith(_BEHIND)


def write_seal(signature: Signature, *, behind: bool = False) -> str:
    """Return what to write into the slot."""
    if signature.origin == PROTOCOL:
        return _parts(signature)[1]
    return (_BEHIND if behind else "") + seal(signature, PROTOCOL)


def name_in(signature: Signature) -> str | None:
    """Return the id of the item that the seal stood in, if it is of this dialect."""
    return (signature.origin == PROTOCOL and _parts(signature)[0]) or None


def _parts(signature: Signature) -> tuple[str, str]:
    name, colon, value = signature.value.partition(":")
    return (name, value) if colon else ("", signature.value)
