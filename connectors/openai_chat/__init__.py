"""
The OpenAI Chat Completions protocol, which most providers and servers speak.

Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

from attrs import evolve

from connectors.openai_chat.embeddings import read_embeddings, write_embeddings
from connectors.openai_chat.request import writer
from connectors.openai_chat.response import read_reply
from connectors.openai_chat.stream import reader
from connectors.openai_chat.words import COMPATIBLE, OPENAI, Words
from gateway.plugin import Dialect, Translator
from gateway.wire.openai_chat import PROTOCOL


def translator(words: Words) -> Translator:
    """Return the translator for servers that know *words*."""
    return Translator(
        writer(words),
        read_reply,
        reader,
        write_embeddings=write_embeddings,
        read_embeddings=read_embeddings,
    )


TRANSLATOR = translator(COMPATIBLE)

DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={
        "chat": "/chat/completions",
        "completions": "/completions",
        "embeddings": "/embeddings",
    },
    translator=TRANSLATOR,
)
# As OpenAI itself speaks it.
OPENAI_DIALECT = evolve(DIALECT, translator=translator(OPENAI))
# As OpenRouter does, which passes on Anthropic's cache marks.
OPENROUTER_DIALECT = evolve(
    DIALECT,
    translator=translator(
        Words(
            developer=True,
            cache_control=True,
            efforts=OPENAI.efforts,
        )
    ),
)
