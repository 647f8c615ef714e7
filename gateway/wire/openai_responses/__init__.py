"""
The OpenAI Responses dialect: leaf objects, tables, and what a skimmer sees.

Source: https://platform.openai.com/docs/api-reference/responses and
https://platform.openai.com/docs/api-reference/responses-streaming, and the
deviations of compatible servers named where they are handled.
"""

from __future__ import annotations

from gateway.wire.openai_responses.names import PROTOCOL, extras_of, own
from gateway.wire.openai_responses.outcome import (
    read_failure,
    read_finish,
    write_status,
)
from gateway.wire.openai_responses.usage import read_usage, write_usage
from gateway.wire.openai_responses.watching import WATCHING

__all__ = [
    "PROTOCOL",
    "WATCHING",
    "extras_of",
    "own",
    "read_failure",
    "read_finish",
    "read_usage",
    "write_status",
    "write_usage",
]
