"""
What a request asks for beside its turns, written; responses repeat it.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from gateway.domain.parts import Opaque
from gateway.domain.request import Tool
from gateway.wire.openai_responses.names import PLACED, form_of, said
from gateway.wire.openai_responses.namespaces import NAMESPACE, said_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.reply import Json
    from gateway.domain.request import (
        OfferedTool,
        OutputFormat,
        Reasoning,
        ToolChoice,
    )

# Of an extra of a tool choice: the hosted tool that must be used.
HOSTED = "hosted"
FORMATS = {"text": "text", "json": "json_object", "schema": "json_schema"}


def write_tools(tools: Iterable[OfferedTool]) -> list[Json]:
    """
    Return ``tools``, with those of a namespace together in it again.

    Those in an item of the input are not among them: the item has them.
    """
    written: list[Json] = []
    beside = (tool for tool in tools if PLACED not in form_of(tool.extras))
    for number, group in itertools.groupby(beside, _namespace_of):
        members = [t.json if isinstance(t, Opaque) else _write_tool(t) for t in group]
        if number is None:
            written += members
        else:
            heads = [member.pop(NAMESPACE) for member in members]
            written.append({**heads[0], "tools": members})
    return written


def _namespace_of(tool: OfferedTool) -> int | None:
    """Return the number of the namespace that a tool stands in."""
    number: int | None = form_of(tool.extras).get(NAMESPACE)
    return number


def _write_tool(tool: Tool) -> dict[str, Json]:
    optional: dict[str, Json] = {"description": tool.description}
    if tool.custom:
        optional["format"] = tool.format
    else:
        optional |= {"parameters": tool.schema, "strict": tool.strict}
    return {
        "type": "custom" if tool.custom else "function",
        "name": said_name(tool.name, tool.extras),
        **{k: v for k, v in optional.items() if v is not None},
        **said(tool.extras),
    }


def write_choice(choice: ToolChoice, tools: Iterable[OfferedTool]) -> Json:
    """Return ``tool_choice``; *tools* tell which of the named are custom ones."""
    form, words = form_of(choice.extras), said(choice.extras)
    if HOSTED in words:
        return words[HOSTED]
    if choice.mode == "named":
        return {**_write_name(choice.names[0], tools), **words}
    listed = form.get("tools")
    if listed is None:
        listed = [_write_name(name, tools) for name in choice.names]
        if not listed:
            return choice.mode
    return {"type": "allowed_tools", "mode": choice.mode, "tools": listed, **words}


def _write_name(name: str, tools: Iterable[OfferedTool]) -> dict[str, Json]:
    offered = (t for t in tools if not isinstance(t, Opaque) and t.name == name)
    tool = next(offered, Tool(name))
    kind = "custom" if tool.custom else "function"
    return {"type": kind, "name": said_name(name, tool.extras)}


def write_format(wanted: OutputFormat) -> dict[str, Json]:
    json: dict[str, Json] = {"type": FORMATS[wanted.kind]}
    if wanted.kind == "schema":
        optional = {
            "name": wanted.name,
            "description": wanted.description,
            "schema": wanted.schema,
            "strict": wanted.strict,
        }
        json |= {k: v for k, v in optional.items() if v is not None}
    return json | said(wanted.extras)


def write_reasoning(reasoning: Reasoning) -> dict[str, Json]:
    """Return effort and summary; what else a request may say is for its writer."""
    summary = form_of(reasoning.extras).get("summary", "summary")
    optional = {"effort": reasoning.effort, summary: reasoning.summary}
    written = {k: v for k, v in optional.items() if v is not None}
    return written | said(reasoning.extras)
