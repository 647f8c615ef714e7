"""
How providers say that a request is longer than their model can read.

Agents shorten their conversation when they see one certain code, and providers say
it in their own words, mostly under a code that may mean anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CODE = "context_length_exceeded"
# The second is llama.cpp's: https://github.com/ggml-org/llama.cpp/pull/15780
_CODES = frozenset({CODE, "exceed_context_size_error"})

_LIMIT, _MEASURED = r"(?P<limit>\d[\d,]*)", r"(?P<measured>\d[\d,]*)"
# By provider, in small letters: with the sizes, and without.
_SAYINGS = {
    # prompt is too long: 213462 tokens > 200000 maximum
    "anthropic": rf"prompt is too long(?:: {_MEASURED} tokens? > {_LIMIT} maximum)?",
    # input length and `max_tokens` exceed context limit: 9 + 2 > 10
    "anthropic, all": rf"exceed context limit: {_MEASURED} \+ \d+ > {_LIMIT}",
    # This model's maximum context length is 8192 tokens. However, your messages
    # resulted in 8545 tokens. DeepSeek, vLLM, SGLang and OpenRouter say it alike.
    "openai": (
        rf"maximum context length(?: is {_LIMIT} tokens.{{1,60}}?{_MEASURED}"
        r" (?:total |input )?tokens)?"
    ),
    # Your input exceeds the context window of this model
    "openai's responses, llama.cpp": (
        r"exceeds? the (?:model's |available )?context (?:window|size|length)"
    ),
    # The input token count (9) exceeds the maximum number of tokens allowed (8).
    "gemini": (
        rf"input token count \(?{_MEASURED}\)? exceeds the maximum number of tokens"
        rf" allowed \(?{_LIMIT}"
    ),
    # This model's maximum prompt length is 8 but the request contains 9 tokens
    "xai": rf"maximum prompt length is {_LIMIT} but the request contains {_MEASURED}",
    # total number of tokens in the prompt cannot exceed 4081 - received 4292
    "cohere": (
        rf"tokens in the prompt cannot exceed {_LIMIT}"
        rf"(?:.{{1,12}}received {_MEASURED})?"
    ),
    # Input is too long for requested model.
    "bedrock": r"input is too long for requested model",
    # `inputs` tokens + `max_new_tokens` must be <= 8193
    "tgi": rf"inputs` tokens \+ `max_new_tokens` must be <= {_LIMIT}",
    # Please reduce the length of the messages or completion.
    "groq": r"reduce the length of the messages",
}
_PATTERNS = tuple(re.compile(saying, re.DOTALL) for saying in _SAYINGS.values())
# Some sentences; what is longer quotes something.
_LONGEST = 2000


def find_overflow(
    message: str, codes: Iterable[str], error: Mapping[str, Any]
) -> dict[str, int] | None:
    """
    Return the sizes that are told, ``{limit, measured}`` in tokens, maybe none.

    Returns:
        ``None`` where the error is about something else.
    """
    text = message[:_LONGEST].lower()
    found = next(filter(None, (pattern.search(text) for pattern in _PATTERNS)), None)
    if found is None and _CODES.isdisjoint(codes):
        return None
    told = found.groupdict() if found is not None else {}
    sizes = {name: int(size.replace(",", "")) for name, size in told.items() if size}
    # llama.cpp has members for them.
    for name, member in (("limit", "n_ctx"), ("measured", "n_prompt_tokens")):
        if isinstance(error.get(member), int):
            sizes.setdefault(name, error[member])
    return sizes
