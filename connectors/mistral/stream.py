"""
Mistral's chunks; what reads OpenAI's reads them as well.

Their content switches between a string and a list of parts, and calls come whole
and without a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.openai_chat.stream import ChatFrames
from gateway.wire.mistral import PROTOCOL
from gateway.wire.reading import Guarded

if TYPE_CHECKING:
    from gateway.wire.reading import Reader


def reader() -> Reader:
    """Return the reader of one stream."""
    return Guarded(ChatFrames(PROTOCOL))
