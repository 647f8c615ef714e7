"""
A request in the Responses' own words.

What was asked in another dialect is not to be kept by the provider: nobody asked
for that, so it says ``store: false``. Thoughts then have to come sealed, or the
next turn has lost them; they are asked for so (``include``) where the request
has anything to do with thinking. Models that do not think refuse to be asked.

Source: https://platform.openai.com/docs/api-reference/responses/create and
https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors.openai_responses.settings import (
    adapt_choice,
    adapt_format,
    adapt_reasoning,
    adapt_tier,
    adapt_tools,
    shared,
    unsampled,
)
from connectors.openai_responses.turns import TurnWriter
from gateway.domain.loss import Loss, unsaid
from gateway.domain.parts import Thinking
from gateway.domain.request import Reasoning
from gateway.plugin import Written
from gateway.wire.ids import fit_user
from gateway.wire.openai_responses.names import PROTOCOL, form_of, said
from gateway.wire.openai_responses.settings import (
    write_choice,
    write_format,
    write_reasoning,
    write_tools,
)

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import Request

SEALED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"


def write_request(request: Request) -> Written:
    losses: list[Loss] = list(unsampled(request.sampling))
    ours = PROTOCOL in request.extras
    beside: dict[str, Json] = {}
    if not ours:
        request = _adapted(request, losses)
        beside = _stateless(request) | shared(request)
    json = {
        "model": request.model,
        **TurnWriter(request, losses).members(),
        **_settings(request),
        **beside,
        **form_of(request.extras),
    }
    words = said(request.extras)
    if isinstance(words.get("text"), dict):
        words["text"] = {**json.get("text", {}), **words["text"]}
    losses += unsaid(request, PROTOCOL, said=tuple(shared(request)))
    return Written(json | words, tuple(losses))


def _adapted(request: Request, losses: list[Loss]) -> Request:
    wanted = request.output_format
    tools = tuple(adapt_tools(request.tools, losses))
    return evolve(
        request,
        tools=tools,
        tool_choice=adapt_choice(request.tool_choice, tools, losses),
        reasoning=adapt_reasoning(request.reasoning, losses),
        output_format=None if wanted is None else adapt_format(wanted),
        service_tier=adapt_tier(request.service_tier, losses),
        user=fit_user(request.user, losses),
    )


def _stateless(request: Request) -> dict[str, Json]:
    wanted = []
    if request.reasoning != Reasoning() or _thinks(request):
        wanted.append(SEALED)
    if request.sampling.logprobs:
        wanted.append(LOGPROBS)
    return {"store": False, **({"include": wanted} if wanted else {})}


def _thinks(request: Request) -> bool:
    return any(isinstance(p, Thinking) for turn in request.turns for p in turn.parts)


def _settings(request: Request) -> dict[str, Json]:
    sampling, choice = request.sampling, request.tool_choice
    text: dict[str, Json] = {}
    if request.output_format is not None:
        text["format"] = write_format(request.output_format)
    if sampling.verbosity is not None:
        text["verbosity"] = sampling.verbosity
    optional = {
        "max_output_tokens": sampling.max_tokens,
        "metadata": request.metadata,
        "parallel_tool_calls": request.parallel_tools,
        "reasoning": write_reasoning(request.reasoning) or None,
        "service_tier": request.service_tier,
        "stream": request.stream or None,
        "temperature": sampling.temperature,
        "text": text or None,
        "tool_choice": choice and write_choice(choice, request.tools),
        "tools": write_tools(request.tools) or None,
        "top_logprobs": sampling.top_logprobs,
        "top_p": sampling.top_p,
        "user": request.user,
    }
    return {k: v for k, v in optional.items() if v is not None}
