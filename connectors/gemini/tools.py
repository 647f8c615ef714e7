"""
The tools of a request, and whether they must be used.

Source: https://ai.google.dev/api/caching#Tool
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import approximate, dropped
from gateway.domain.parts import Opaque
from gateway.wire.gemini import PROTOCOL, own, unheeded, write_schema

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool, Tool, ToolChoice

_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY", "named": "ANY"}
_MARKS = frozenset({"parameters", "parametersJsonSchema"})


def write_tools(
    tools: tuple[OfferedTool, ...], losses: list[Loss]
) -> list[dict[str, Json]]:
    """Return the tools, neighbouring functions in one; *losses* grows."""
    written: list[dict[str, Json]] = []
    for i, tool in enumerate(tools):
        path = f"tools[{i}]"
        if isinstance(tool, Opaque):
            if tool.origin == PROTOCOL:
                written.append(tool.json)
            else:
                losses.append(dropped(path, f"only {tool.origin} has this tool"))
            continue
        if not written or "functionDeclarations" not in written[-1]:
            written.append({"functionDeclarations": []})
        written[-1]["functionDeclarations"].append(_write_function(tool, path, losses))
    return written


def _write_function(tool: Tool, path: str, losses: list[Loss]) -> dict[str, Json]:
    json: dict[str, Json] = {"name": tool.name}
    if tool.description is not None:
        json["description"] = tool.description
    members = own(tool.extras)
    if "parameters" in members:
        json["parameters"] = write_schema(tool.schema)
    elif tool.schema is not None:
        json["parametersJsonSchema"] = tool.schema
        if "parametersJsonSchema" not in members:
            for at, keyword in unheeded(tool.schema, f"{path}.schema"):
                losses.append(dropped(at, f"Gemini does not heed {keyword}"))
    if tool.strict:
        why = "Gemini keeps to schemas only if every tool's is kept to"
        losses.append(dropped(f"{path}.strict", why))
    return json | {k: v for k, v in members.items() if k not in _MARKS}


def demands_foreign(choice: ToolChoice, tools: tuple[OfferedTool, ...]) -> bool:
    """Tell whether *choice* asks for a tool that only another provider has."""
    offered = {tool.name for tool in tools if not isinstance(tool, Opaque)}
    foreign = any(isinstance(t, Opaque) and t.origin != PROTOCOL for t in tools)
    if not foreign or choice.mode not in ("required", "named"):
        return False
    marked = any(any(members.values()) for members in choice.extras.values())
    return marked or not offered or not offered.issuperset(choice.names)


def write_tool_choice(choice: ToolChoice, losses: list[Loss]) -> dict[str, Json]:
    """Return the ``functionCallingConfig``."""
    members = dict(own(choice.extras))
    mode: Json = members.pop("mode", _MODES[choice.mode])
    if choice.mode == "auto" and choice.names and not own(choice.extras):
        # Only so may a model that need not call choose among some.
        mode = "VALIDATED"
        why = "Gemini also keeps the model to the schemas then"
        losses.append(approximate("tool_choice.names", why))
    json: dict[str, Json] = {} if mode is None else {"mode": mode}
    if choice.names:
        json["allowedFunctionNames"] = list(choice.names)
    return json | members
