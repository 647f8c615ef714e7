"""
The words of the Chat Completions dialect, and how a choice ends.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import fields

from gateway.domain.reply import Finish, Stop
from gateway.domain.request import Sampling

if TYPE_CHECKING:
    from gateway.domain.parts import Extras
    from gateway.domain.reply import Json

PROTOCOL = "openai_chat"
DONE = b"data: [DONE]\n\n"

STOPS = {
    "stop": Stop.END,
    "eos": Stop.END,  # Together
    "length": Stop.LENGTH,
    "model_length": Stop.LENGTH,  # Mistral
    "tool_calls": Stop.TOOLS,
    "function_call": Stop.TOOLS,
    "content_filter": Stop.FILTER,
    "error": Stop.ERROR,  # OpenRouter, Mistral
}
WORDS = {
    Stop.END: "stop",
    Stop.SEQUENCE: "stop",
    Stop.LENGTH: "length",
    Stop.TOOLS: "tool_calls",
    Stop.FILTER: "content_filter",
    # OpenAI's own streams with a refusal in them end so.
    Stop.REFUSAL: "stop",
}

# Where members of the domain stand in a request of this dialect.
PATHS = {
    "turns": "messages",
    **{f"sampling.{member.name}": member.name for member in fields(Sampling)},
    "sampling.max_tokens": "max_completion_tokens",
    "reasoning": "reasoning_effort",
    "output_format": "response_format",
    "parallel_tools": "parallel_tool_calls",
    "include_usage": "stream_options.include_usage",
}


def extras_of(members: dict[str, Json], origin: str = PROTOCOL) -> dict[str, Json]:
    """
    Return the ``extras`` of a part of the domain for *members* of this dialect.

    A member that the domain has, with ``None`` here, tells by which of several
    names or forms the other side said it; to other dialects that says nothing.
    """
    return {origin: members} if members else {}


def own(extras: Extras, origin: str = PROTOCOL) -> dict[str, Json]:
    """Return the members of this dialect."""
    members: dict[str, Json] = extras.get(origin) or {}
    return members


def read_finish(word: str) -> Finish:
    return Finish(STOPS.get(word, Stop.OTHER), word)


def write_finish(finish: Finish) -> str:
    """Return the provider's word if it is one of this dialect, else the nearest."""
    if finish.raw is not None and STOPS.get(finish.raw) is finish.stop:
        return finish.raw
    return WORDS.get(finish.stop) or finish.raw or finish.stop.value
