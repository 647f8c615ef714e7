"""
Gemini's ``generateContent``: what both of its ends need.

Source: https://ai.google.dev/api/generate-content
"""

from gateway.wire.gemini.framing import GeminiFramer
from gateway.wire.gemini.leaves import (
    PROTOCOL,
    STOPS,
    WORDS,
    extras_of,
    is_finish,
    is_own_usage,
    own,
    read_block,
    read_finish,
    read_usage,
    text_of,
    write_finish,
    write_usage,
)
from gateway.wire.gemini.media import kind_of, read_media, standard, write_media
from gateway.wire.gemini.names import camel
from gateway.wire.gemini.parts import (
    MARKS,
    arguments,
    read_part,
    write_call,
    write_part,
)
from gateway.wire.gemini.results import write_result
from gateway.wire.gemini.schema import read_schema, unheeded, write_schema
from gateway.wire.gemini.watching import WATCHING, look

__all__ = [
    "MARKS",
    "PROTOCOL",
    "STOPS",
    "WATCHING",
    "WORDS",
    "GeminiFramer",
    "arguments",
    "camel",
    "extras_of",
    "is_finish",
    "is_own_usage",
    "kind_of",
    "look",
    "own",
    "read_block",
    "read_finish",
    "read_media",
    "read_part",
    "read_schema",
    "read_usage",
    "standard",
    "text_of",
    "unheeded",
    "write_call",
    "write_finish",
    "write_media",
    "write_part",
    "write_result",
    "write_schema",
    "write_usage",
]
