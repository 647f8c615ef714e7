"""
Mistral: its own dialect of chat, and OpenAI's embeddings.

The two dialects of chat look alike, but neither side bears the other's: Mistral
refuses members that it does not know (``max_completion_tokens``, ``seed``,
``stream_options``, ``user``), and answers of its models that think have lists as
content, over which OpenAI's clients fall. So nothing of chat passes untouched.

Source: https://docs.mistral.ai/api
"""

from __future__ import annotations

from connectors import openai_chat
from connectors.auth import bearer
from connectors.mistral.request import write_request
from connectors.mistral.response import read_reply
from connectors.mistral.stream import reader
from gateway.plugin import Connector, Dialect, Translator
from gateway.wire.mistral import PROTOCOL

TRANSLATOR = Translator(write_request, read_reply, reader)

DIALECT = Dialect(
    protocol=PROTOCOL, paths={"chat": "/chat/completions"}, translator=TRANSLATOR
)

MISTRAL = Connector(
    name="mistral",
    base_url="https://api.mistral.ai/v1",
    key_env=("MISTRAL_API_KEY",),
    auth=bearer,
    speaks=(DIALECT, openai_chat.DIALECT.only("embeddings")),
    docs="https://docs.mistral.ai/api",
)
