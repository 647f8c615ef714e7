"""
A request, from the domain to ``generateContent``.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.gemini.config import write_config
from connectors.gemini.contents import Conversation
from connectors.gemini.tools import demands_foreign, write_tool_choice, write_tools
from gateway.domain.custom import without_custom
from gateway.domain.loss import approximate, dropped, refused, unsaid
from gateway.plugin import Written
from gateway.wire.gemini import PROTOCOL, own

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import Request

# Source: https://ai.google.dev/gemini-api/docs/flex-inference
_TIERS = {"flex": "flex", "priority": "priority", "standard": "standard"}
_MARKS = frozenset({"model", "labels", "generationConfig", "toolConfig"})


def write_request(request: Request) -> Written:
    """Return the request in Google's words; never raises."""
    request, losses = without_custom(request, "Gemini")
    members = own(request.extras)
    body: dict[str, Json] = {}
    if "model" in members:
        body["model"] = f"models/{request.model}"
    conversation = Conversation(request, losses)
    if conversation.system is not None:
        body["systemInstruction"] = conversation.system
    body["contents"] = conversation.contents
    if tools := write_tools(request.tools, losses):
        body["tools"] = tools
    if tool_config := _write_tool_config(request, losses):
        body["toolConfig"] = tool_config
    config = write_config(request, losses)
    if config:
        body["generationConfig"] = config
    body |= _write_rest(request, losses)
    body |= _kept(members, body)
    losses += unsaid(request, PROTOCOL)
    return Written(body, tuple(losses))


def _kept(members: dict[str, Json], body: dict[str, Json]) -> dict[str, Json]:
    """Return what the domain has no field for; a null that stood there stays."""
    return {
        name: json
        for name, json in members.items()
        if name not in _MARKS or (json is None and name.endswith("Config"))
        if name not in body
    }


def _write_tool_config(request: Request, losses: list[Loss]) -> dict[str, Json]:
    config: dict[str, Json] = {}
    if request.tool_choice is not None:
        if demands_foreign(request.tool_choice, request.tools):
            why = "it demands a tool that only another provider has"
            losses.append(refused("tool_choice", why))
        calling = write_tool_choice(request.tool_choice, losses)
        config["functionCallingConfig"] = calling
    if request.parallel_tools is False:
        why = "Gemini cannot be kept from calling several tools at once"
        losses.append(dropped("parallel_tools", why))
    kept = own(request.extras).get("toolConfig")
    return {**kept, **config} if isinstance(kept, dict) else config


def _write_rest(request: Request, losses: list[Loss]) -> dict[str, Json]:
    body: dict[str, Json] = {}
    if request.metadata is not None:
        if "labels" in own(request.extras):
            body["labels"] = request.metadata
        else:
            losses.append(dropped("metadata", "Gemini has labels on Vertex AI only"))
    if request.user is not None:
        losses.append(dropped("user", "Gemini does not ask for whom it works"))
    tier = request.service_tier
    if tier in ("default", "standard_only"):
        body["serviceTier"] = "standard"
    elif tier in _TIERS or (tier or "").startswith("SERVICE_TIER"):
        body["serviceTier"] = tier
    elif tier not in (None, "auto", "unspecified"):
        losses.append(approximate("service_tier", "Gemini has no such tier"))
    return body


def write_count(request: Request) -> Written:
    """
    Return the request whose tokens are to be counted.

    Source: https://ai.google.dev/api/tokens
    """
    written = write_request(request)
    inner = {**written.body, "model": f"models/{request.model}"}
    return Written({"generateContentRequest": inner}, written.losses)
