"""
A ``generateContent`` request, from the client's JSON to the domain.

Runs only where a request is translated. What is not modelled stays in ``extras``.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.request import Request
from gateway.fronts.fields import Fields, parse
from gateway.fronts.gemini.config import (
    read_format,
    read_reasoning,
    read_sampling,
)
from gateway.fronts.gemini.contents import read_turns
from gateway.fronts.gemini.tools import read_tool_choice, read_tools
from gateway.wire.gemini import camel, extras_of

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.fronts.base import Ask


def read_request(body: bytes, ask: Ask) -> Request:
    """
    Read what a client asks.

    Args:
        body: with members in camelCase or in snake_case, as Google takes them.
        ask: model and stream, which the path says.

    Raises:
        InvalidRequestError: with the JSON path in ``param``, and what was
            expected there.
    """
    return _read(parse(body), ask)


def read_count(body: bytes, ask: Ask) -> Request:
    """
    Read whose tokens a client wants counted.

    They are ``contents`` alone or, under ``generateContentRequest``, all that a
    request has.

    Source: https://ai.google.dev/api/tokens
    """
    json = camel(parse(body))
    inner = json.get("generateContentRequest") if isinstance(json, dict) else None
    return _read(json if inner is None else inner, ask)


def _read(json: Json, ask: Ask) -> Request:
    top = Fields(camel(json))
    mark: dict[str, Json] = {}
    if top.text("model") is not None:
        mark["model"] = None  # the path has the last word
    turns, tools = read_turns(top), read_tools(top)
    config = top.fields("generationConfig") or Fields({})
    labels = top.object("labels")
    if labels is not None:
        mark["labels"] = None
    request = Request(
        model=ask.model,
        turns=turns,
        tools=tools,
        tool_choice=read_tool_choice(top.fields("toolConfig")),
        sampling=read_sampling(config),
        reasoning=read_reasoning(config.fields("thinkingConfig")),
        output_format=read_format(config),
        stream=ask.stream,
        include_usage=True,  # each chunk counts here
        metadata=labels,
        service_tier=top.text("serviceTier"),
    )
    # Last, when all the others took theirs.
    return evolve(request, extras=extras_of(mark | top.rest()))
