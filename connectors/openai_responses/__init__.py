"""
The OpenAI Responses protocol, which several providers and servers speak, too.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from gateway.plugin import Dialect, Translator
from gateway.wire.openai_responses import PROTOCOL


def _translator() -> Translator:
    from connectors.openai_responses.translator import TRANSLATOR

    return TRANSLATOR


# Who keeps answers says so with ``stores``; the other paths are theirs.
DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={
        "chat": "/responses",
        "responses": "/responses/{id}",
        "response_cancel": "/responses/{id}/cancel",
        "response_input_items": "/responses/{id}/input_items",
    },
    translator=_translator,
)
