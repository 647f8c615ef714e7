"""
Requests of Mistral's chat, which refuses members that it does not know.

Source: https://docs.mistral.ai/api/endpoint/chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from connectors.mistral.messages import STYLE, WORDS
from connectors.openai_chat.effort import write_effort
from connectors.openai_chat.messages import Messages
from connectors.openai_chat.request import write_format, write_sampling
from connectors.openai_chat.tools import write_choice, write_parallel, write_tools
from gateway.domain.custom import without_custom
from gateway.domain.loss import Loss, dropped, unsaid
from gateway.domain.request import Tool
from gateway.plugin import Written
from gateway.wire.mistral import PROTOCOL
from gateway.wire.openai_chat import own

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import OfferedTool, Request, Sampling

# Mistral's own members, as its clients write them when they call the gateway.
OWN = frozenset(
    {
        *("random_seed", "safe_prompt", "prompt_mode", "prediction", "guardrails"),
        "prompt_cache_key",
    }
)
# What it has no member for, by the domain's name.
_UNKNOWN = ("top_k", "logprobs", "top_logprobs", "verbosity")
NO_PARAMETERS = {"type": "object", "properties": {}}


def write_request(request: Request) -> Written:
    """Put *request* into words; never raises."""
    request, adapted = without_custom(request, "Mistral")
    messages = Messages(STYLE)
    for i, turn in enumerate(request.turns):
        messages.turn(turn, f"turns[{i}]")
    messages.end()
    losses = messages.losses
    losses += adapted
    plain = _plain(request, losses)
    body: dict[str, Json] = {"model": request.model, "messages": messages.json}
    body |= (tools := write_tools(plain, WORDS, losses))
    body |= write_parallel(request, tools)
    choice = write_choice(plain, WORDS, losses)
    if tools:
        any_ = choice == {"tool_choice": "required"}
        body |= {"tool_choice": "any"} if any_ else choice
    body |= _sampling(request.sampling, losses)
    body |= write_effort(request.reasoning, WORDS, losses)
    body |= write_format(plain.output_format)
    body |= _rest(request, losses)
    turns = range(len(request.turns))
    said = [*OWN, *(f"turns[{i}].prefix" for i in turns)]
    if "openai_responses" in request.extras:
        said.append("store")  # which the gateway does itself
    losses += unsaid(request, PROTOCOL, said)
    return Written(body, tuple(losses))


def _plain(request: Request, losses: list[Loss]) -> Request:
    """
    Return the request with the tools that Mistral can offer.

    Without extras, too: those of a chat client are no members of Mistral's.
    """
    tools: list[OfferedTool] = []
    for i, tool in enumerate(request.tools):
        if isinstance(tool, Tool):
            schema = NO_PARAMETERS if tool.schema is None else tool.schema
            tools.append(evolve(tool, schema=schema, extras={}))
        else:
            losses.append(dropped(f"tools[{i}]", f"only {tool.origin} runs it"))
    choice, form = request.tool_choice, request.output_format
    return evolve(
        request,
        tools=tuple(tools),
        tool_choice=None if choice is None else evolve(choice, extras={}),
        output_format=None if form is None else evolve(form, extras={}),
    )


def _sampling(sampling: Sampling, losses: list[Loss]) -> dict[str, Json]:
    losses += [
        dropped(f"sampling.{name}", "Mistral has no such member")
        for name in _UNKNOWN
        if getattr(sampling, name) is not None
    ]
    changes: dict[str, Any] = dict.fromkeys((*_UNKNOWN, "seed"))
    known = evolve(sampling, **changes)
    json = write_sampling(known, {}, WORDS, losses)
    return json if sampling.seed is None else json | {"random_seed": sampling.seed}


def _rest(request: Request, losses: list[Loss]) -> dict[str, Json]:
    losses += [
        dropped(name, "Mistral has no such member")
        for name in ("user", "service_tier")
        if getattr(request, name) is not None
    ]
    responses = request.extras.get("openai_responses") or {}
    json: dict[str, Json] = {
        "metadata": request.metadata,
        "prompt_cache_key": responses.get("prompt_cache_key"),
        "stream": request.stream or None,
    }
    json |= {
        name: own(request.extras)[name] for name in OWN & own(request.extras).keys()
    }
    return {name: value for name, value in json.items() if value is not None}
