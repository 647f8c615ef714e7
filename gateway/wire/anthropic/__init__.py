"""
The Anthropic Messages dialect: names, tables, and what a ledger sees of it.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from gateway.wire.anthropic.finish import STOPS, WORDS, read_finish, write_finish
from gateway.wire.anthropic.names import (
    NAMES_ONLY,
    PROTOCOL,
    extras_of,
    form,
    optional,
    own,
    text_of,
    without,
)
from gateway.wire.anthropic.usage import read_usage, write_delta_usage, write_usage
from gateway.wire.anthropic.watching import WATCHING, look, spots

__all__ = [
    "NAMES_ONLY",
    "PROTOCOL",
    "STOPS",
    "WATCHING",
    "WORDS",
    "extras_of",
    "form",
    "look",
    "optional",
    "own",
    "read_finish",
    "read_usage",
    "spots",
    "text_of",
    "without",
    "write_delta_usage",
    "write_finish",
    "write_usage",
]
