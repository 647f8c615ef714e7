"""
The OpenAI Chat Completions protocol, which most providers and servers speak.

Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

from gateway.plugin import Dialect

DIALECT = Dialect(
    protocol="openai_chat",
    paths={
        "chat": "/chat/completions",
        "completions": "/completions",
        "embeddings": "/embeddings",
    },
)
