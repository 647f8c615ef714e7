"""
A Chat Completions request, from the client's JSON to the domain.

Runs only where a request is translated: members that only the upstream knows are
none of its business. What is not modelled stays in ``extras``.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import Opaque
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
from gateway.wire.openai_chat import PROTOCOL, extras_of

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool
    from gateway.fronts.base import Ask

ToolMode = Literal["none", "auto", "required"]
MODES: tuple[ToolMode, ...] = ("none", "auto", "required")
# Tools that some server runs itself (OpenRouter's have a colon), for it alone. Any
# other type is taken for a slip.
SERVER_TOOLS = frozenset(
    {
        *("web_search", "web_search_preview", "browser_search", "live_search"),
        *("x_search", "file_search", "code_interpreter", "code_execution", "mcp"),
        *("retrieval", "image_generation", "builtin_function"),
    }
)
FORMATS: dict[str, Literal["text", "json", "schema"]] = {
    "text": "text",
    "json_object": "json",
    "json_schema": "schema",
}


def read_request(body: bytes, ask: Ask) -> Request:
    """
    Read what a client asks.

    ``max_tokens`` is the older name of ``max_completion_tokens``, a stop sequence
    may be a bare string, compatible servers have their own ways to say how much to
    think: ``extras`` tell the form (see `extras_of`), so that a writer of this
    dialect can say it in the same words.

    Raises:
        InvalidRequestError: with the JSON path in ``param``, and what was
            expected there.
    """
    top = Fields(parse(body))
    _refuse_functions(top)
    options = top.fields("stream_options")
    metadata, tier = top.object("metadata"), top.text("service_tier")
    for name, value in (("metadata", metadata), ("service_tier", tier)):
        if value is not None:
            top.keep(name, None)
    tools = tuple(_read_tool(json, at) for at, json in top.items("tools"))
    return Request(
        model=top.text("model") or ask.model,
        turns=read_turns(top),
        tools=tools,
        tool_choice=_read_tool_choice(top, tools),
        parallel_tools=top.flag("parallel_tool_calls"),
        sampling=_read_sampling(top),
        reasoning=_read_reasoning(top),
        output_format=_read_format(top.fields("response_format")),
        stream=top.flag("stream") or False,
        include_usage=bool(options and options.flag("include_usage")),
        user=top.text("user"),
        metadata=metadata,
        service_tier=tier,
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
    newer = top.integer("max_completion_tokens", least=1)
    top_k = top.integer("top_k")  # not OpenAI's, and known to most others
    for name, value, json in (
        ("max_tokens", older, older),
        ("max_completion_tokens", newer, None),
        ("top_k", top_k, None),
    ):
        if value is not None:
            top.keep(name, json)
    return Sampling(
        temperature=top.number("temperature"),
        top_p=top.number("top_p"),
        top_k=top_k,
        max_tokens=older if newer is None else newer,
        stop=_read_stop(top),
        n=top.integer("n", least=1),
        seed=top.integer("seed"),
        presence_penalty=top.number("presence_penalty"),
        frequency_penalty=top.number("frequency_penalty"),
        logprobs=top.flag("logprobs"),
        top_logprobs=top.integer("top_logprobs", least=0),
        verbosity=top.text("verbosity"),
    )


def _read_reasoning(top: Fields) -> Reasoning:
    """
    Read how much to think.

    OpenAI's ``reasoning_effort``; OpenRouter's ``reasoning: {effort, max_tokens,
    enabled}``; ``thinking: {type, budget_tokens}`` of DeepSeek, z.ai and others.
    Objects of another shape are left to those who know them.
    """
    effort = top.text("reasoning_effort")
    said: dict[str, Json] = {} if effort is None else {"reasoning_effort": None}
    budget, enabled = None, None
    if isinstance(json := top.json("reasoning"), dict):
        left = dict(json)
        if effort is None and isinstance(left.get("effort"), str):
            effort = left.pop("effort")
        if type(left.get("max_tokens")) is int:
            budget = left.pop("max_tokens")
        if isinstance(left.get("enabled"), bool):
            enabled = left.pop("enabled")
        said["reasoning"] = left or None
    elif json is not None:
        top.keep("reasoning", json)
    match json := top.json("thinking"):
        case {"type": "enabled" | "disabled" as kind, **left} if enabled is None:
            enabled = kind == "enabled"
            if budget is None and type(left.get("budget_tokens")) is int:
                budget = left.pop("budget_tokens")
            said["thinking"] = left or None
        case None:
            pass
        case _:
            top.keep("thinking", json)
    return Reasoning(effort, budget, enabled, extras=extras_of(said))


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


def _read_tool(json: Json, path: str) -> OfferedTool:
    fields = Fields(json, path)
    kind = json.get("type")
    if isinstance(kind, str) and (kind in SERVER_TOOLS or ":" in kind):
        return Opaque(PROTOCOL, json)
    kind = fields.needs_word("type", ("function", "custom"))
    inner = fields.needs_fields(kind)
    name, description = inner.needs_name("name"), inner.text("description")
    if kind == "custom":
        form = inner.object("format")
        extras = extras_of(fields.rest())
        return Tool(name, description, custom=True, format=form, extras=extras)
    schema, strict = inner.object("parameters"), inner.flag("strict")
    return Tool(name, description, schema, strict, extras=extras_of(fields.rest()))


def _read_tool_choice(top: Fields, tools: tuple[OfferedTool, ...]) -> ToolChoice | None:
    value = top.json("tool_choice")
    if value is None:
        return None
    if value == "any":  # Mistral's word, and its clients'
        return ToolChoice("required", extras=extras_of({"any": None}))
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
        extras = extras_of({"allowed_tools": None} | fields.rest())
        return ToolChoice(cast("ToolMode", mode), names, extras)
    name = _read_tool_name(fields, tools, kind)
    return ToolChoice("named", (name,), extras_of(fields.rest()))


def _read_tool_name(
    fields: Fields, tools: tuple[OfferedTool, ...], kind: str | None = None
) -> str:
    kind = kind or fields.needs_word("type", ("function", "custom"))
    inner = fields.needs_fields(kind)
    name = inner.needs_name("name")
    custom = kind == "custom"
    offered = {t.name for t in tools if isinstance(t, Tool) and t.custom == custom}
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
