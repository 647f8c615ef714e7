"""
Namespaces: functions and custom tools that Responses groups under a name.

A call of theirs says two names. Other dialects know one, so in the domain a tool
goes by both joined, and ``extras`` have what they were joined of. What a namespace
says of itself stays there, too: no other dialect has a place for it.

Source: https://developers.openai.com/api/docs/guides/tools-tool-search (namespaces)
and the SDKs' ``NamespaceTool`` and ``ResponseFunctionToolCall.namespace``
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve

from gateway.domain.parts import ToolCall
from gateway.domain.request import Tool
from gateway.wire.openai_responses.names import FORM, PROTOCOL, form_of, own

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.parts import Extras, Part
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool

NAMESPACE = "namespace"
# Of a call: what its one name was joined of.
NAMES = (NAMESPACE, "name")
Names: TypeAlias = "dict[str, Json]"
# What every provider takes for a function's name.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def joined(namespace: str, name: str) -> str:
    """
    Return the one name.

    >>> joined("crm", "find"), joined("mcp__crm__", "find")
    ('crm__find', 'mcp__crm__find')
    """
    between = "" if namespace.endswith("__") else "__"
    return f"{namespace}{between}{name}"


def fits(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def with_form(extras: Extras, members: dict[str, Json]) -> Extras:
    """Return *extras* with more of our bookkeeping."""
    form = {**form_of(extras), **members}
    return {**extras, PROTOCOL: {**own(extras), FORM: form}}


def said_name(name: str, extras: Extras) -> str:
    """Return a tool's or call's own name in its namespace."""
    found: str = form_of(extras).get("name", name)
    return found


def namespaced(tools: Iterable[OfferedTool]) -> dict[str, Names]:
    """Return what the names of the tools in namespaces were joined of."""
    return {
        tool.name: {
            NAMESPACE: own(tool.extras)[NAMESPACE]["name"],
            "name": said_name(tool.name, tool.extras),
        }
        for tool in tools
        if isinstance(tool, Tool) and NAMESPACE in form_of(tool.extras)
    }


def apart(part: Part, spaces: dict[str, Names]) -> Part:
    """Return a call by its one name as one that says both."""
    if not isinstance(part, ToolCall) or part.name not in spaces:
        return part
    return evolve(part, extras=with_form(part.extras, spaces[part.name]))


def together(part: Part, spaces: dict[str, Names]) -> Part:
    """
    Return a call that says both names by the one that its tool has.

    OpenAI's answers say a namespace for deferred functions, too, which stand in
    none (their own name, or ``tools``): these are known by their name alone.
    """
    if not isinstance(part, ToolCall):
        return part
    members = own(part.extras)
    names = {NAMESPACE: members.get(NAMESPACE), "name": part.name}
    for name, known in spaces.items():
        if known == names:
            rest = {k: v for k, v in members.items() if k != NAMESPACE}
            extras = with_form({**part.extras, PROTOCOL: rest}, names)
            return evolve(part, name=name, extras=extras)
    return part
