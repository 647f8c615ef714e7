"""
Tools and their choice, as Converse's ``toolConfig``.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
and https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from connectors.anthropic.schema import write_schema
from connectors.bedrock.messages import cache_point
from connectors.bedrock.models import CACHING, family_of
from connectors.plain import offered, unoffered
from gateway.domain.loss import approximate, dropped, refused
from gateway.domain.parts import Opaque

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import Request, Tool, ToolChoice

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def write_tools(
    request: Request, called: Collection[str], losses: list[Loss], said: set[str]
) -> dict[str, Json]:
    """
    Return ``toolConfig``, empty where there are no tools.

    Args:
        called: the tools that the history calls. Bedrock refuses calls and results
            where it is offered no tools at all.
        said: gets the paths of other dialects' members that are said here.
    """
    choice = request.tool_choice
    named = choice is not None and choice.mode == "named"
    tools = offered(evolve(request, tool_choice=None) if named else request, losses)
    if unoffered(choice, tools) or (named and not _names(choice, tools)):
        losses.append(refused("tool_choice", "there is no such tool"))
    if choice is not None and choice.names and not named and tools:
        losses.append(approximate("tool_choice.names", "the others are not offered"))
    if choice is not None and choice.mode == "none" and tools:
        why = "no tool is offered: Bedrock cannot be told to use none"
        if called:
            why = "Bedrock wants the history's tools, and may use them"
        losses.append((dropped if called else approximate)("tool_choice", why))
        tools = tools if called else []
    written = _written(request, tools, losses, said)
    if not written and called:
        why = "Bedrock wants tools where the history calls them"
        losses.append(approximate("tools", why))
        empty = {"json": {"type": "object"}}
        written = [{"toolSpec": {"name": n, "inputSchema": empty}} for n in called]
    if not written:
        return {}
    return {"tools": written, **_choice(choice, tools)}


def _written(
    request: Request, tools: Collection[Tool], losses: list[Loss], said: set[str]
) -> list[Json]:
    caches = family_of(request.model) in CACHING
    written: list[Json] = []
    for i, tool in enumerate(request.tools):
        if not isinstance(tool, Opaque) and tool in tools:
            at = f"tools[{i}]"
            written.append({"toolSpec": _spec(tool, at, losses)})
            written += cache_point(tool.extras, at, said, caches=caches)
    return written


def _spec(tool: Tool, at: str, losses: list[Loss]) -> dict[str, Json]:
    if not _NAME.fullmatch(tool.name):
        why = "Bedrock wants 64 letters, digits, _ or -, at most"
        losses.append(refused(f"{at}.name", why))
    schema = tool.schema if isinstance(tool.schema, dict) else {}
    spec: dict[str, Json] = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict:
        schema, adapted = write_schema(schema, f"{at}.schema")
        losses += adapted
        spec["strict"] = True
    spec["inputSchema"] = {"json": {"type": "object", **schema}}
    return spec


def _choice(choice: ToolChoice | None, tools: Collection[Tool]) -> dict[str, Json]:
    match choice.mode if choice is not None and tools else "":
        case "auto":
            return {"toolChoice": {"auto": {}}}
        case "required":
            return {"toolChoice": {"any": {}}}
        case "named" if names := _names(choice, tools):
            return {"toolChoice": {"tool": {"name": names[0]}}}
        case _:
            return {}


def _names(choice: ToolChoice | None, tools: Collection[Tool]) -> list[str]:
    """Return the tools that are named and offered."""
    names = () if choice is None else choice.names
    return [name for name in names if any(tool.name == name for tool in tools)]
