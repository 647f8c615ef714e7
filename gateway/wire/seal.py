"""
Seals of one provider, carried in the slot that another dialect has for its own.

``origin:value`` is no base64, which all providers' own seals are (or hexadecimal),
so it cannot be mistaken for one. Only the issuer is ever shown the value.
"""

from __future__ import annotations

import base64
import binascii

from gateway.domain.parts import Signature

ORIGINS = frozenset(
    {
        *("openai_chat", "openai_responses", "anthropic", "gemini"),
        *("bedrock", "cohere", "mistral", "ollama"),
    }
)


def seal(signature: Signature, dialect: str) -> str:
    """Return what to write into the slot of *dialect*; its own goes as it is."""
    if signature.origin == dialect:
        return signature.value
    return f"{signature.origin}:{signature.value}"


def unseal(value: str, dialect: str) -> Signature:
    """Return the seal in *value*, which stood in the slot of *dialect*."""
    origin, colon, inner = value.partition(":")
    if colon and origin in ORIGINS:
        return Signature(origin, inner)
    return Signature(dialect, value)


def seal_bytes(signature: Signature, dialect: str) -> str:
    """Do the same for a slot whose clients decode base64 (Gemini's)."""
    if signature.origin == dialect:
        return signature.value
    return base64.b64encode(seal(signature, dialect).encode()).decode()


def unseal_bytes(value: str, dialect: str) -> Signature:
    try:
        # Some clients write the alphabet for URLs.
        inner = base64.b64decode(value.replace("-", "+").replace("_", "/")).decode()
    except (binascii.Error, ValueError):
        return Signature(dialect, value)
    found = unseal(inner, dialect)
    return found if found.origin != dialect else Signature(dialect, value)
