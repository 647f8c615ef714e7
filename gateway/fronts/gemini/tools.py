"""
The tools of a request, and whether they must be used.

Source: https://ai.google.dev/api/caching#Tool
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Opaque
from gateway.domain.request import Tool, ToolChoice
from gateway.fronts.fields import Fields, unacceptable, unexpected
from gateway.wire.gemini import PROTOCOL, extras_of, read_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool

# By their numbers, too, which clients send that write enums so.
MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")


def read_tools(top: Fields) -> tuple[OfferedTool, ...]:
    """
    Read the declared functions one by one.

    Each tool of Google's own (``googleSearch``, ...) is an `Opaque` of one member.
    """
    value = top.json("tools")
    tools = [value] if isinstance(value, dict) else value
    if tools is not None and not isinstance(tools, list):
        raise unexpected("tools", "a list of tools", tools)
    return tuple(
        tool
        for i, json in enumerate(tools or ())
        for tool in _read_tool(Fields(json, f"tools[{i}]"))
    )


def _read_tool(fields: Fields) -> Iterator[OfferedTool]:
    for path, json in fields.items("functionDeclarations"):
        yield _read_function(Fields(json, path))
    for name, json in fields.rest().items():
        if json is not None:
            yield Opaque(PROTOCOL, {name: json})


def _read_function(fields: Fields) -> Tool:
    name, description = fields.needs_name("name"), fields.text("description")
    mark: dict[str, Json] = {}
    openapi = fields.object("parameters")
    schema = fields.object("parametersJsonSchema")
    if openapi is not None:
        schema = read_schema(openapi)
        mark["parameters"] = None
    elif schema is not None:
        mark["parametersJsonSchema"] = None
    extras = extras_of(mark | fields.rest())
    return Tool(name, description, schema, extras=extras)


def read_tool_choice(config: Fields | None) -> ToolChoice | None:
    """Read ``functionCallingConfig``; a single allowed name under ANY is a demand."""
    inner = None if config is None else config.fields("functionCallingConfig")
    if inner is None:
        return None
    names = tuple(_names(inner))
    mode, mark = _mode(inner), {}
    match mode:
        case "ANY" if len(names) == 1:
            return ToolChoice("named", names, extras_of(inner.rest()))
        case "ANY":
            return ToolChoice("required", names, extras_of(inner.rest()))
        case "NONE":
            return ToolChoice("none", names, extras_of(inner.rest()))
        case "AUTO":
            pass
        case _:
            mark = {"mode": mode if mode == "VALIDATED" else None}
    return ToolChoice("auto", names, extras_of(mark | inner.rest()))


def _mode(fields: Fields) -> str | None:
    value = fields.json("mode")
    if value is None:
        return None
    if isinstance(value, int) and 0 <= value < len(MODES):
        return MODES[value]
    if not isinstance(value, str):
        raise unexpected(fields.at("mode"), "a string", value)
    if value.upper() not in MODES:
        raise unacceptable(fields.at("mode"), f"one of {', '.join(MODES)}", value)
    return value.upper()


def _names(fields: Fields) -> Iterator[str]:
    for path, name in fields.items("allowedFunctionNames"):
        if not isinstance(name, str):
            raise unexpected(path, "a string", name)
        yield name
