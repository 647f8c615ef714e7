"""
Requests of the Chat Completions protocol.

What a client of this dialect said is said again in the same words; what another
dialect's client said, in the words that the server understands (see `Words`).

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from connectors.openai_chat.answers import write_answer
from connectors.openai_chat.effort import write_effort
from connectors.openai_chat.messages import Messages, Style
from connectors.openai_chat.parts import write_part
from connectors.openai_chat.tools import write_choice, write_parallel, write_tools
from connectors.openai_chat.words import COMPATIBLE, Words
from gateway.domain.custom import without_custom
from gateway.domain.loss import Loss, dropped, unsaid
from gateway.plugin import Written
from gateway.wire.ids import fit_user
from gateway.wire.openai_chat import PROTOCOL, own
from gateway.wire.openai_chat.parts import joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.reply import Json
    from gateway.domain.request import OutputFormat, Reasoning, Request, Sampling

# Members of Responses that mean the same here, where OpenAI knows both.
SHARED = (
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
)
_FORMATS = {"text": "text", "json": "json_object", "schema": "json_schema"}
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
# Members that only tell by which of several names or forms something was said.
_FORMS = (
    *("max_tokens", "max_completion_tokens", "top_k", "stop"),
    *("metadata", "service_tier"),
)
# Where the domain has what servers may lack; all else is a way of sampling.
_PATHS = {
    "parallel_tool_calls": "parallel_tools",
    "service_tier": "service_tier",
    "user": "user",
}


def writer(words: Words) -> Callable[[Request], Written]:
    """Return `write_request` for servers that know *words*."""
    return partial(write_request, words=words)


def write_request(request: Request, words: Words = COMPATIBLE) -> Written:
    """Put *request* into words; never raises."""
    members = own(request.extras)
    request, adapted = _callable(request, words)
    messages = Messages(Style(PROTOCOL, words, write_part, write_answer))
    for i, turn in enumerate(request.turns):
        messages.turn(turn, f"turns[{i}]")
    messages.end()
    losses = messages.losses
    losses += adapted
    body: dict[str, Json] = {"model": request.model, "messages": messages.json}
    body |= (tools := write_tools(request, words, losses))
    body |= write_parallel(request, tools)
    body |= write_choice(request, words, losses)
    body |= write_sampling(request.sampling, members, words, losses)
    if said := own(request.reasoning.extras):
        body |= _as_said(request.reasoning, said)
    else:
        body |= write_effort(request.reasoning, words, losses)
    body |= write_format(request.output_format)
    body |= _write_labels(request, words, losses)
    body |= _write_rest(request, losses)
    body = joined(body, {k: v for k, v in members.items() if k not in _FORMS})
    for name in _FORMS:  # nulls that the client said
        if name in members and name not in body:
            body[name] = members[name]
    _leave_out(body, words, losses)
    known = [*SHARED, "store", *_cached(request, words)]
    losses += unsaid(request, PROTOCOL, known)
    return Written(body, tuple(losses))


def _callable(request: Request, words: Words) -> tuple[Request, list[Loss]]:
    """Return the request with tools that the server knows, and what that costs."""
    # Only Responses has them beside this dialect, whose clients know their server.
    if words.custom or "openai_responses" not in request.extras:
        return request, []
    return without_custom(request, "the server")


def write_sampling(
    sampling: Sampling,
    members: dict[str, Json],
    words: Words,
    losses: list[Loss],
) -> dict[str, Json]:
    """Return the members that steer how tokens are drawn."""
    top_k = sampling.top_k
    if top_k is not None and not words.top_k and "top_k" not in members:
        losses.append(dropped("sampling.top_k", "the server has no such member"))
        top_k = None
    json: dict[str, Json] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": top_k,
        "stop": _write_stop(sampling.stop, members.get("stop")),
        "n": sampling.n,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logprobs": sampling.logprobs,
        "top_logprobs": sampling.top_logprobs,
        "verbosity": sampling.verbosity,
    }
    json |= _write_limit(sampling.max_tokens, members, words)
    return {name: value for name, value in json.items() if value is not None}


def _write_stop(stop: tuple[str, ...], said: Json) -> Json:
    """Return the sequences as they were said: one may stand bare."""
    return said if (said,) == stop else list(stop) or None


def _write_limit(
    limit: int | None, members: dict[str, Json], words: Words
) -> dict[str, Json]:
    older = members.get("max_tokens")
    if limit is None:
        return {}
    if "max_completion_tokens" in members:
        return {"max_completion_tokens": limit, "max_tokens": older}
    return {words.limit if older is None else "max_tokens": limit}


def _as_said(reasoning: Reasoning, said: dict[str, Json]) -> dict[str, Json]:
    """Return the members that a client of this dialect used."""
    json: dict[str, Json] = {}
    effort, budget, enabled = reasoning.effort, reasoning.budget, reasoning.enabled
    if "reasoning_effort" in said:
        json["reasoning_effort"], effort = effort, None
    if "reasoning" in said:
        inner = {"effort": effort, "max_tokens": budget}
        if "thinking" not in said:
            inner["enabled"] = enabled
        known = {k: v for k, v in inner.items() if v is not None}
        json["reasoning"] = known | (said["reasoning"] or {})
        budget = None
    if "thinking" in said:
        kind = {"type": "enabled" if enabled else "disabled"}
        tokens = {} if budget is None else {"budget_tokens": budget}
        json["thinking"] = kind | tokens | (said["thinking"] or {})
    return json


def write_format(form: OutputFormat | None) -> dict[str, Json]:
    if form is None:
        return {}
    json: dict[str, Json] = {"type": _FORMATS[form.kind]}
    if form.kind == "schema":
        inner = {
            "name": form.name or "answer",  # it must have one
            "description": form.description,
            "schema": form.schema,
            "strict": form.strict,
        }
        json["json_schema"] = {k: v for k, v in inner.items() if v is not None}
    return {"response_format": joined(json, own(form.extras))}


def _write_labels(
    request: Request, words: Words, losses: list[Loss]
) -> dict[str, Json]:
    members = own(request.extras)
    json: dict[str, Json] = {}
    if request.metadata is not None:
        if words.metadata or "metadata" in members:
            json["metadata"] = request.metadata
        else:
            why = "the server takes it with stored answers only"
            losses.append(dropped("metadata", why))
    if request.service_tier is not None:
        if request.service_tier in _TIERS or "service_tier" in members:
            json["service_tier"] = request.service_tier
        else:
            losses.append(dropped("service_tier", "Chat Completions has no such tier"))
    return json


def _write_rest(request: Request, losses: list[Loss]) -> dict[str, Json]:
    json: dict[str, Json] = {"user": fit_user(request.user, losses)}
    shared = request.extras.get("openai_responses") or {}
    json |= {name: shared.get(name) for name in SHARED}
    if request.stream:
        # Counts are for the ledger, too; the front knows whether to show them.
        json["stream"] = True
        json["stream_options"] = {"include_usage": True}
    return {name: value for name, value in json.items() if value is not None}


def _leave_out(body: dict[str, Json], words: Words, losses: list[Loss]) -> None:
    """Take out of *body* what the server refuses."""
    for name in words.lacks:
        if body.pop(name, None) is not None:
            path = _PATHS.get(name, f"sampling.{name}")
            losses.append(dropped(path, "the server refuses that member"))


def _cached(request: Request, words: Words) -> list[str]:
    """Return the paths of Anthropic's cache marks that were written."""
    if not words.cache_control:
        return []
    return [
        f"turns[{i}].parts[{j}].cache_control"
        for i, turn in enumerate(request.turns)
        for j, _ in enumerate(turn.parts)
    ]
