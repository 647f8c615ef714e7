"""
Tools and their choice, from the domain to the provider.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.anthropic.messages import CACHE
from connectors.anthropic.schema import write_schema
from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.domain.parts import Opaque
from gateway.domain.request import Tool
from gateway.wire.anthropic import NAMES_ONLY, PROTOCOL, own

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool, Request

_CHOICES = {"auto": "auto", "required": "any", "none": "none"}
_LONGEST = 128


def write_tools(
    request: Request, losses: list[Loss], said: set[str]
) -> list[dict[str, Json]]:
    """Return the tools; only those that may be called, where the caller said so."""
    mine = PROTOCOL in request.extras
    names = _allowed(request, losses)
    written = []
    for i, tool in enumerate(request.tools):
        if names and isinstance(tool, Tool) and tool.name not in names:
            continue
        json = _tool(tool, f"tools[{i}]", losses, mine=mine)
        if json is not None:
            mark = tool.extras.get("openai_chat", {}).get(CACHE)
            if mark is not None and CACHE not in json:
                json[CACHE] = mark
                said.add(f"tools[{i}].{CACHE}")
            written.append(json)
    return written


def _allowed(request: Request, losses: list[Loss]) -> tuple[str, ...]:
    choice = request.tool_choice
    if choice is None or choice.mode == "named" or not choice.names:
        return ()
    losses.append(approximate("tool_choice.names", "the others are not offered"))
    return choice.names


def _tool(
    tool: OfferedTool, at: str, losses: list[Loss], *, mine: bool
) -> dict[str, Json] | None:
    if isinstance(tool, Opaque):
        if tool.origin == PROTOCOL:
            json: dict[str, Json] = dict(tool.json)
            return json
        # The model answers without it, as it does where nobody offers it.
        losses.append(dropped(at, f"only {tool.origin} runs it"))
        return None
    if not mine and not _is_name(tool.name):
        why = f"Anthropic wants {_LONGEST} letters, digits, _ or -, at most"
        losses.append(refused(f"{at}.name", why))
    schema = tool.schema if mine else _schema(tool, at, losses)
    members = {"description": tool.description, "strict": tool.strict}
    known = {name: value for name, value in members.items() if value is not None}
    return {"name": tool.name, "input_schema": schema, **known, **own(tool.extras)}


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST and NAMES_ONLY.fullmatch(name) is not None


def _schema(tool: Tool, at: str, losses: list[Loss]) -> Json:
    """Return the arguments' schema, which must be that of an object."""
    schema = tool.schema if isinstance(tool.schema, dict) else {}
    if tool.strict:
        schema, adapted = write_schema(schema, f"{at}.schema")
        losses += adapted
    return {"type": "object", **schema}


def write_choice(
    request: Request, tools: list[dict[str, Json]], losses: list[Loss]
) -> dict[str, Json] | None:
    """Return ``tool_choice``; the provider refuses one without tools."""
    choice, parallel = request.tool_choice, request.parallel_tools
    mine = PROTOCOL in request.extras
    if not tools and not mine:
        if choice is not None and choice.mode in ("required", "named"):
            losses.append(refused("tool_choice", "there is no such tool"))
        return None
    json: dict[str, Json] = {}
    if choice is not None:
        json["type"] = _CHOICES.get(choice.mode, "tool")
        if choice.mode == "named":
            json["name"] = choice.names[0] if choice.names else ""
        json |= own(choice.extras)
    if parallel is False or (parallel is not None and mine):
        if json.get("type") == "none" and not mine:
            return json
        json = {"type": "auto", **json, "disable_parallel_tool_use": not parallel}
    return json or None
