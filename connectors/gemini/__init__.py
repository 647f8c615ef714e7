"""
Gemini by Google AI Studio, in Google's own protocol and in OpenAI's.

Source: https://ai.google.dev/api
"""

from __future__ import annotations

from connectors import openai_chat
from connectors.auth import api_key_header, bearer
from gateway.plugin import Connector, Dialect, Translator
from gateway.wire.gemini import PROTOCOL


def _translator() -> Translator:
    from connectors.gemini.translator import TRANSLATOR

    return TRANSLATOR


DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={
        "chat": "/models/{model}:generateContent",
        "chat_stream": "/models/{model}:streamGenerateContent?alt=sse",
        "chat_array": "/models/{model}:streamGenerateContent",
        "count_tokens": "/models/{model}:countTokens",
        "embeddings": "/models/{model}:batchEmbedContents",
        "embed_one": "/models/{model}:embedContent",
    },
    version="v1beta",
    translator=_translator,
)

GEMINI = Connector(
    name="gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    auth=api_key_header("x-goog-api-key"),
    speaks=(
        DIALECT,
        # Source: https://ai.google.dev/gemini-api/docs/openai
        openai_chat.DIALECT.only("chat", "embeddings").at(
            "/openai", version="v1beta", auth=bearer
        ),
    ),
    models_path="/models?pageSize=1000",  # 50 a page unless asked for more
    docs="https://ai.google.dev/api",
)
