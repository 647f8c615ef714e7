"""
What was said, read from the bytes alone and by no code of the product's.

The contracts hold the product against these readers on both of its sides: what
the upstream said is what the client must have heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from tests.contract.oracle import (
    anthropic,
    bedrock_converse,
    cohere,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
)
from tests.contract.oracle.said import Choice, Said, Tokens, calls_of, words_of

__all__ = [
    "DIALECTS",
    "Choice",
    "Said",
    "Tokens",
    "agree",
    "calls_of",
    "words_of",
]


@frozen
class _Dialect:
    stream: Any
    whole: Any


DIALECTS = {
    "openai_chat": _Dialect(openai_chat.of_stream, openai_chat.of_whole),
    "mistral": _Dialect(openai_chat.of_stream, openai_chat.of_whole),
    "openai_responses": _Dialect(openai_responses.of_stream, openai_responses.of_whole),
    "anthropic": _Dialect(anthropic.of_stream, anthropic.of_whole),
    "gemini": _Dialect(gemini.of_stream, gemini.of_whole),
    "cohere": _Dialect(cohere.of_stream, cohere.of_whole),
    "ollama": _Dialect(ollama.of_stream, ollama.of_whole),
    "bedrock_converse": _Dialect(bedrock_converse.of_stream, bedrock_converse.of_whole),
}

# How a client may be told of an end for which its dialect has no word. What it
# is told, if that is another class, is in the approved list for a person to read.
_CHAT = {
    "sequence": {"end"},
    "refusal": {"end", "filter"},
    "error": {"other"},
}
_RESPONSES = {
    "sequence": {"end"},
    "refusal": {"end", "filter"},
    "error": {"other", "end", "filter"},
    "other": {"error", "end", "filter"},
}
_ANTHROPIC = {
    "filter": {"refusal"},
    "error": {"other", "end", "refusal"},
    "other": {"end", "refusal"},
}
_GEMINI = {
    "sequence": {"end"},
    "refusal": {"filter", "end"},
    "error": {"other", "filter"},
}
NEAREST = {
    "openai_chat": _CHAT,
    "openai_responses": _RESPONSES,
    "anthropic": _ANTHROPIC,
    "gemini": _GEMINI,
}
MANY = {"openai_chat", "gemini"}  # dialects with several choices


def agree(said: Said, heard: Said, dialect: str) -> Iterable[str]:
    """Yield how what a client of *dialect* heard differs from what was said."""
    if said.broken:
        if heard.whole or not heard.error:
            yield "a broken answer does not end in an error"
        return
    failed = any(choice.finish == "error" for choice in said.choices)
    if failed and heard.error:
        return  # it came to its end, and that was an error
    if heard.error or not heard.whole:
        yield f"a whole answer ends as {heard.ending}"
        return
    spoken = said.choices if dialect in MANY else said.choices[:1]
    if len(heard.choices) != len(spoken):
        yield f"{len(spoken)} choices became {len(heard.choices)}"
        return
    for one, other in zip(spoken, heard.choices, strict=True):
        yield from _differences(one, other, dialect)
    yield from _counts(said.usage, heard.usage, dialect)


def _differences(said: Choice, heard: Choice, dialect: str) -> Iterable[str]:
    if words_of(said) != words_of(heard):
        yield f"the text of {len(words_of(said))} became {len(words_of(heard))} letters"
    if said.thinking != heard.thinking:
        yield f"thoughts of {len(said.thinking)} became {len(heard.thinking)} letters"
    if calls_of(said) != calls_of(heard):
        names = [call.name for call in said.calls], [call.name for call in heard.calls]
        yield f"the calls of {names[0]} became others: {names[1]}"
    fit = {said.finish, *NEAREST[dialect].get(said.finish, set())}
    fit |= set() if said.finish else {"", "end", "other", "tools"}  # nobody said how
    if heard.finish not in fit:
        yield f"it finished with {said.finish} and was told as {heard.finish}"


def _counts(said: Tokens, heard: Tokens, dialect: str) -> Iterable[str]:
    for name in ("prompt", "output", "cached", "reasoning"):
        one, other = getattr(said, name), getattr(heard, name)
        if name == "reasoning" and dialect == "anthropic" and other is None:
            continue  # older answers of that dialect have no such column
        # A dialect whose counts are not optional has zeros for "not reported".
        if (one or 0) != (other or 0):
            yield f"{name} tokens: {one} became {other}"
