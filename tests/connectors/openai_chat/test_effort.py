"""How much to think, in the words that servers have for it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.openai_chat.effort import write_effort
from connectors.openai_chat.words import COMPATIBLE, Words
from gateway.domain.loss import Grade, Loss
from gateway.domain.request import Reasoning

DROPPED, APPROXIMATE = Grade.DROPPED, Grade.APPROXIMATE
SWITCH = Words(thinking="thinking", efforts=("low", "high", "max"))
OBJECT = Words(thinking="reasoning", efforts=("low", "medium", "high"))
BUDGET = Words(thinking="enable_thinking")
FEW = Words(efforts=("low", "medium", "high"))


@pytest.mark.parametrize(
    ("words", "reasoning", "body", "told"),
    [
        (COMPATIBLE, Reasoning(), {}, []),
        (COMPATIBLE, Reasoning("none"), {"reasoning_effort": "none"}, []),
        (
            COMPATIBLE,
            Reasoning(enabled=False),
            {},
            [("reasoning.enabled", DROPPED)],
        ),
        # The nearest word, the stronger of two.
        (
            FEW,
            Reasoning("minimal"),
            {"reasoning_effort": "low"},
            [("reasoning.effort", APPROXIMATE)],
        ),
        (
            FEW,
            Reasoning("max"),
            {"reasoning_effort": "high"},
            [("reasoning.effort", APPROXIMATE)],
        ),
        (
            SWITCH,
            Reasoning("medium"),
            {"reasoning_effort": "high"},
            [("reasoning.effort", APPROXIMATE)],
        ),
        (FEW, Reasoning("novel"), {"reasoning_effort": "novel"}, []),
        # Switched off; who can be, thinks unasked.
        (SWITCH, Reasoning("none"), {"thinking": {"type": "disabled"}}, []),
        (SWITCH, Reasoning(enabled=False), {"thinking": {"type": "disabled"}}, []),
        (SWITCH, Reasoning(enabled=True), {}, []),
        (SWITCH, Reasoning("high", enabled=True), {"reasoning_effort": "high"}, []),
        (OBJECT, Reasoning("none"), {"reasoning": {"enabled": False}}, []),
        # Numbers of tokens.
        (BUDGET, Reasoning(), {}, []),
        (BUDGET, Reasoning("none"), {"enable_thinking": False}, []),
        (BUDGET, Reasoning(enabled=True), {"enable_thinking": True}, []),
        (
            BUDGET,
            Reasoning(budget=500),
            {"enable_thinking": True, "thinking_budget": 500},
            [],
        ),
        (
            BUDGET,
            Reasoning("medium"),
            {"enable_thinking": True, "thinking_budget": 8192},
            [("reasoning.effort", APPROXIMATE)],
        ),
        (
            BUDGET,
            Reasoning("novel"),
            {"enable_thinking": True},
            [("reasoning.effort", APPROXIMATE)],
        ),
        (
            BUDGET,
            Reasoning(summary="auto"),
            {},
            [("reasoning.summary", DROPPED)],
        ),
    ],
)
def test_words(
    words: Words, reasoning: Reasoning, body: dict[str, Any], told: list[Any]
) -> None:
    """Each server is told in its own way, and what that costs is reported."""
    losses: list[Loss] = []

    assert write_effort(reasoning, words, losses) == body
    assert [(loss.path, loss.grade) for loss in losses] == told
