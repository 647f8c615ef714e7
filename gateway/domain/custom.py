"""
Custom tools, for protocols that know functions only.

A custom tool takes free text. Said as a function it has one argument for all of
it, and a call in the history is a call of that function. The other way, when the
model has called the function, is `gateway.fronts.custom`.

Source: https://platform.openai.com/docs/guides/function-calling#custom-tools
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.loss import Loss, approximate
from gateway.domain.parts import ToolCall
from gateway.domain.request import Tool

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool, Request, Turn

# The one argument.
FREE_TEXT = "input"


def without_custom(request: Request, dialect: str) -> tuple[Request, list[Loss]]:
    """
    Return the request with functions in place of custom tools, and what that costs.

    Results of their calls, and a choice that names them, stay as they are.

    Args:
        dialect: how a person calls the protocol that knows functions only.
    """
    losses: list[Loss] = []
    tools = tuple(
        _offered(tool, f"tools[{i}]", dialect, losses)
        for i, tool in enumerate(request.tools)
    )
    turns = tuple(
        _turn(turn, f"turns[{i}]", dialect, losses)
        for i, turn in enumerate(request.turns)
    )
    if not losses:
        return request, losses
    return evolve(request, tools=tools, turns=turns), losses


def _offered(
    tool: OfferedTool, at: str, dialect: str, losses: list[Loss]
) -> OfferedTool:
    if not isinstance(tool, Tool) or not tool.custom:
        return tool
    why = f"{dialect} has functions only: it takes its text as an argument"
    losses.append(approximate(f"{at}.custom", why))
    if grammar(tool.format) is not None:
        why = f"{dialect} keeps to no grammar: the description has it"
        losses.append(approximate(f"{at}.format", why))
    return as_function(tool)


def _turn(turn: Turn, at: str, dialect: str, losses: list[Loss]) -> Turn:
    if not any(_is_custom(part) for part in turn.parts):
        return turn
    parts: list[Part] = []
    for i, part in enumerate(turn.parts):
        if isinstance(part, ToolCall) and part.custom:
            why = f"{dialect} has functions only: its text is an argument"
            losses.append(approximate(f"{at}.parts[{i}].custom", why))
            parts.append(as_function_call(part))
        else:
            parts.append(part)
    return evolve(turn, parts=tuple(parts))


def _is_custom(part: Part) -> bool:
    return isinstance(part, ToolCall) and part.custom


def as_function(tool: Tool) -> Tool:
    """
    Return a function that takes the text of a custom tool.

    Nobody makes the model keep to the grammar that it may have; so it is told.
    """
    told = [] if not tool.description else [tool.description]
    if (found := grammar(tool.format)) is not None:
        syntax, definition = found
        told.append(
            f"The {FREE_TEXT} must follow this {syntax} grammar, to the letter:\n"
            f"{definition}"
        )
    schema = {
        "type": "object",
        "properties": {FREE_TEXT: {"type": "string"}},
        "required": [FREE_TEXT],
    }
    description = "\n\n".join(told) if told else tool.description
    return Tool(tool.name, description, schema, extras=tool.extras)


def as_function_call(call: ToolCall) -> ToolCall:
    """Return the call of that function, with the text in its arguments."""
    text = json.dumps({FREE_TEXT: call.input}, ensure_ascii=False)
    return evolve(call, input=text, custom=False)


def grammar(form: Json) -> tuple[str, str] | None:
    """
    Return syntax and definition of a format, if it is a grammar.

    They stand in an object of their own in Chat Completions, in Responses not.
    """
    match form:
        case {"type": "grammar", "grammar": {"syntax": syntax, "definition": told}}:
            return str(syntax), str(told)
        case {"type": "grammar", "syntax": syntax, "definition": told}:
            return str(syntax), str(told)
    return None
