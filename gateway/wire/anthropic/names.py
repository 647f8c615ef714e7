"""The protocol's name, and how its members ride along in ``extras``."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import TYPE_CHECKING

from gateway.wire.json import encode, loads

if TYPE_CHECKING:
    from gateway.domain.parts import Extras
    from gateway.domain.reply import Json

PROTOCOL = "anthropic"

# What ids and names of tools may be made of; the names of at most 128 characters.
# Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools
NAMES_ONLY = re.compile(r"[a-zA-Z0-9_-]+")


def extras_of(members: dict[str, Json]) -> dict[str, Json]:
    """Return the ``extras`` of a part of the domain for *members* of this dialect."""
    return {PROTOCOL: members} if members else {}


def form(name: str, json: Json) -> dict[str, Json]:
    """
    Return what remembers that a member was said although it says nothing.

    Such as ``stream: false``. It stands in ``extras`` without a value, so that it
    is a loss for nobody, and `own` gives the member back.
    """
    return {f"{name}={encode(json).decode()}": None}


def own(extras: Extras) -> dict[str, Json]:
    """Return the members of this dialect."""
    members: dict[str, Json] = extras.get(PROTOCOL, {})
    for name in members:
        if "=" in name:
            return dict(_said(*member) for member in members.items())
    return members


def _said(name: str, json: Json) -> tuple[str, Json]:
    member, mark, value = name.partition("=")
    return (member, loads(value)) if mark and json is None else (name, json)


def without(json: dict[str, Json], names: Container[str]) -> dict[str, Json]:
    """Return what is left of *json* when the members *names* are taken."""
    return {name: value for name, value in json.items() if name not in names}


def text_of(json: Json) -> str:
    """Return *json*, which has to be a string; raises ``TypeError``."""
    if isinstance(json, str):
        return json
    raise TypeError


def optional(json: Json) -> str | None:
    return None if json is None else text_of(json)
