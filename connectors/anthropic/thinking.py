"""
How much to think: effort, budget, or the model's own judgement.

Source: https://platform.claude.com/docs/en/build-with-claude/thinking and
https://platform.claude.com/docs/en/build-with-claude/effort
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from gateway.domain.loss import Loss, approximate, dropped
from gateway.domain.parts import Thinking, ToolCall, ToolResult
from gateway.domain.request import Role
from gateway.wire.anthropic import PROTOCOL, own
from gateway.wire.effort import budget_of, effort_of

if TYPE_CHECKING:
    from connectors.anthropic.models import Model
    from gateway.domain.reply import Json
    from gateway.domain.request import Reasoning, Request

LEAST = 1024  # tokens; the provider refuses a smaller budget
# Where thinking is asked for and nobody says how much: what `gateway.wire.effort`
# has for a medium effort.
USUAL = 8192
EFFORTS = ("low", "medium", "high", "xhigh", "max")


@frozen
class Thought:
    """
    Attributes:
        thinking: the member of that name; ``None``: it is left out.
        effort: for ``output_config``.
    """

    thinking: dict[str, Json] | None = None
    effort: str | None = None
    losses: tuple[Loss, ...] = ()

    @property
    def on(self) -> bool:
        return self.thinking is not None and self.thinking["type"] in (
            "enabled",
            "adaptive",
        )


def as_said(reasoning: Reasoning) -> Thought:
    """Return what a request of this very dialect said."""
    members = own(reasoning.extras)
    if "thinking" in members:
        return Thought(members["thinking"], reasoning.effort)
    if reasoning.enabled is None:
        return Thought(effort=reasoning.effort)
    thinking: dict[str, Json] = {"type": "adaptive"}
    if not reasoning.enabled:
        thinking = {"type": "disabled"}
    elif reasoning.budget is not None:
        thinking = {"type": "enabled", "budget_tokens": reasoning.budget}
    return Thought({**thinking, **members}, reasoning.effort)


def write_thinking(request: Request, model: Model, most: int) -> Thought:
    """
    Return what another dialect's words amount to.

    Args:
        most: of the answer, in tokens; thinking counts among them.
    """
    reasoning = request.reasoning
    if _is_off(reasoning):
        return _off(model)
    asked = (reasoning.effort, reasoning.budget, reasoning.enabled)
    if all(one is None for one in asked):
        return _summary(reasoning, Thought())
    if (why := _obstacle(request, model, most)) is not None:
        effort = _word(reasoning, model)[0] if model.adaptive else None
        grade = approximate if effort else dropped
        return Thought(effort=effort, losses=(grade("reasoning", why),))
    if model.budgets and (reasoning.budget is not None or not model.adaptive):
        return _summary(reasoning, _budget(reasoning, most))
    effort, losses = _word(reasoning, model)
    return _summary(reasoning, Thought({"type": "adaptive"}, effort, losses))


def _is_off(reasoning: Reasoning) -> bool:
    return (
        reasoning.effort == "none"
        or reasoning.budget == 0
        or (reasoning.enabled is False)
    )


def _off(model: Model) -> Thought:
    if not model.thinks:
        return Thought()  # which is what these models do unless told otherwise
    if model.quiet is None:
        why = "the model always thinks: as little as it can"
        return Thought(effort="low", losses=(approximate("reasoning", why),))
    if model.quiet == "disabled":
        return Thought({"type": "disabled"})
    loss = approximate("reasoning", "the model thinks between its tools")
    return Thought({"type": model.quiet}, losses=(loss,))


def _obstacle(request: Request, model: Model, most: int) -> str | None:
    """Return why the provider would refuse thinking here, if it would."""
    choice = request.tool_choice
    if choice is not None and choice.mode in ("required", "named"):
        return "Anthropic does not think where a tool must be called"
    if model.adaptive:
        return None
    if most <= LEAST:
        return f"the answer may have {LEAST} tokens or fewer"
    if _calls_without_thought(request):
        return "the calls of the history lack the thoughts that Anthropic sealed"
    return None


def _calls_without_thought(request: Request) -> bool:
    """
    Tell a loop of tool calls that began without thinking.

    While thinking is on, the last turn of the model must begin with a thought.
    """
    turns = [turn for turn in request.turns if turn.role is Role.ASSISTANT]
    if not turns or (request.turns[-1].role is Role.USER and not _results(request)):
        return False
    parts = turns[-1].parts
    if not any(isinstance(part, ToolCall) for part in parts):
        return False
    first = parts[0]
    seal = first.signature if isinstance(first, Thinking) else None
    return seal is None or seal.origin != PROTOCOL


def _results(request: Request) -> bool:
    return any(isinstance(part, ToolResult) for part in request.turns[-1].parts)


def _budget(reasoning: Reasoning, most: int) -> Thought:
    losses: list[Loss] = []
    tokens = reasoning.budget
    if tokens is None and reasoning.effort is not None:
        tokens = budget_of(reasoning.effort)
        losses.append(approximate("reasoning.effort", "said as a number of tokens"))
    if tokens is None or tokens < 0:
        tokens = USUAL
        if not losses:
            losses.append(approximate("reasoning", f"taken for {USUAL} tokens"))
    if tokens < LEAST:
        losses.append(approximate("reasoning.budget", f"{LEAST} is the least"))
    if tokens >= most:
        losses.append(approximate("reasoning.budget", "half of max_tokens instead"))
        tokens = most // 2
    tokens = max(tokens, LEAST)
    thinking = {"type": "enabled", "budget_tokens": tokens}
    return Thought(thinking, losses=tuple(losses))


def _word(reasoning: Reasoning, model: Model) -> tuple[str | None, tuple[Loss, ...]]:
    """Return the effort, in a word that the model knows."""
    word = reasoning.effort
    if word is None:
        if reasoning.budget is None or reasoning.budget < 0:
            return None, ()
        word = effort_of(reasoning.budget)
        return word, (approximate("reasoning.budget", f"said as effort {word}"),)
    if word not in (*EFFORTS, "minimal"):
        return None, (dropped("reasoning.effort", "Anthropic has no such word"),)
    near = "low" if word == "minimal" else word
    if near == "xhigh" and not model.since(4, 7):
        near = "high"
    if near != word:
        return near, (approximate("reasoning.effort", f"said as {near}"),)
    return word, ()


def _summary(reasoning: Reasoning, thought: Thought) -> Thought:
    """Add whether to show the thoughts; newer models keep them unless asked."""
    summary = reasoning.summary
    if summary is None:
        return thought
    if not thought.on:
        loss = dropped("reasoning.summary", "nothing is thought")
        return evolve(thought, losses=(*thought.losses, loss))
    losses = thought.losses
    if summary != "auto":
        losses += (approximate("reasoning.summary", "Anthropic has one kind"),)
    thinking = {**(thought.thinking or {}), "display": "summarized"}
    return evolve(thought, thinking=thinking, losses=losses)
