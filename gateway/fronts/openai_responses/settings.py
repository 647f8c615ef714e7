"""Tools, their choice, and the form of the answer, from the client's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from attrs import evolve

from gateway.domain.parts import Opaque
from gateway.domain.request import OutputFormat, Reasoning, Tool, ToolChoice
from gateway.fronts.fields import Fields, unacceptable, unexpected
from gateway.wire.openai_responses.names import FORM, PROTOCOL, extras_of, own
from gateway.wire.openai_responses.namespaces import (
    NAMESPACE,
    fits,
    joined,
    said_name,
    with_form,
)
from gateway.wire.openai_responses.settings import FORMATS, HOSTED

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool

Mode = Literal["none", "auto", "required"]
MODES: tuple[Mode, ...] = ("none", "auto", "required")
_KINDS = {word: kind for kind, word in FORMATS.items()}
_CALLABLE = ("function", "custom")


def read_tools(top: Fields) -> tuple[OfferedTool, ...]:
    tools: list[OfferedTool] = []
    for number, (at, json) in enumerate(top.items("tools")):
        fields = Fields(json, at)
        if fields.needs_text("type") == NAMESPACE:
            found = _read_namespace(fields, number)
            taken = {tool.name for tool in tools if isinstance(tool, Tool)}
            if found and not taken.intersection(tool.name for tool in found):
                tools += found
                continue
        tools.append(_read_tool(Fields(json, at), json))
    return tuple(tools)


def _read_namespace(fields: Fields, number: int) -> list[Tool]:
    """
    Return the tools of a namespace; none if other dialects could not offer them.

    Then it stays whole, as what only this dialect knows.
    """
    space = fields.needs_name("name")
    members = [(Fields(json, at), json) for at, json in fields.items("tools")]
    tools = [_read_tool(*member) for member in members]
    head = fields.rest() | {"type": NAMESPACE, "name": space}
    found = []
    for tool in tools:
        name = joined(space, tool.name) if isinstance(tool, Tool) else ""
        if not isinstance(tool, Tool) or not fits(name):
            return []
        form = {NAMESPACE: number, "name": tool.name}
        extras = with_form({PROTOCOL: {**own(tool.extras), NAMESPACE: head}}, form)
        found.append(evolve(tool, name=name, extras=extras))
    return found


def _read_tool(fields: Fields, json: Json) -> OfferedTool:
    kind = fields.needs_text("type")
    if kind not in _CALLABLE:
        return Opaque(PROTOCOL, json)  # hosted, or a namespace that stays whole
    name, description = fields.needs_name("name"), fields.text("description")
    if kind == "custom":
        form = fields.object("format")
        extras = extras_of(fields.rest())
        return Tool(name, description, custom=True, format=form, extras=extras)
    schema, strict = fields.object("parameters"), fields.flag("strict")
    return Tool(name, description, schema, strict, extras=extras_of(fields.rest()))


def read_choice(top: Fields, tools: tuple[OfferedTool, ...]) -> ToolChoice | None:
    """
    Read ``tool_choice``.

    The choice of a hosted tool means that some tool must be used: which one is
    for this dialect alone, as the tool itself is.
    """
    value = top.json("tool_choice")
    if value is None:
        return None
    if isinstance(value, str):
        if value not in MODES:
            raise unacceptable("tool_choice", f"one of {', '.join(MODES)}", value)
        return ToolChoice(value)
    if not isinstance(value, dict):
        raise unexpected("tool_choice", "a string or an object", value)
    fields = Fields(value, "tool_choice")
    kind = fields.needs_text("type")
    if kind == "allowed_tools":
        return _read_allowed(fields, tools)
    if kind not in _CALLABLE:
        return ToolChoice("required", extras=extras_of({HOSTED: value}))
    name = _in_namespace(fields.needs_name("name"), tools)
    _must_offer(fields.at("name"), kind, name, tools)
    return ToolChoice("named", (name,), extras_of(fields.rest()))


def _in_namespace(name: str, tools: tuple[OfferedTool, ...]) -> str:
    """Return the joined name of a tool that a choice, which has no namespace, names."""
    offered = [tool for tool in tools if isinstance(tool, Tool)]
    if any(tool.name == name for tool in offered):
        return name
    known = [t.name for t in offered if said_name(t.name, t.extras) == name]
    return known[0] if len(known) == 1 else name


def _must_offer(at: str, kind: str, name: str, tools: tuple[OfferedTool, ...]) -> None:
    if any(isinstance(tool, Opaque) for tool in tools):
        return  # it may be in a namespace that stayed whole
    offered = (
        tool
        for tool in tools
        if isinstance(tool, Tool)
        and name in (tool.name, said_name(tool.name, tool.extras))
    )
    if not any(tool.custom == (kind == "custom") for tool in offered):
        raise unacceptable(at, f"the name of an offered {kind} tool", name)


def _read_allowed(fields: Fields, tools: tuple[OfferedTool, ...]) -> ToolChoice:
    mode = fields.needs_word("mode", ("auto", "required"))
    listed = fields.needs("tools", "a list of tools")
    fields.keep("tools", listed)
    names = []
    for at, json in fields.items("tools"):
        tool = Fields(json, at)
        if tool.needs_text("type") in _CALLABLE:
            names.append(_in_namespace(tool.needs_name("name"), tools))
    extras = extras_of({**fields.rest(), FORM: {"tools": listed}})
    return ToolChoice(cast("Mode", mode), tuple(names), extras)


def read_format(text: Fields | None) -> OutputFormat | None:
    fields = text.fields("format") if text is not None else None
    if fields is None:
        return None
    kind = cast(
        "Literal['text', 'json', 'schema']",
        _KINDS[fields.needs_word("type", tuple(_KINDS))],
    )
    if kind != "schema":
        return OutputFormat(kind, extras=extras_of(fields.rest()))
    return OutputFormat(
        kind,
        name=fields.needs_name("name"),
        schema=fields.object("schema"),
        description=fields.text("description"),
        strict=fields.flag("strict"),
        extras=extras_of(fields.rest()),
    )


def read_reasoning(fields: Fields | None) -> Reasoning:
    if fields is None:
        return Reasoning()
    effort, summary = fields.text("effort"), fields.text("summary")
    older = fields.text("generate_summary")
    if summary is None and older is not None:
        summary = older
        fields.keep(FORM, {"summary": "generate_summary"})
    elif older is not None:
        fields.keep("generate_summary", older)
    return Reasoning(effort, summary=summary, extras=extras_of(fields.rest()))
