"""What is asked beside the turns, where it was said in another dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.domain.parts import Opaque
from gateway.domain.request import Tool
from gateway.wire.effort import effort_of
from gateway.wire.openai_responses.names import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.domain.request import (
        OfferedTool,
        OutputFormat,
        Reasoning,
        Request,
        Sampling,
        ToolChoice,
    )

TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
# Members that other dialects of OpenAI have under the same names.
SHARED = (
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
)


def adapt_tools(
    tools: Iterable[OfferedTool], losses: list[Loss]
) -> Iterator[OfferedTool]:
    """
    Yield the tools as this dialect has to be told of them.

    Here, unlike everywhere else, a function that does not say whether it is
    strict is taken for a strict one as far as its schema allows.
    """
    for i, tool in enumerate(tools):
        if isinstance(tool, Opaque):
            if tool.origin == PROTOCOL:
                yield tool
            else:
                losses.append(dropped(f"tools[{i}]", f"only {tool.origin} has it"))
        elif tool.custom:
            yield _flat(tool)
        else:
            schema = tool.schema or {"type": "object", "properties": {}}
            yield evolve(tool, schema=schema, strict=tool.strict or False)


def adapt_choice(
    choice: ToolChoice | None, tools: tuple[OfferedTool, ...], losses: list[Loss]
) -> ToolChoice | None:
    """Return the choice among the *tools* that are left; OpenAI wants none of none."""
    if choice is None:
        return None
    offered = {tool.name for tool in tools if isinstance(tool, Tool)}
    if (choice.mode == "named" and not offered.intersection(choice.names)) or (
        choice.mode == "required" and not tools
    ):
        losses.append(refused("tool_choice", "there is no such tool"))
        return None
    return choice if tools else None


def _flat(tool: Tool) -> Tool:
    """Return a custom tool with its grammar as it is said here, and not in chat."""
    form = tool.format
    if isinstance(form, dict) and isinstance(form.get("grammar"), dict):
        form = {"type": "grammar", **form["grammar"]}
    return evolve(tool, format=form)


def adapt_reasoning(reasoning: Reasoning, losses: list[Loss]) -> Reasoning:
    """
    Return how much to think in words, for tokens are not known here.

    Who asks for thoughts at all wants to see them: that is the summary.
    """
    effort, summary = reasoning.effort, reasoning.summary
    if effort is None and reasoning.budget is not None:
        effort = effort_of(reasoning.budget)
        losses.append(approximate("reasoning.budget", f"effort {effort}"))
    elif effort is None and reasoning.enabled is not None:
        effort = "medium" if reasoning.enabled else "none"
        losses.append(approximate("reasoning.enabled", f"effort {effort}"))
    if summary is None and reasoning.enabled is not False:
        asked = reasoning.enabled or reasoning.budget
        summary = "auto" if asked else None
    return evolve(reasoning, effort=effort, summary=summary)


def adapt_format(wanted: OutputFormat) -> OutputFormat:
    return evolve(wanted, name=wanted.name or "answer")


def adapt_tier(tier: str | None, losses: list[Loss]) -> str | None:
    if tier is None or tier in TIERS:
        return tier
    losses.append(dropped("service_tier", "OpenAI has other tiers"))
    return None


def unsampled(sampling: Sampling) -> Iterator[Loss]:
    """Yield a loss for each hint that this dialect has no word for."""
    names = ("top_k", "seed", "presence_penalty", "frequency_penalty")
    for name in names:
        if getattr(sampling, name) is not None:
            yield dropped(f"sampling.{name}", "Responses has no such member")
    if sampling.stop:
        yield refused("sampling.stop", "Responses has no stop sequences")
    if (sampling.n or 1) > 1:
        yield refused("sampling.n", "a response has one choice")


def shared(request: Request) -> dict[str, str]:
    """Return what chat says in the same words: ``{member: path}``."""
    words = request.extras.get("openai_chat", {})
    return {name: words[name] for name in SHARED if words.get(name) is not None}
