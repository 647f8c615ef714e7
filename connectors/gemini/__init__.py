"""
Gemini by Google AI Studio, in Google's own protocol and in OpenAI's.

Source: https://ai.google.dev/api
"""

from __future__ import annotations

from connectors import openai_chat
from connectors.auth import api_key_header, bearer
from connectors.gemini.embeddings import read_embeddings, write_embeddings
from connectors.gemini.request import write_count, write_request
from connectors.gemini.response import read_count, read_reply
from connectors.gemini.stream import reader
from gateway.plugin import Connector, Dialect, Translator
from gateway.wire.gemini import PROTOCOL, GeminiFramer

TRANSLATOR = Translator(
    write_request=write_request,
    read_reply=read_reply,
    reader=reader,
    framer=GeminiFramer,
    write_count=write_count,
    read_count=read_count,
    write_embeddings=write_embeddings,
    read_embeddings=read_embeddings,
)

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
    translator=TRANSLATOR,
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
