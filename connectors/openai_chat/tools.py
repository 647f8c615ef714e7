"""
The tools of a request, and which of them the model may or must use.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.domain.parts import Opaque
from gateway.domain.request import Tool
from gateway.wire.openai_chat import PROTOCOL, own
from gateway.wire.openai_chat.parts import joined

if TYPE_CHECKING:
    from connectors.openai_chat.words import Words
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool, Request, ToolChoice


def write_tools(request: Request, words: Words, losses: list[Loss]) -> dict[str, Json]:
    choice = request.tool_choice
    allowed = () if choice is None else choice.names
    narrow = bool(allowed) and not _names_at_once(choice, words)
    if narrow:
        why = "the other tools are not offered"
        losses.append(approximate("tool_choice.names", why))
    tools = [
        json
        for i, tool in enumerate(request.tools)
        if not narrow or (isinstance(tool, Tool) and tool.name in allowed)
        if (json := _write_tool(tool, f"tools[{i}]", losses)) is not None
    ]
    return {"tools": tools} if tools else {}


def write_parallel(request: Request, tools: dict[str, Json]) -> dict[str, Json]:
    """Return ``parallel_tool_calls``; OpenAI refuses it where no tool is left."""
    if request.parallel_tools is None or (request.tools and not tools):
        return {}
    return {"parallel_tool_calls": request.parallel_tools}


def write_choice(request: Request, words: Words, losses: list[Loss]) -> dict[str, Json]:
    """Return ``tool_choice``."""
    choice = request.tool_choice
    if choice is None:
        return {}
    offered = [t for t in request.tools if isinstance(t, Tool) or _is_ours(t)]
    if choice.mode in ("required", "named") and not offered:
        losses.append(refused("tool_choice", "none of the tools can be offered"))
    if request.tools and not offered:
        return {}  # OpenAI refuses a choice among no tools
    kinds = {t.name: "custom" for t in offered if isinstance(t, Tool) and t.custom}
    named = [_named(name, kinds.get(name, "function")) for name in choice.names]
    said = {k: v for k, v in own(choice.extras).items() if v is not None}
    if choice.mode == "named" and named:
        return {"tool_choice": joined(named[0], said)}
    if named and _names_at_once(choice, words):
        inner = {"mode": choice.mode, "tools": named}
        json = {"type": "allowed_tools", "allowed_tools": inner}
        return {"tool_choice": joined(json, said)}
    return {"tool_choice": "any" if "any" in own(choice.extras) else choice.mode}


def _named(name: str, kind: str) -> dict[str, Json]:
    return {"type": kind, kind: {"name": name}}


def _names_at_once(choice: ToolChoice | None, words: Words) -> bool:
    """Tell whether the choice itself can name the tools."""
    if choice is None or choice.mode == "named" or not choice.names:
        return True
    return words.allowed_tools or "allowed_tools" in own(choice.extras)


def _is_ours(tool: OfferedTool) -> bool:
    return isinstance(tool, Opaque) and tool.origin == PROTOCOL


def _write_tool(tool: OfferedTool, path: str, losses: list[Loss]) -> Json:
    if isinstance(tool, Opaque):
        if _is_ours(tool):
            return tool.json
        # The model answers without it, as it does where nobody offers it.
        losses.append(dropped(path, f"only {tool.origin} runs it"))
        return None
    if tool.custom:
        kind, more = "custom", {"format": _nested(tool.format)}
    else:
        kind, more = "function", {"parameters": tool.schema, "strict": tool.strict}
    inner = {"name": tool.name, "description": tool.description, **more}
    known = {name: value for name, value in inner.items() if value is not None}
    return joined({"type": kind, kind: known}, own(tool.extras))


def _nested(form: Json) -> Json:
    """Return the format of a custom tool; in Responses a grammar's is flat."""
    match form:
        case {"type": "grammar", "definition": _}:
            inner = {k: v for k, v in form.items() if k != "type"}
            return {"type": "grammar", "grammar": inner}
    return form
