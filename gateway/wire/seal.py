"""
Seals of one provider, carried in the slot that another dialect has for its own.

``origin:value`` is no base64, which all providers' own seals are (or hexadecimal),
so it cannot be mistaken for one. Only the issuer is ever shown the value.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache

from gateway.domain.parts import Signature

ORIGINS = frozenset(
    {
        *("openai_chat", "openai_responses", "anthropic", "gemini"),
        *("bedrock_converse", "cohere", "mistral", "ollama"),
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


# Without any of these words a body has no seal at all, which is quickly seen.
_WORDS = {
    "openai_chat": (b"thought_signature", b"reasoning_details"),
    "openai_responses": (b"encrypted_content",),
    "anthropic": (b'"signature"', b"redacted_thinking"),
    "gemini": (b"thoughtSignature", b"thought_signature"),
}
_SLOTS = (
    *(b"signature", b"data", b"encrypted_content"),
    *(b"thoughtSignature", b"thought_signature"),
)


def holds_foreign(body: bytes, dialect: str) -> bool:
    """
    Tell whether a request of *dialect* brings back a seal of another provider's.

    Such a body is not passed on as it is: nobody but the issuer is shown a seal.
    """
    for word in _WORDS.get(dialect, ()):
        if word in body:
            return _foreign(dialect).search(body) is not None
    return False


@cache
def _foreign(dialect: str) -> re.Pattern[bytes]:
    issuers = [f"{origin}:".encode() for origin in sorted(ORIGINS - {dialect})]
    if dialect == "gemini":
        # Of base64, only what no following byte can change; in either alphabet.
        issuers = [
            base64.b64encode(issuer)[: len(issuer) * 8 // 6] for issuer in issuers
        ]
    slots, values = b"|".join(_SLOTS), b"|".join(issuers)
    return re.compile(rb'"(?:%b)"\s*+:\s*+"(?:%b)' % (slots, values))
