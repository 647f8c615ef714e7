"""
How much to think, in the words of a chat server.

OpenAI has one member for it; who has others is told in `Words`.

Source: https://platform.openai.com/docs/api-reference/chat/create,
https://www.alibabacloud.com/help/en/model-studio/deep-thinking (``enable_thinking``),
https://docs.z.ai/guides/capabilities/thinking (``thinking``),
https://docs.together.ai/docs/inference/chat/reasoning (``reasoning``)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, approximate, dropped
from gateway.wire.effort import BUDGETS, budget_of, effort_of

if TYPE_CHECKING:
    from connectors.openai_chat.words import Words
    from gateway.domain.reply import Json
    from gateway.domain.request import Reasoning

_OFF: dict[str, Json] = {
    "thinking": {"type": "disabled"},
    "reasoning": {"enabled": False},
}
_WEAKEST_FIRST = tuple(BUDGETS)


def write_effort(
    reasoning: Reasoning, words: Words, losses: list[Loss]
) -> dict[str, Json]:
    """Return the members for what another dialect's client said."""
    if reasoning.summary is not None:
        losses.append(dropped("reasoning.summary", "Chat Completions has none"))
    off = reasoning.effort == "none" or (
        reasoning.effort is None and reasoning.enabled is False
    )
    if words.thinking == "enable_thinking":
        return {"enable_thinking": False} if off else _write_budget(reasoning, losses)
    if words.thinking and off:
        return {words.thinking: _OFF[words.thinking]}
    effort = reasoning.effort
    if effort is None and reasoning.budget is not None:
        effort = effort_of(reasoning.budget)
        losses.append(approximate("reasoning.budget", "said as an effort"))
    elif reasoning.budget is not None:
        losses.append(dropped("reasoning.budget", "the effort says it"))
    if effort is None:
        # Who can be told not to think does so unasked.
        if reasoning.enabled is not None and not words.thinking:
            why = "Chat Completions knows efforts only"
            losses.append(dropped("reasoning.enabled", why))
        return {}
    return {"reasoning_effort": _nearest(effort, words, losses)}


def _nearest(effort: str, words: Words, losses: list[Loss]) -> str:
    """Return the word for *effort* that the server knows, the stronger of two."""
    if effort in words.efforts or effort not in _WEAKEST_FIRST:
        return effort
    losses.append(approximate("reasoning.effort", "the nearest that the server knows"))
    place = _WEAKEST_FIRST.index(effort)
    return min(
        reversed(words.efforts),
        key=lambda word: abs(_WEAKEST_FIRST.index(word) - place),
    )


def _write_budget(reasoning: Reasoning, losses: list[Loss]) -> dict[str, Json]:
    """Return the members of who counts the tokens of thoughts."""
    budget = reasoning.budget
    if budget is None and reasoning.effort is not None:
        budget = budget_of(reasoning.effort)
        losses.append(approximate("reasoning.effort", "said as a number of tokens"))
    if budget is None and reasoning.effort is None and reasoning.enabled is None:
        return {}
    limit = {} if budget is None else {"thinking_budget": budget}
    return {"enable_thinking": True, **limit}
