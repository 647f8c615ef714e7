"""
A Chat Completions request, from the client's JSON to the domain.

Runs only where a request is translated: members that only the upstream knows are
none of its business. What is not modelled stays in ``extras``.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Literal, cast

from gateway.domain.errors import InvalidRequestError
from gateway.domain.request import (
    OutputFormat,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.fronts.fields import Fields, parse, unacceptable, unexpected
from gateway.fronts.openai_chat.messages import read_turns
from gateway.wire.openai_chat import extras_of

ToolMode = Literal["none", "auto", "required"]
MODES: tuple[ToolMode, ...] = ("none", "auto", "required")
FORMATS: dict[str, Literal["text", "json", "schema"]] = {
    "text": "text",
    "json_object": "json",
    "json_schema": "schema",
}


def read_request(body: bytes) -> Request:
    """
    Read what a client asks.

    ``max_tokens`` is the older name of ``max_completion_tokens``, and a stop
    sequence may be a bare string; such forms stay in ``extras`` as well, so that
    a writer of this dialect can say them in the same words.

    Raises:
        InvalidRequestError: with the JSON path in ``param``, and what was
            expected there.
    """
    top = Fields(parse(body))
    _refuse_functions(top)
    options = top.fields("stream_options")
    tools = tuple(_read_tool(Fields(json, at)) for at, json in top.items("tools"))
    return Request(
        model=top.needs_name("model"),
        turns=read_turns(top),
        tools=tools,
        tool_choice=_read_tool_choice(top, tools),
        parallel_tools=top.flag("parallel_tool_calls"),
        sampling=_read_sampling(top),
        reasoning=Reasoning(effort=top.text("reasoning_effort")),
        output_format=_read_format(top.fields("response_format")),
        stream=top.flag("stream") or False,
        include_usage=bool(options and options.flag("include_usage")),
        user=top.text("user"),
        extras=extras_of(top.rest()),  # last, when all the others took theirs
    )


def _refuse_functions(top: Fields) -> None:
    # Who offers `functions` wants the answer in that older form, too.
    for old, new in (("functions", "tools"), ("function_call", "tool_choice")):
        if top.json(old) is not None:
            raise InvalidRequestError(
                f"{old} is deprecated and is not translated; use {new}",
                code="unsupported_parameter",
                param=old,
            )


def _read_sampling(top: Fields) -> Sampling:
    older = top.integer("max_tokens", least=1)
    if older is not None:
        top.keep("max_tokens", older)
    return Sampling(
        temperature=top.number("temperature"),
        top_p=top.number("top_p"),
        top_k=top.integer("top_k"),  # not OpenAI's, and known to most others
        max_tokens=top.integer("max_completion_tokens", least=1) or older,
        stop=_read_stop(top),
        n=top.integer("n", least=1),
        seed=top.integer("seed"),
        presence_penalty=top.number("presence_penalty"),
        frequency_penalty=top.number("frequency_penalty"),
        logprobs=top.flag("logprobs"),
        top_logprobs=top.integer("top_logprobs", least=0),
        verbosity=top.text("verbosity"),
    )


def _read_stop(top: Fields) -> tuple[str, ...]:
    match top.json("stop"):
        case None:
            return ()
        case str(bare):
            top.keep("stop", bare)
            stops = [("stop", bare)]
        case list(items):
            stops = [(f"stop[{i}]", item) for i, item in enumerate(items)]
        case other:
            raise unexpected("stop", "a string or a list of strings", other)
    for at, stop in stops:
        if not isinstance(stop, str):
            raise unexpected(at, "a string", stop)
        if not stop:
            raise unacceptable(at, "a string that is not empty", stop)
    return tuple(stop for _, stop in stops)


def _read_tool(fields: Fields) -> Tool:
    kind = fields.needs_word("type", ("function", "custom"))
    inner = fields.needs_fields(kind)
    name, description = inner.needs_name("name"), inner.text("description")
    if kind == "custom":
        form = inner.object("format")
        extras = extras_of(fields.rest())
        return Tool(name, description, custom=True, format=form, extras=extras)
    schema, strict = inner.object("parameters"), inner.flag("strict")
    return Tool(name, description, schema, strict, extras=extras_of(fields.rest()))


def _read_tool_choice(top: Fields, tools: tuple[Tool, ...]) -> ToolChoice | None:
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
    kind = fields.needs_word("type", ("function", "custom", "allowed_tools"))
    if kind == "allowed_tools":
        inner = fields.needs_fields(kind)
        mode = inner.needs_word("mode", ("auto", "required"))
        names = tuple(
            _read_tool_name(Fields(json, at), tools)
            for at, json in inner.items("tools")
        )
        extras = extras_of(fields.rest())
        return ToolChoice(cast("ToolMode", mode), names, extras)
    name = _read_tool_name(fields, tools, kind)
    return ToolChoice("named", (name,), extras_of(fields.rest()))


def _read_tool_name(
    fields: Fields, tools: tuple[Tool, ...], kind: str | None = None
) -> str:
    kind = kind or fields.needs_word("type", ("function", "custom"))
    inner = fields.needs_fields(kind)
    name = inner.needs_name("name")
    offered = {tool.name for tool in tools if tool.custom == (kind == "custom")}
    if name not in offered:
        expected = f"the name of an offered {kind} tool"
        raise unacceptable(inner.at("name"), expected, name)
    return name


def _read_format(fields: Fields | None) -> OutputFormat | None:
    if fields is None:
        return None
    kind = FORMATS[fields.needs_word("type", FORMATS)]
    if kind != "schema":
        return OutputFormat(kind, extras=extras_of(fields.rest()))
    inner = fields.needs_fields("json_schema")
    return OutputFormat(
        kind,
        schema=inner.object("schema"),
        name=inner.needs_name("name"),
        description=inner.text("description"),
        strict=inner.flag("strict"),
        extras=extras_of(fields.rest()),
    )
