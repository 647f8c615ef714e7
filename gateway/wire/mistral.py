"""
Mistral's dialect of chat: what it calls things, where OpenAI's differs.

Answers have the same frame as OpenAI's, and are watched alike; contents may be
lists of parts, and requests know fewer members.

Source: https://docs.mistral.ai/api/endpoint/chat
"""

from __future__ import annotations

import hashlib
import re

from gateway.wire import openai_chat

PROTOCOL = "mistral"
WATCHING = openai_chat.WATCHING

# Other ids are refused: "must be a-z, A-Z, 0-9, with a length of 9".
_ID = re.compile(r"[a-zA-Z0-9]{9}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def call_id(name: str) -> str:
    """
    Return what Mistral is told as the id of a tool call.

    One of another provider always becomes the same, so that a call and its result
    find each other.
    """
    if _ID.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return "".join(_DIGITS[byte % len(_DIGITS)] for byte in digest[:9])
