"""
The OpenAI Chat Completions dialect: what both ends of it must agree on.

``names`` has its words, ``parts``, ``thoughts`` and ``usage`` the leaf objects, and
``watching`` what can be seen of answers that pass.

Source: https://platform.openai.com/docs/api-reference/chat and the deviations
of compatible servers named where they are handled.
"""

from __future__ import annotations

from gateway.wire.openai_chat.names import (
    DONE,
    PATHS,
    PROTOCOL,
    STOPS,
    WORDS,
    extras_of,
    own,
    read_finish,
    write_finish,
)
from gateway.wire.openai_chat.usage import read_usage, write_usage
from gateway.wire.openai_chat.watching import (
    ALARM,
    WATCHING,
    Sniffed,
    asking_for_usage,
    ending,
    look,
    sniff,
    spots,
)

__all__ = [
    "ALARM",
    "DONE",
    "PATHS",
    "PROTOCOL",
    "STOPS",
    "WATCHING",
    "WORDS",
    "Sniffed",
    "asking_for_usage",
    "ending",
    "extras_of",
    "look",
    "own",
    "read_finish",
    "read_usage",
    "sniff",
    "spots",
    "write_finish",
    "write_usage",
]
