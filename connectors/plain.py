"""
What plain protocols have no word for, in a history and around it.

Cohere's and Ollama's have no seals, no cache hints, no names of participants and
no files by reference; each of their writers reports that by the same words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import approximate, dropped, refused
from gateway.domain.parts import Media, Opaque, Refusal, Text, Thinking, ToolCall
from gateway.domain.request import Role
from gateway.wire.json import loads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.loss import Loss
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json
    from gateway.domain.request import Request, Tool, ToolChoice, Turn


def unsaid_of(request: Request, dialect: str) -> Iterator[Loss]:
    """Yield what no plain protocol can say beside the conversation."""
    sampling = request.sampling
    if sampling.n is not None and sampling.n > 1:
        yield refused("sampling.n", f"{dialect} gives one choice")
    if sampling.verbosity is not None:
        yield dropped("sampling.verbosity", f"{dialect} has no verbosity")
    if request.parallel_tools is False:
        yield dropped("parallel_tools", f"{dialect} cannot turn it off")
    if request.reasoning.summary is not None:
        yield approximate("reasoning.summary", f"{dialect} shows its thoughts whole")
    for name in ("user", "metadata", "service_tier"):
        if getattr(request, name):
            yield dropped(name, f"{dialect} has no such member")


def seals(at: str, part: Part) -> Iterator[Loss]:
    """Yield the loss of what a part of the history carries beside its words."""
    if isinstance(part, Text | ToolCall | Media) and part.signature is not None:
        yield dropped(f"{at}.signature", f"only {part.signature.origin} knows it")
    if isinstance(part, Text) and part.citations:
        yield dropped(f"{at}.citations", "sources stay out of the history")


def words(turn: Turn, at: str, losses: list[Loss]) -> list[str]:
    """Return the texts of a turn; a refusal's are words, too."""
    found = []
    for i, part in enumerate(turn.parts):
        if isinstance(part, Text | Refusal):
            found.append(part.text)
        if isinstance(part, Refusal):
            losses.append(approximate(f"{at}.parts[{i}]", "a refusal sent as text"))
    return found


def thoughts(turn: Turn, at: str, losses: list[Loss]) -> list[str]:
    """Return the thoughts that nobody sealed; the others only their issuer takes."""
    found = []
    for i, part in enumerate(turn.parts):
        if isinstance(part, Thinking):
            if part.signature is None:
                found.append(part.text)
            else:
                why = f"sealed by {part.signature.origin}"
                losses.append(dropped(f"{at}.parts[{i}]", why))
    return found


def misplaced(turn: Turn, at: str, taken: tuple[type, ...]) -> Iterator[Loss]:
    """Yield a refusal of each part that a message of its role cannot hold."""
    if turn.name is not None:
        yield dropped(f"{at}.name", "participants have no names")
    for i, part in enumerate(turn.parts):
        here = f"{at}.parts[{i}]"
        if isinstance(part, Opaque):
            yield refused(here, f"only {part.origin} knows it")
        elif not isinstance(part, taken):
            yield refused(here, f"not in a message of the {turn.role.value}")
        else:
            yield from seals(here, part)


def names_of_calls(request: Request) -> dict[str, str]:
    """Return the tools' names by the ids of their calls."""
    return {
        part.id: part.name
        for turn in request.turns
        if turn.role is Role.ASSISTANT
        for part in turn.parts
        if isinstance(part, ToolCall)
    }


def offered(request: Request, losses: list[Loss]) -> list[Tool]:
    """
    Return the tools that a plain protocol can offer: functions.

    Where only some may be used, the others are not offered.
    """
    choice = request.tool_choice
    allowed = choice.names if choice is not None else ()
    tools = []
    for i, tool in enumerate(request.tools):
        if isinstance(tool, Opaque):
            # The model answers without it, as it does where nobody offers it.
            losses.append(dropped(f"tools[{i}]", f"only {tool.origin} has this tool"))
        elif not allowed or tool.name in allowed:
            tools.append(tool)
    return tools


def unoffered(choice: ToolChoice | None, tools: list[Tool]) -> bool:
    """Tell whether a tool must be used that is none of *tools*."""
    must = choice is not None and choice.mode in ("required", "named")
    return must and not tools


def write_function(tool: Tool) -> dict[str, Json]:
    """Return a function in the shape that OpenAI gave the world."""
    function: dict[str, Json] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    empty = {"type": "object", "properties": {}}
    function["parameters"] = empty if tool.schema is None else tool.schema
    return {"type": "function", "function": function}


def object_of(call: ToolCall, at: str, losses: list[Loss]) -> dict[str, Json]:
    """Return the arguments as an object, which the model may not have written."""
    if not call.input.strip():
        return {}
    try:
        json = loads(call.input)
    except ValueError:
        json = call.input
    if isinstance(json, dict):
        return json
    losses.append(approximate(f"{at}.input", "wrapped into an object"))
    return {"input": json}
