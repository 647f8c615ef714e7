"""Names: of tool calls, where a protocol has none, and of users that have long ones."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from gateway.domain.loss import approximate

if TYPE_CHECKING:
    from gateway.domain.loss import Loss

LONGEST_USER = 64
_MADE = re.compile(r"call_sg[0-9a-f]{20}")


def make_id(*seed: object) -> str:
    """
    Return a name for a tool call that the same *seed* always gives.

    It is stable, so that a call and its result find each other again when the
    conversation comes back, and fit for every dialect's rules.
    """
    text = "\0".join(str(part) for part in seed)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"call_sg{digest[:20]}"


def is_made(name: str) -> bool:
    """Tell a name of our own making, which no provider needs to see."""
    return _MADE.fullmatch(name) is not None


def fit_user(name: str | None, losses: list[Loss]) -> str | None:
    """
    Return the user's *name*, or its digest where OpenAI finds it too long.

    Claude Code's has 150 characters, and OpenAI refuses the request for it. A user
    only has to be told from others; OpenAI itself advises to send a digest
    (``safety_identifier``).

    Source: https://platform.openai.com/docs/api-reference/responses/create
    """
    if name is None or len(name) <= LONGEST_USER:
        return name
    why = f"OpenAI takes {LONGEST_USER} characters: its digest is sent"
    losses.append(approximate("user", why))
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
