"""Names and small tables, and how ``extras`` of this dialect are laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.domain.parts import Extras
    from gateway.domain.reply import Json

PROTOCOL = "openai_responses"

# Two members of our extras are bookkeeping, and no loss where they do not cross.
# ITEM has the members of the item that a part stands in, beside its content: id,
# status, ... Of an item with several parts, the first has what was known when it
# began and the last has all.
# FORM says which of several forms that mean the same was used; on a reply, it has
# what the response repeats of its request.
ITEM = "item"
FORM = "form"

# Members of a message that say more than bookkeeping; they are kept on its first
# part, beside ITEM.
WORDS = ("phase",)

# Items of the input that hold tools; on a tool, PLACED says that one of these holds
# it; on a request, PLACED has them: ``[{"at": its number, "item": json}]``.
ADDITIONAL_TOOLS = "additional_tools"
PLACED = "input.additional_tools"

# The events that end a response; each holds all of it.
ENDS = ("response.completed", "response.incomplete", "response.failed")

# What a member of a request that is left out means, by OpenAI's own default.
DEFAULTS: dict[str, Json] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def extras_of(members: dict[str, Json]) -> dict[str, Json]:
    """Return the ``extras`` of a thing of the domain for *members* of this dialect."""
    return {PROTOCOL: members} if members else {}


def own(extras: Extras) -> dict[str, Json]:
    """Return the members of this dialect."""
    members: dict[str, Json] = extras.get(PROTOCOL, {})
    return members


def said(extras: Extras) -> dict[str, Json]:
    """Return the members of this dialect without the bookkeeping."""
    if PROTOCOL not in extras:
        return {}
    members: dict[str, Json] = extras[PROTOCOL]
    return {k: v for k, v in members.items() if k not in (ITEM, FORM, PLACED)}


def form_of(extras: Extras) -> dict[str, Json]:
    """Return which of several forms was used."""
    members: dict[str, Json] = own(extras).get(FORM, {})
    return members
