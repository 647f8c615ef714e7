"""
A Responses request, from the client's JSON to the domain.

Runs only where a request is translated: members that only the upstream knows are
none of its business. What is not modelled stays in ``extras``.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.errors import InvalidRequestError
from gateway.domain.loss import STATE
from gateway.domain.request import Request, Sampling
from gateway.fronts.fields import Fields, parse
from gateway.fronts.openai_responses.additional import find_placed, offered
from gateway.fronts.openai_responses.items import INPUT, read_turns
from gateway.fronts.openai_responses.settings import (
    read_choice,
    read_format,
    read_reasoning,
    read_tools,
)
from gateway.wire.openai_responses.names import FORM, PLACED, PROTOCOL, extras_of
from gateway.wire.openai_responses.namespaces import namespaced, together

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import Turn
    from gateway.fronts.base import Ask
    from gateway.wire.openai_responses.namespaces import Names

LOGPROBS = "message.output_text.logprobs"
# What the gateway gives to everybody, or does itself; leaving it out of a request
# to another protocol loses nothing.
_GIVEN = {"reasoning.encrypted_content", LOGPROBS}
_OURS = ("store", "stream_options", "background")


def read_request(body: bytes, ask: Ask) -> Request:  # noqa: ARG001 - all is in the body
    """
    Read what a client asks.

    ``extras`` always has members of this dialect, by which its writer knows that
    the request was made in it and needs nothing added.

    Raises:
        InvalidRequestError: with the JSON path in ``param``, and what was
            expected there; also for ``background``, which needs a provider that
            goes on without us.
    """
    json = parse(body)
    top = Fields(json)
    if top.flag("background"):
        raise InvalidRequestError(
            "background: this backend cannot answer in the background; leave it out",
            code="unsupported_parameter",
            param="background",
        )
    placed = find_placed(json.get("input"))
    request = _read(top, placed)
    members, form = _sort(top.rest(), json)
    if placed:
        members[PLACED] = placed
    stands = any(name in members for name in (*STATE[PROTOCOL], PLACED))
    if not request.turns and not stands:
        top.needs("input", INPUT)
    return evolve(request, extras=extras_of({**members, FORM: form}))


def _read(top: Fields, placed: list[dict[str, Json]]) -> Request:
    text = top.fields("text")
    tools = offered(read_tools(top), placed)
    spaces = namespaced(tools)
    return Request(
        model=top.needs_name("model"),
        turns=tuple(_together(turn, spaces) for turn in read_turns(top)),
        tools=tools,
        tool_choice=read_choice(top, tools),
        parallel_tools=top.flag("parallel_tool_calls"),
        sampling=_read_sampling(top, text),
        reasoning=read_reasoning(top.fields("reasoning")),
        output_format=read_format(text),
        stream=top.flag("stream") or False,
        include_usage=True,  # always in the answer
        user=top.text("user"),
        metadata=top.object("metadata"),
        service_tier=top.text("service_tier"),
    )


def _together(turn: Turn, spaces: dict[str, Names]) -> Turn:
    """Return *turn* with calls by the names that their tools have."""
    if not spaces:
        return turn
    return evolve(turn, parts=tuple(together(part, spaces) for part in turn.parts))


def _read_sampling(top: Fields, text: Fields | None) -> Sampling:
    included = top.json("include")
    top.keep("include", included)
    wants = isinstance(included, list) and LOGPROBS in included
    return Sampling(
        temperature=top.number("temperature"),
        top_p=top.number("top_p"),
        max_tokens=top.integer("max_output_tokens", least=1),
        logprobs=True if wants else None,
        top_logprobs=top.integer("top_logprobs", least=0),
        verbosity=text.text("verbosity") if text is not None else None,
    )


def _sort(
    rest: dict[str, Json], json: dict[str, Json]
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return the members that are not modelled, and what is form only."""
    form = {name: json[name] for name in (*_OURS, "stream") if name in json}
    rest = _without(rest, PLACED)  # bookkeeping of ours, whoever says it
    # A list or an object with nothing in it leaves no trace in the domain.
    emptied = ("input", "tools", "reasoning", "text")
    form |= {name: json[name] for name in emptied if json.get(name) in ([], {})}
    included = json.get("include")
    if isinstance(included, list) and _GIVEN.issuperset(map(str, included)):
        form["include"] = included
    if json.get("truncation") == "disabled":
        form["truncation"] = "disabled"
    members = {k: v for k, v in rest.items() if k not in form and k in json}
    # The members of these are with the things they belong to.
    if isinstance(members.get("reasoning"), dict):
        members = _without(members, "reasoning")
    if isinstance(inner := members.get("text"), dict):
        beside = {k: v for k, v in inner.items() if k != "format" or v is None}
        members = {**members, "text": beside} if beside else _without(members, "text")
    return members, form


def _without(members: dict[str, Json], name: str) -> dict[str, Json]:
    return {k: v for k, v in members.items() if k != name}
