"""
A request, from the client's JSON to the domain.

Runs only where a request is translated: members that only the upstream knows are
none of its business. What is not modelled stays in ``extras``.

Source: https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Opaque
from gateway.domain.request import (
    OfferedTool,
    OutputFormat,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.fronts.anthropic.messages import keep, read_turns
from gateway.fronts.fields import Fields, parse, unacceptable, unexpected
from gateway.wire.anthropic import PROTOCOL, extras_of
from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.fronts.base import Ask

_CHOICES = ("auto", "any", "tool", "none")
_MAY_BE_EMPTY = ("tools", "stop_sequences", "metadata", "output_config")


def read_request(body: bytes, ask: Ask) -> Request:
    """
    Read what a client asks.

    Raises:
        InvalidRequestError: with the JSON path in ``param``, and what was
            expected there.
    """
    return _read(body, ask, counting=False)


def read_count(body: bytes, ask: Ask) -> Request:
    """
    Read a request to count tokens, which is the same without a limit.

    Raises:
        InvalidRequestError: as above.
    """
    return _read(body, ask, counting=True)


def write_count(tokens: int, estimated: bool) -> bytes:
    """
    Return the answer.

    Anthropic's own counts are estimates, too, so an estimate of ours is marked:
    with a member that clients' types do not know and pass over.
    """
    mark = {"estimated": True} if estimated else {}
    return encode({"input_tokens": tokens, **mark})


def _read(body: bytes, ask: Ask, *, counting: bool) -> Request:
    json = parse(body)
    top = Fields(json)
    for name in _MAY_BE_EMPTY:
        if json.get(name) in ([], {}):
            keep(top, name, json[name])
    sampling = _read_sampling(top, counting=counting)
    output = top.fields("output_config")
    metadata = top.fields("metadata")
    parallel, choice = _read_tool_choice(top.fields("tool_choice"))
    stream = top.flag("stream")
    if stream is False:
        keep(top, "stream", stream)
    top.json("model")
    return Request(
        model=ask.model,
        turns=read_turns(top),
        tools=tuple(_read_tool(json, at) for at, json in top.items("tools")),
        tool_choice=choice,
        parallel_tools=parallel,
        sampling=sampling,
        reasoning=_read_reasoning(top, output),
        output_format=_read_format(top, output),
        stream=ask.stream,
        include_usage=ask.stream,
        user=metadata.text("user_id") if metadata else None,
        service_tier=top.text("service_tier"),
        # Even if it is empty: it says that the request was of this dialect.
        extras={PROTOCOL: top.rest()},
    )


def _read_sampling(top: Fields, *, counting: bool) -> Sampling:
    most = top.integer("max_tokens", 0)
    if most is None and not counting:
        top.needs("max_tokens", "an integer from 0 up")
    return Sampling(
        temperature=top.number("temperature"),
        top_p=top.number("top_p"),
        top_k=top.integer("top_k"),
        max_tokens=most,
        stop=tuple(_stop(json, at) for at, json in top.items("stop_sequences")),
    )


def _stop(json: Json, at: str) -> str:
    if isinstance(json, str):
        return json
    raise unexpected(at, "a string", json)


def _read_tool(json: Json, at: str) -> OfferedTool:
    """Read a tool of the caller's; the provider's own have another type."""
    fields = Fields(json, at)
    kind = fields.text("type")
    if kind not in (None, "custom"):
        return Opaque(PROTOCOL, json)
    if kind is not None:
        keep(fields, "type", kind)
    name = fields.needs_name("name")
    schema = fields.needs("input_schema", "an object")
    if not isinstance(schema, dict):
        raise unexpected(fields.at("input_schema"), "an object", schema)
    return Tool(
        name,
        fields.text("description"),
        schema,
        fields.flag("strict"),
        extras=extras_of(fields.rest()),
    )


def _read_tool_choice(fields: Fields | None) -> tuple[bool | None, ToolChoice | None]:
    """Return whether several tools may be called at once, and the choice."""
    if fields is None:
        return None, None
    kind = fields.needs_word("type", _CHOICES)
    alone = fields.flag("disable_parallel_tool_use")
    parallel = None if alone is None else not alone
    match kind:
        case "tool":
            name = fields.needs_name("name")
            return parallel, ToolChoice("named", (name,), extras_of(fields.rest()))
        case "any":
            return parallel, ToolChoice("required", extras=extras_of(fields.rest()))
        case "none":
            return parallel, ToolChoice("none", extras=extras_of(fields.rest()))
        case _:
            return parallel, ToolChoice("auto", extras=extras_of(fields.rest()))


def _read_reasoning(top: Fields, output: Fields | None) -> Reasoning:
    """
    Read ``thinking`` and the effort, which in this dialect is about all words.

    A ``thinking`` of a type to come stays as it is.
    """
    effort = output.text("effort") if output else None
    thinking = top.json("thinking")
    if thinking is None:
        return Reasoning(effort)
    fields = Fields(thinking, "thinking")
    match fields.needs_name("type"):
        case "enabled":
            budget = fields.integer("budget_tokens", 1)
            if budget is None:
                fields.needs("budget_tokens", "an integer from 1 up")
            return Reasoning(effort, budget, enabled=True, extras=_rest(fields))
        case "adaptive":
            return Reasoning(effort, enabled=True, extras=_rest(fields))
        case "disabled":
            return Reasoning(effort, enabled=False, extras=_rest(fields))
        case _:
            return Reasoning(effort, extras=extras_of({"thinking": thinking}))


def _rest(fields: Fields) -> dict[str, Json]:
    return extras_of(fields.rest())


def _read_format(top: Fields, output: Fields | None) -> OutputFormat | None:
    """Read ``output_config.format``, or ``output_format``, its name in a beta."""
    fields = output.fields("format") if output else None
    older = top.fields("output_format")
    if fields is None and older is None:
        return None
    if fields is not None and older is not None:
        message = "nothing beside output_config.format"
        raise unacceptable("output_format", message, "both")
    extras: dict[str, Json] = {} if fields is not None else {"output_format": None}
    found = fields or older
    assert found is not None  # noqa: S101 - one of them is there
    found.needs_word("type", ("json_schema",))
    schema = found.needs("schema", "an object")
    if not isinstance(schema, dict):
        raise unexpected(found.at("schema"), "an object", schema)
    return OutputFormat("schema", schema, extras=extras_of({**extras, **found.rest()}))
