"""What each of the two models is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.parts import Text, ToolResult
from gateway.domain.request import Reasoning, Role, Turn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.hybrid.selector import Leaf
    from connectors.hybrid.settings import Settings
    from gateway.domain.loss import Loss
    from gateway.domain.request import Request

NOTES = """\
Another model has thought about how to answer the last message of this conversation. \
Use its thoughts below, and answer directly: neither repeat nor mention them.
<reasoning>
{thoughts}
</reasoning>"""

# How much either model thinks, and how long the thoughts may be, is our doing.
OURS = ("reasoning",)
OURS_IN_THOUGHTS = (*OURS, "sampling.max_tokens")

_INSTRUCTING = (Role.SYSTEM, Role.DEVELOPER)
_TURN = re.compile(r"turns\[(\d+)\]")


def is_first(request: Request) -> bool:
    """Tell whether nothing was answered yet."""
    return all(turn.role in (*_INSTRUCTING, Role.USER) for turn in request.turns)


def for_reasoning(request: Request, leaf: Leaf, settings: Settings) -> Request:
    """
    Return what the first model is asked: the same, and to think hard.

    What bounds or shapes the answer that the client sees is no matter here.
    """
    sampling = evolve(
        request.sampling,
        max_tokens=settings.reasoning_max_tokens,
        stop=(),
        n=None,
        logprobs=None,
        top_logprobs=None,
    )
    effort = leaf.effort or settings.reasoning_effort
    return evolve(
        request,
        sampling=leaf.over(sampling),
        reasoning=Reasoning(effort=effort) if effort else request.reasoning,
        output_format=None,
        stream=True,
    )


def for_execution(
    request: Request, leaf: Leaf, settings: Settings, thoughts: str
) -> Request:
    """
    Return what the second model is asked: the same, with *thoughts* and no more.

    Args:
        thoughts: may be empty.
    """
    effort = leaf.effort or settings.execution_effort
    reasoning = Reasoning(effort=effort) if effort else Reasoning(enabled=False)
    asked = evolve(request, sampling=leaf.over(request.sampling), reasoning=reasoning)
    if not thoughts.strip():
        return asked
    notes = NOTES.format(thoughts=thoughts.strip())
    return evolve(asked, turns=_with_notes(request.turns, notes, settings.place))


def kept_losses(
    losses: Iterable[Loss], asked: Request, request: Request, ours: tuple[str, ...]
) -> list[Loss]:
    """
    Return what the client has lost, in its own terms.

    Args:
        losses: what could not be said of *asked*.
        asked: one of the above.
        request: the client's.
        ours: what the client has not said, by the beginnings of their paths.
    """
    shift = len(asked.turns) - len(request.turns)  # 1: a system message was added

    def earlier(found: re.Match[str]) -> str:
        return f"turns[{max(0, int(found[1]) - shift)}]"

    return [
        evolve(loss, path=_TURN.sub(earlier, loss.path, count=1))
        for loss in losses
        if not loss.path.startswith(ours)
    ]


def _with_notes(turns: tuple[Turn, ...], notes: str, place: str) -> tuple[Turn, ...]:
    roles = (Role.USER,) if place == "user" else _INSTRUCTING
    for index, turn in enumerate(turns):
        if turn.role in roles:
            changed = _before(turn, notes) if place == "user" else _behind(turn, notes)
            return (*turns[:index], changed, *turns[index + 1 :])
    return (Turn(Role.SYSTEM, (Text(notes),), bare=True), *turns)


def _behind(turn: Turn, notes: str) -> Turn:
    if turn.bare and len(turn.parts) == 1 and isinstance(turn.parts[0], Text):
        first = turn.parts[0]
        return evolve(turn, parts=(evolve(first, text=f"{first.text}\n\n{notes}"),))
    return evolve(turn, parts=(*turn.parts, Text(notes)))


def _before(turn: Turn, notes: str) -> Turn:
    if turn.bare and len(turn.parts) == 1 and isinstance(turn.parts[0], Text):
        first = turn.parts[0]
        return evolve(turn, parts=(evolve(first, text=f"{notes}\n\n{first.text}"),))
    # Some dialects want results of tools before everything else.
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    others = [part for part in turn.parts if not isinstance(part, ToolResult)]
    return evolve(turn, parts=(*results, Text(notes), *others))
