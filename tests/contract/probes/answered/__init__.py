"""
What upstreams answer, ``{protocol: {feature: whole answer}}``.

Written after the pages that ``tests/recordings/SOURCES.md`` names.
"""

from __future__ import annotations

from tests.contract.probes.answered import (
    anthropic,
    bedrock_converse,
    cohere,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
)
from tests.contract.probes.answered.material import PLAIN

__all__ = ["ANSWERS", "PLAIN"]

ANSWERS = {
    "openai_chat": openai_chat.ANSWERS,
    "openai_responses": openai_responses.ANSWERS,
    "anthropic": anthropic.ANSWERS,
    "gemini": gemini.ANSWERS,
    "cohere": cohere.ANSWERS,
    "ollama": ollama.ANSWERS,
    "mistral": openai_chat.MISTRAL,
    "bedrock_converse": bedrock_converse.ANSWERS,
}
