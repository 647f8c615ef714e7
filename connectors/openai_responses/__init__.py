"""
The OpenAI Responses protocol, which several providers and servers speak, too.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from connectors.openai_responses.request import write_request
from connectors.openai_responses.response import read_reply
from connectors.openai_responses.stream import reader
from gateway.plugin import Dialect, Translator
from gateway.wire.openai_responses import PROTOCOL

TRANSLATOR = Translator(write_request, read_reply, reader)

# Who keeps answers says so with ``stores``; the other paths are theirs.
DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={
        "chat": "/responses",
        "responses": "/responses/{id}",
        "response_cancel": "/responses/{id}/cancel",
        "response_input_items": "/responses/{id}/input_items",
    },
    translator=TRANSLATOR,
)
