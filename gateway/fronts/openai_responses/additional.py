"""
Tools that stand in an item of the input, and may be called from there on.

Other dialects offer tools to a whole conversation, so these join those of the
request; that they came later is lost. The item itself stays in ``extras``, for a
provider of this dialect: it alone writes it, and does not repeat the tools above.

Source: https://platform.openai.com/docs/api-reference/responses/create and the
SDKs' ``response_input_item.AdditionalTools``
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.parts import Opaque
from gateway.fronts.fields import Fields
from gateway.fronts.openai_responses.settings import read_tools
from gateway.wire.json import encode
from gateway.wire.openai_responses.names import ADDITIONAL_TOOLS, PLACED
from gateway.wire.openai_responses.namespaces import with_form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool


def find_placed(items: Json) -> list[dict[str, Json]]:
    """Return the items of an input that hold tools, and their numbers."""
    return [
        {"at": number, "item": item}
        for number, item in enumerate(items if isinstance(items, list) else ())
        if isinstance(item, dict) and item.get("type") == ADDITIONAL_TOOLS
    ]


def offered(
    tools: Iterable[OfferedTool], placed: Iterable[dict[str, Json]]
) -> tuple[OfferedTool, ...]:
    """
    Return the *tools* of the request, and those of items after them.

    Providers take a name once. Of items that repeat one the last wins: history
    grows at its end, so a client that offers a tool again means it as it is now.
    It takes the first one's place, that a tool offered twice leaves the list, and
    with it what a provider has cached, as it was. What the request says itself
    wins over all items, which may be of requests long ago.

    Raises:
        InvalidRequestError: with the JSON path.
    """
    ours = {_known_as(tool): tool for tool in tools}
    added: dict[str | bytes, OfferedTool] = {}
    for each in placed:
        for tool in read_tools(Fields(each["item"], f"input[{each['at']}]")):
            extras = with_form(tool.extras, {PLACED: True})
            added[_known_as(tool)] = evolve(tool, extras=extras)
    return (*tools, *(tool for name, tool in added.items() if name not in ours))


def _known_as(tool: OfferedTool) -> str | bytes:
    return encode(tool.json) if isinstance(tool, Opaque) else tool.name
