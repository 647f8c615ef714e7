"""
What differs between the models behind Converse, as far as their names tell.

Members that are not Converse's own go into ``additionalModelRequestFields``, in the
words of the model's maker, and a model refuses those of another. A name that tells
nothing (an application's inference profile, a provisioned or imported model) gets
none of them, and the loss is reported.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html
and https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Family: TypeAlias = Literal["claude", "nova", "nova2", "openai", ""]

CLAUDE = "*anthropic.claude*"
OPENAI = "*openai.gpt*"
# Of these the families that can mark what is to be cached.
# Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
CACHING = frozenset({"claude", "nova", "nova2"})

_FAMILIES: tuple[tuple[re.Pattern[str], Family], ...] = (
    (re.compile(r"\banthropic\.claude"), "claude"),
    (re.compile(r"\bamazon\.nova-2"), "nova2"),
    (re.compile(r"\bamazon\.nova"), "nova"),
    (re.compile(r"\bopenai\.gpt"), "openai"),
)


def family_of(model: str) -> Family:
    """Return whose words the model takes; an ARN may hold its name, too."""
    for pattern, family in _FAMILIES:
        if pattern.search(model):
            return family
    return ""
