"""The front as one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.fronts.base import EVENT_STREAM, Front
from gateway.fronts.gemini.embeddings import read_embeddings, write_embeddings
from gateway.fronts.gemini.errors import write_break, write_error
from gateway.fronts.gemini.peek import peek
from gateway.fronts.gemini.rename import rename
from gateway.fronts.gemini.request import read_count, read_request
from gateway.fronts.gemini.response import write_count, write_reply
from gateway.fronts.gemini.stream import GeminiWriter
from gateway.wire.gemini import PROTOCOL, WATCHING

if TYPE_CHECKING:
    from gateway.fronts.base import Ask


def content_type(ask: Ask) -> str:
    if ask.framing == "array":
        return "application/json; charset=UTF-8"
    return EVENT_STREAM


def keep_alive(ask: Ask) -> bytes:
    """
    Return what shows life between two frames: no comment.

    Google's Python SDK takes a comment for JSON and raises, while it and the other
    SDKs skip an event without any line.
    """
    return b"\n" if ask.framing == "array" else b"\r\n\r\n"


# Where members of the domain stand in this dialect, for messages.
PATHS = {
    "turns": "contents",
    "tools": "tools",
    "tool_choice": "toolConfig.functionCallingConfig",
    "parallel_tools": "toolConfig",
    "sampling.temperature": "generationConfig.temperature",
    "sampling.top_p": "generationConfig.topP",
    "sampling.top_k": "generationConfig.topK",
    "sampling.max_tokens": "generationConfig.maxOutputTokens",
    "sampling.stop": "generationConfig.stopSequences",
    "sampling.n": "generationConfig.candidateCount",
    "sampling.seed": "generationConfig.seed",
    "sampling.presence_penalty": "generationConfig.presencePenalty",
    "sampling.frequency_penalty": "generationConfig.frequencyPenalty",
    "sampling.logprobs": "generationConfig.responseLogprobs",
    "sampling.top_logprobs": "generationConfig.logprobs",
    "reasoning.budget": "generationConfig.thinkingConfig.thinkingBudget",
    "reasoning.effort": "generationConfig.thinkingConfig.thinkingLevel",
    "reasoning": "generationConfig.thinkingConfig",
    "output_format.schema": "generationConfig.responseJsonSchema",
    "output_format": "generationConfig.responseMimeType",
    "metadata": "labels",
    "service_tier": "serviceTier",
}

FRONT = Front(
    dialect=PROTOCOL,
    peek=peek,
    read_request=read_request,
    write_reply=write_reply,
    writer=GeminiWriter,
    write_error=write_error,
    write_break=write_break,
    watching=WATCHING,
    rename=rename,
    paths=PATHS,
    content_type=content_type,
    keep_alive=keep_alive,
    read_count=read_count,
    write_count=write_count,
    read_embeddings=read_embeddings,
    write_embeddings=write_embeddings,
)
